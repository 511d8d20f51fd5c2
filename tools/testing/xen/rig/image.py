# SPDX-License-Identifier: GPL-2.0-only
"""The Dom0 root image, the guest's kernel and initramfs, the hypervisor.

Built from unpacked Debian packages, once, in a directory of the cache named
by a hash of the package versions and of the files here that go into it.
"""

import fcntl
import gzip
import hashlib
import lzma
import os
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

from . import cpio, packages, paths

# What maintainer scripts would have linked.
ALTERNATIVES = {
    "usr/bin/awk": "gawk",
    "bin/nc": "nc.openbsd",
    "usr/bin/which": "which.debianutils",
}

# Not needed to run, and slow to copy.
DROPPED = ("usr/share/doc", "usr/share/man", "usr/share/locale",
           "usr/share/info", "usr/share/lintian")

# The kernel modules a guest loads; their dependencies come along.
GUEST_MODULES = ("xen-blkfront", "xen-netfront", "ext4", "xen-evtchn",
                 "xen-gntalloc", "xenfs", "crc32c_generic", "xen-hostile")

GUEST_PROGRAMS = ("sbin/mkfs.ext4", "usr/bin/socat", "usr/bin/iperf3",
                  "usr/bin/xenstore-read", "usr/bin/xenstore-write",
                  "usr/bin/xenstore-list")


