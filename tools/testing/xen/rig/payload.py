# SPDX-License-Identifier: GPL-2.0-only
"""Dom0's initramfs: busybox, the tested kernel's modules, our scripts."""

import fcntl
import shutil
import subprocess
import tempfile
from pathlib import Path

from . import cpio, paths

GUEST_CONFIG = """\
name = "{name}"
type = "{kind}"
kernel = "/boot/guest-vmlinux"
ramdisk = "/boot/guest-initrd"
extra = "console=hvc0 rig_ip={ip}"
memory = 448
vcpus = {vcpus}
disk = ["phy:{disk},xvda,w"]
vif = ["mac=00:16:3e:00:00:{number:02x},bridge=xenbr0"]
on_crash = "preserve"
on_reboot = "destroy"
"""


class Kernel:
    """A kernel to boot: its image, and its modules when it has any."""

    def __init__(self, image, modules=None):
        self.image = Path(image)
        self.modules = Path(modules) if modules else None
        self._lock = None

    @classmethod
    def from_build(cls, directory):
        """The kernel in a build directory, as make left it."""
        directory = Path(directory)
        kernel = cls(directory / "arch/x86/boot/bzImage", directory)
        kernel._keep(directory.name)
        return kernel

    def _keep(self, name):
        """As long as this is used nobody rebuilds it, cf. scripts/kernel."""
        locks = paths.cache_dir() / "locks"
        locks.mkdir(parents=True, exist_ok=True)
        self._lock = open(locks / f"out-{name}", "a")
        fcntl.flock(self._lock, fcntl.LOCK_SH)

    def release(self):
        """The kernel's own idea of its version, or None."""
        if not self.modules:
            return None
        stated = self.modules / "include/config/kernel.release"
        if stated.exists():
            return stated.read_text().strip()
        installed = list((self.modules / "lib/modules").glob("*"))
        return installed[0].name if len(installed) == 1 else None


def initramfs(out, image, kernel, disks, script=None, files=()):
    """Writes Dom0's initramfs to @out."""
    archive = cpio.Archive()
    for name in ("proc", "sys", "dev", "bin", "lib/modules", "tmp"):
        archive.directory(name)
    archive.console()
    archive.file("bin/busybox", image.busybox, 0o755)
    archive.file("init", paths.HERE / "dom0/initramfs-init", 0o755)
    archive.file("rig/init", paths.HERE / "dom0/init", 0o755)
    archive.file("rig/agent", paths.HERE / "dom0/agent", 0o755)
    archive.file("rig/bin/guest", paths.HERE / "dom0/guest", 0o755)
    for name in ("poweroff", "reboot"):
        archive.file(f"rig/bin/{name}", paths.HERE / "dom0/poweroff", 0o755)
    for number, (kind, disk) in enumerate(zip(("pv", "pvh"), disks), 1):
        archive.data(f"rig/xen/{kind}.cfg", GUEST_CONFIG.format(
            name=kind, kind=kind, ip=f"10.0.2.{20 + number}", disk=disk,
            number=number, vcpus=1))
    if script:
        archive.file("rig/script", script, 0o755)
    for file in files:
        archive.file(f"rig/files/{Path(file).name}", file)
    if kernel.modules and kernel.release():
        with tempfile.TemporaryDirectory() as directory:
            archive.tree("lib/modules", _modules(kernel, directory))
    archive.write(out)


def _modules(kernel, directory):
    """Lays the kernel's modules out as modules_install would."""
    release = kernel.release()
    base = Path(directory) / "lib/modules" / release
    base.mkdir(parents=True)
    for module in _built(kernel.modules):
        shutil.copy(module, base / module.name)
    for name in ("modules.builtin", "modules.builtin.modinfo",
                 "modules.order"):
        if (kernel.modules / name).exists():
            shutil.copy(kernel.modules / name, base / name)
    subprocess.run(["/sbin/depmod", "-b", str(directory), release],
                   check=True)
    for module in base.glob("*.ko"):
        subprocess.run(["strip", "--strip-debug", str(module)], check=False)
    return Path(directory) / "lib/modules"


def _built(directory):
    """The modules in a build directory, or in an installed tree."""
    order = directory / "modules.order"
    if order.exists():
        for line in order.read_text().split():
            path = directory / line
            path = path if path.suffix == ".ko" else path.with_suffix(".ko")
            if path.exists():
                yield path
    else:
        yield from sorted(directory.rglob("*.ko"))
