# SPDX-License-Identifier: GPL-2.0-only
"""The emulated machine: which devices, and how Xen and Dom0 get into it."""

from dataclasses import dataclass, field
from pathlib import Path

# Nested paging, for PVH guests and a PVH Dom0.
CPU = "qemu64,+svm,+npt,+nrip-save"
OVMF = Path("/usr/share/OVMF")

XEN_OPTIONS = ("com1=115200,8n1 console=com1 loglvl=info guest_loglvl=info "
               "bootscrub=0 dom0_mem={memory}M,max:{memory}M "
               "dom0_max_vcpus={vcpus}")
XEN_PVH = " dom0=pvh iommu=no-sharept cpuidle=0"
DOM0_OPTIONS = ("console=hvc0 earlyprintk=xen root={root} panic=1 "
                "log_buf_len=8M")


@dataclass
class Config:
    """One machine."""
    mode: str = "pv"
    vcpus: int = 1
    memory: int = 2560
    dom0_memory: int = 1024
    disk: str = "virtio"
    nic: str = "virtio"
    linux: str = ""
    xen: str = ""
    # More disks: the file of each, and whether it is read-only.
    drives: list = field(default_factory=list)
    # Let virtual time be the number of instructions executed.
    count: bool = False
    extra: list = field(default_factory=list)

    def physical_cpus(self):
        """As many as Dom0 has, but one in PVH mode or when counting.

        What QEMU 7.2 emulates of SVM goes wrong now and then, and often on
        several processors: Xen and a PVH Dom0 lose interrupts, as is told in
        monitor.py, or take one with IF clear, whoever's Dom0 code it is.  The
        virtual CPUs share one.
        """
        return 1 if self.mode == "pvh" or self.count else self.vcpus

    def accelerator(self):
        """Emulation; in one thread and 2 ns an instruction when counting."""
        if self.count:
            return ["-accel", "tcg,thread=single",
                    "-icount", "shift=1,sleep=off"]
        return ["-accel", "tcg,thread=multi"]

    def root_device(self):
        return "/dev/nvme0n1" if self.disk == "nvme" else "/dev/vda"

    def scratch_devices(self):
        """Where Dom0 finds the two scratch disks, one for each guest."""
        return ("/dev/vda", "/dev/vdb") if self.disk == "nvme" \
            else ("/dev/vdb", "/dev/vdc")


def command(config, image, kernel, initramfs, directory):
    """The QEMU command line; also lays out what the firmware boots."""
    directory = Path(directory)
    linux = DOM0_OPTIONS.format(root=config.root_device())
    linux = f"{linux} {config.linux}".strip()
    xen = XEN_OPTIONS.format(memory=config.dom0_memory, vcpus=config.vcpus)
    line = ["qemu-system-x86_64", *config.accelerator(),
            "-nodefaults", "-display", "none", "-no-reboot",
            "-m", str(config.memory), "-smp", str(config.physical_cpus()),
            "-qmp", f"unix:{directory.name},abstract=on,server=on,wait=off"]
    if config.mode == "pv":
        line += _multiboot(image, kernel, initramfs, f"{xen} {config.xen}",
                           linux)
    else:
        line += _firmware(image, kernel, initramfs,
                          f"{xen}{XEN_PVH} {config.xen}", linux, directory)
    return line + _devices(config, image, directory) + list(config.extra)


def _multiboot(image, kernel, initramfs, xen, linux):
    return ["-cpu", CPU, "-kernel", str(image.xen), "-append", xen,
            "-initrd", f"{kernel.image} {_quoted(linux)},{initramfs}"]


def _quoted(options):
    # QEMU separates multiboot modules by commas; a doubled one is literal.
    return options.replace(",", ",,")


def _firmware(image, kernel, initramfs, xen, linux, directory):
    """UEFI starts Xen from a directory that QEMU presents as a disk."""
    system = directory / "efi"
    boot = system / "EFI/BOOT"
    boot.mkdir(parents=True, exist_ok=True)
    for name, source in (("BOOTX64.EFI", image.xen_efi),
                         ("vmlinuz", kernel.image),
                         ("initrd.img", initramfs)):
        target = boot / name
        target.unlink(missing_ok=True)
        target.write_bytes(Path(source).read_bytes())
    (boot / "BOOTX64.cfg").write_text(
        f"[global]\ndefault=dom0\n[dom0]\noptions={xen}\n"
        f"kernel=vmlinuz {linux}\nramdisk=initrd.img\n")
    return ["-machine", "q35", "-cpu", CPU,
            "-device", "intel-iommu,intremap=off",
            "-drive", f"if=pflash,format=raw,readonly=on,"
                      f"file={OVMF}/OVMF_CODE_4M.fd",
            "-drive", f"if=pflash,format=raw,snapshot=on,"
                      f"file={OVMF}/OVMF_VARS_4M.fd",
            "-drive", f"if=none,id=efi,format=raw,file=fat:rw:{system}",
            "-device", "ide-hd,drive=efi,bootindex=0"]


def _devices(config, image, directory):
    """The disks and the network card Dom0 drives, all on the PCI bus."""
    modern = ",disable-legacy=on,iommu_platform=on" \
        if config.mode == "pvh" else ""
    line = ["-drive", f"if=none,id=root,format=raw,snapshot=on,"
                      f"file={image.root}"]
    if config.disk == "nvme":
        line += ["-device", "nvme,serial=root,drive=root"]
    else:
        line += ["-device", f"virtio-blk-pci,drive=root{modern}"]
    for number in (1, 2):
        scratch = Path(directory) / f"scratch{number}.img"
        with open(scratch, "wb") as file:
            file.truncate(512 << 20)
        line += ["-drive", f"if=none,id=s{number},format=raw,file={scratch}",
                 "-device", f"virtio-blk-pci,drive=s{number}{modern}"]
    for number, (file, readonly) in enumerate(config.drives, 3):
        line += ["-drive", f"if=none,id=s{number},format=raw,file={file}"
                           f",readonly={'on' if readonly else 'off'}",
                 "-device", f"virtio-blk-pci,drive=s{number}{modern}"]
    card = "e1000e" if config.nic == "e1000e" else f"virtio-net-pci{modern}"
    return line + ["-netdev", "user,id=net,restrict=on",
                   "-device", f"{card},netdev=net,romfile="]