class Image:
    """Paths of one built set of parts."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.root = self.directory / "root.img"
        self.xen = self.directory / "xen"
        self.xen_efi = self.directory / "xen.efi"
        self.busybox = self.directory / "busybox"


def get():
    """The current image, built if the cache does not hold it."""
    cache = paths.rig_cache()
    with open(cache / "image.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        directory = cache / f"image-{_key()}"
        if not (directory / "complete").exists():
            _build(directory)
            _forget_others(cache, directory)
    return Image(directory)


def _key():
    """Names what the image is made of."""
    digest = hashlib.sha256(_plan().encode())
    here = Path(__file__).parent
    for part in (Path(__file__), here / "cpio.py", here / "packages.py",
                 paths.HERE / "dom0/agent",
                 *sorted((paths.HERE / "guest").rglob("*"))):
        if part.is_file():
            digest.update(part.read_bytes())
    return digest.hexdigest()[:16]


def _plan():
    """The packages and versions that go in, asked of apt once per update."""
    lists = subprocess.run(
        ["apt-config", "shell", "D", "Dir::State::lists/d"], text=True,
        capture_output=True, check=True).stdout.split("'")[1]
    stamp = hashlib.sha256((paths.HERE / "packages.txt").read_bytes())
    for path in sorted(Path(lists).glob("*")):
        status = path.stat()
        stamp.update(f"{path.name} {status.st_size} {status.st_mtime_ns}"
                     .encode())
    known = paths.rig_cache() / "plan"
    name = stamp.hexdigest()
    if known.exists():
        had, _, plan = known.read_text().partition("\n")
        if had == name:
            return plan
    plan = "\n".join(packages.plan(packages.section("image") +
                                   packages.section("boot") +
                                   packages.section("headers")))
    known.write_text(f"{name}\n{plan}")
    return plan


def _forget_others(cache, directory):
    """Drops older images, but not one that may be in use."""
    old = [p for p in cache.glob("image-*") if p != directory]
    for path in sorted(old, key=lambda p: p.stat().st_mtime)[:-2]:
        shutil.rmtree(path, ignore_errors=True)


def _build(directory):
    print("rig: building the Dom0 root image (once)", flush=True)
    work = directory.with_suffix(".new")
    shutil.rmtree(work, ignore_errors=True)
    parts = work / "parts"
    tree, boot = work / "tree", work / "boot"
    parts.mkdir(parents=True)
    for archive in packages.download(packages.section("image")):
        packages.unpack(archive, tree)
    for archive in packages.download(packages.section("boot")):
        if archive.name.startswith(("linux-image-", "xen-hypervisor-")):
            packages.unpack(archive, boot)

    _hypervisor(boot, parts)
    _configure(tree)
    kernel = next((boot / "boot").glob("vmlinuz-*"))
    (tree / "boot/guest-vmlinux").write_bytes(_vmlinux(kernel))
    _programs(tree, work)
    _guest_module(boot, work)
    (tree / "boot/guest-initrd").write_bytes(
        _guest_initramfs(tree, boot).bytes())
    shutil.copy(tree / "bin/busybox", parts / "busybox")
    _filesystem(tree, parts / "root.img")

    (parts / "complete").write_text("")
    shutil.rmtree(directory, ignore_errors=True)
    parts.rename(directory)
    shutil.rmtree(work)


def _hypervisor(boot, out):
    packed = next((boot / "boot").glob("xen-*.gz"))
    (out / "xen").write_bytes(gzip.decompress(packed.read_bytes()))
    shutil.copy(next((boot / "boot").glob("xen-*.efi")), out / "xen.efi")


def _vmlinux(kernel):
    """The ELF image inside a bzImage.

    The toolstack would unpack it for each guest it starts, which takes
    seconds under emulation.  Kernels packed in a way unknown here are left
    as they are.
    """
    data = kernel.read_bytes()
    setup = (data[0x1f1] or 4) + 1
    offset, length = struct.unpack_from("<II", data, 0x248)
    packed = data[setup * 512 + offset:][:length]
    for magic, unpack in ((b"\xfd7zXZ\0", lzma.LZMADecompressor),
                          (b"\x1f\x8b", lambda: zlib.decompressobj(31))):
        if packed.startswith(magic):
            return unpack().decompress(packed)
    return data


def _configure(tree):
    """What installing, rather than unpacking, would have done."""
    for name in DROPPED:
        shutil.rmtree(tree / name, ignore_errors=True)
    for link, target in ALTERNATIVES.items():
        if not (tree / link).exists():
            (tree / link).symlink_to(target)
    defaults = tree / "usr/share/base-passwd"
    shutil.copy(defaults / "passwd.master", tree / "etc/passwd")
    shutil.copy(defaults / "group.master", tree / "etc/group")
    (tree / "etc/hostname").write_text("dom0\n")
    (tree / "etc/hosts").write_text("127.0.0.1 localhost dom0\n")
    (tree / "etc/fstab").write_text("")
    (tree / "etc/profile").write_text("export PS1='dom0# '\n")
    for name in ("rig", "proc", "sys", "dev", "run", "tmp", "mnt",
                 "var/lib/xen", "var/log/xen", "lib/modules"):
        (tree / name).mkdir(parents=True, exist_ok=True)
    for name in ("lock", "run"):
        path = tree / "var" / name
        if not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
            path.symlink_to(f"/run/{name}" if name == "lock" else "/run")
    # Python starts several times faster under emulation when compiled.
    for lib in (tree / "usr/lib").glob("python3*"):
        subprocess.run(["/usr/bin/python3", "-m", "compileall", "-q",
                        "--invalidation-mode", "unchecked-hash", str(lib)],
                       check=False, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)


def _filesystem(tree, out):
    """An ext4 image owned by root; fakeroot pretends, mke2fs copies."""
    environment = dict(os.environ)
    environment["PATH"] += ":/usr/sbin:/sbin"
    script = ('chown -R 0:0 "$1" && mke2fs -q -t ext4 -O ^metadata_csum_seed '
              '-E lazy_itable_init=1,lazy_journal_init=1 -L dom0 '
              '-d "$1" "$2" 1200M')
    subprocess.run(["fakeroot", "sh", "-ec", script, "sh", str(tree),
                    str(out)], check=True, env=environment,
                   stdout=subprocess.DEVNULL)


def _module_files(boot):
    """Maps a module's name to its file and to the names it needs."""
    modules = next((boot / "lib/modules").iterdir())
    subprocess.run(["/sbin/depmod", "-b", str(boot), modules.name],
                   check=True)
    found = {}
    for line in (modules / "modules.dep").read_text().splitlines():
        file, _, needs = line.partition(":")
        found[_module_name(file)] = (
            file, [_module_name(need) for need in needs.split()])
    return modules, found


def _module_name(file):
    return Path(file).name.split(".ko")[0].replace("-", "_")


def _guest_initramfs(tree, boot):
    """busybox, a few programs with their libraries, modules, the agent."""
    archive = cpio.Archive()
    for name in ("proc", "sys", "dev", "tmp", "run", "mnt", "lib", "sbin"):
        archive.directory(name)
    archive.console()
    archive.file("bin/busybox", tree / "bin/busybox")
    archive.symlink("bin/sh", "busybox")
    archive.file("init", paths.HERE / "guest/init", 0o755)
    archive.file("agent", paths.HERE / "dom0/agent", 0o755)
    for program in sorted((tree / "usr/local/bin").iterdir()):
        archive.file(f"bin/{program.name}", program, 0o755)
    for program in GUEST_PROGRAMS:
        archive.file(program, tree / program, 0o755)
    for library in sorted(_libraries(tree, GUEST_PROGRAMS)):
        archive.file(f"lib/{library.name}", library, 0o755)
    archive.file("lib64/ld-linux-x86-64.so.2",
                 tree / "lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", 0o755)

    modules, found = _module_files(boot)
    wanted, todo = [], [m.replace("-", "_") for m in GUEST_MODULES]
    while todo:
        name = todo.pop()
        if name in found and name not in wanted:
            wanted.append(name)
            todo += found[name][1]
    base = f"lib/modules/{modules.name}"
    for name in wanted:
        archive.file(f"{base}/{found[name][0]}", modules / found[name][0])
    for name in ("modules.dep", "modules.alias", "modules.softdep"):
        archive.file(f"{base}/{name}", modules / name)
    return archive


def _programs(tree, work):
    """Our own test programs, for the guest and for Dom0 alike."""
    out = tree / "usr/local/bin"
    out.mkdir(parents=True, exist_ok=True)
    for source in sorted((paths.HERE / "guest").glob("*.c")):
        subprocess.run(["gcc", "-O2", "-Wall", "-static", "-o",
                        str(out / source.stem), str(source)], check=True)


def _guest_module(boot, work):
    """The hostile guest's module, among those of the guest's kernel."""
    headers = work / "headers"
    for archive in packages.download_some(
            packages.section("headers"),
            lambda name: name.startswith(("linux-headers-", "linux-kbuild-"))):
        packages.unpack(archive, headers)
    modules = next((boot / "lib/modules").iterdir())
    build = headers / f"usr/src/linux-headers-{modules.name}"
    # It names the folder that it would be installed in.
    makefile = build / "Makefile"
    makefile.write_text(makefile.read_text().replace(
        "/usr/src/", f"{headers}/usr/src/"))
    source = work / "module"
    shutil.copytree(paths.HERE / "guest/kernel", source)
    subprocess.run(["make", "-s", "-C", str(build), f"M={source}", "modules"],
                   check=True, stdin=subprocess.DEVNULL)
    (modules / "extra").mkdir()
    shutil.copy(source / "xen-hostile.ko", modules / "extra")


def _libraries(tree, programs):
    """The shared libraries in @tree that @programs load."""
    directories = [tree / "lib/x86_64-linux-gnu",
                   tree / "usr/lib/x86_64-linux-gnu"]
    found, todo = set(), [tree / program for program in programs]
    while todo:
        dump = subprocess.run(["objdump", "-p", str(todo.pop())], text=True,
                              capture_output=True, check=True).stdout
        for line in dump.splitlines():
            if not line.split() or line.split()[0] != "NEEDED":
                continue
            name = line.split()[1]
            for directory in directories:
                if (directory / name).exists() and \
                        directory / name not in found:
                    found.add(directory / name)
                    todo.append(directory / name)
    return found
