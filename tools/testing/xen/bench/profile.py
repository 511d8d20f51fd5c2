# SPDX-License-Identifier: GPL-2.0-only
"""Where the machine executes: samples of the plugin, with names to them."""

import bisect
import mmap
import re
import struct
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path

from rig import packages, paths

PERIOD = 5000
XEN = range(0xffff82d000000000, 0xffff830000000000)
KERNEL = range(0xffffffff80000000, 0xffffffffa0000000)
# Dom0's kernel is not relocatable, so its modules begin lower than the guest's.
MODULES = range(0xffffffffa0000000, 0xffffffffc0000000)
GUEST_MODULES = range(0xffffffffc0000000, 0xffffffffff000000)
# Their numbers of calls matter, however little they execute.
WATCHED = ("svm_vmexit_handler", "hvm_rdtsc_intercept", "hvm_hypercall",
           "pv_hypercall", "pv_soft_rdtsc", "guest_walk_tables_4_levels")
SYMBOL = re.compile(r"^(?:0x)?([0-9a-f]{16}) [tTwW] (\S+)$", re.M)


class Symbols:
    """Names by address."""

    def __init__(self, pairs):
        pairs = sorted(pairs)
        self.addresses = [address for address, _ in pairs]
        self.names = [name for _, name in pairs]

    @classmethod
    def of_map(cls, text):
        return cls((int(address, 16), name)
                   for address, name in SYMBOL.findall(text))

    def name(self, address):
        at = bisect.bisect(self.addresses, address) - 1
        return self.names[at] if at >= 0 else "?"

    def begins(self, address):
        """True where a function does, or behind the endbr64 that known calls
        skip."""
        at = bisect.bisect(self.addresses, address) - 1
        return at >= 0 and address - self.addresses[at] in (0, 4)


def nm(file):
    return subprocess.run(["nm", str(file)], text=True, capture_output=True,
                          check=True).stdout


class Code:
    """The bytes of an ELF file where they are loaded."""

    def __init__(self, file):
        self.data = Path(file).read_bytes()
        offset, = struct.unpack_from("<Q", self.data, 32)
        size, number = struct.unpack_from("<HH", self.data, 54)
        self.parts = []
        for n in range(number):
            kind, _, at, address, _, length = struct.unpack_from(
                "<IIQQQQ", self.data, offset + n * size)
            if kind == 1:
                self.parts.append((address, at, length))

    def alike(self, address, sample):
        """How many bytes at an address are those of a sample."""
        for start, at, length in self.parts:
            if start <= address < start + length:
                at += address - start
                mine = self.data[at:at + len(sample)]
                return sum(a == b for a, b in zip(mine, sample))
        return 0


class Profiler:
    """The plugin in a machine: its options, its window, what it saw."""

    def __init__(self, directory):
        self.directory = Path(directory)
        source = Path(__file__).parent / "sampler.c"
        self.plugin = self.directory / "sampler.so"
        subprocess.run(["gcc", "-O2", "-shared", "-fPIC",
                        "-fvisibility=hidden", "-o", str(self.plugin),
                        str(source)], check=True)
        self.out = self.directory / "samples"
        control = self.directory / "control"
        control.write_bytes(bytes(4096))
        with open(control, "r+b") as file:
            self.control = mmap.mmap(file.fileno(), 4096)
        self.options = ["-plugin", f"{self.plugin},control={control},"
                                   f"out={self.out},period={PERIOD}"]

    def _set(self, value):
        self.control[:4] = struct.pack("<I", value)

    def _get(self):
        return struct.unpack("<I", self.control[:4])[0]

    def open(self):
        self._set(1)

    def close(self):
        """Ends the window; gives [(address, samples, entered, bytes)]."""
        self._set(2)
        for _ in range(1000):
            if not self._get():
                break
            time.sleep(0.01)
        else:
            raise RuntimeError("the profiling plugin does not answer")
        found = [line.split() for line in self.out.read_text().splitlines()]
        return [(int(address, 16), int(samples), int(entered),
                 bytes.fromhex(code))
                for address, samples, entered, code in found]


def unpacked(package, pattern):
    """A file of a Debian package."""
    out = paths.rig_cache() / "profile"
    found = sorted(out.glob(pattern))
    if not found:
        for archive in packages.download([package]):
            if archive.name.startswith(package):
                packages.unpack(archive, out)
        found = sorted(out.glob(pattern))
    if not found:
        raise packages.PackageError(f"{package} has no {pattern}")
    return found[-1]


def symbols(mode="pv"):
    """Xen's map of symbols; fetched once."""
    name = "xen-*.efi.map" if mode == "pvh" else "xen-syms-*.map"
    return unpacked("xen-hypervisor-4.17-amd64-dbg",
                    f"usr/lib/debug/boot/{name}")


class Resolver:
    """Says whose code is at an address, and its function.

    @kallsyms are the lines of Dom0's modules; without @guests all kernel
    code is Dom0's.
    """

    def __init__(self, build, image, mode, kallsyms, guests):
        self.guests = guests
        self.xen = Symbols.of_map(symbols(mode).read_text())
        vmlinux = Path(build) / "vmlinux"
        self.dom0 = Symbols.of_map(nm(vmlinux))
        self.dom0_code = Code(vmlinux)
        with tempfile.TemporaryDirectory() as directory:
            guest = Path(directory) / "vmlinux"
            subprocess.run(["/sbin/debugfs", "-R",
                            f"dump /boot/guest-vmlinux {guest}",
                            str(image.root)], check=True,
                           capture_output=True)
            self.guest_code = Code(guest)
        self.modules = Symbols(
            (int(address, 16), f"{name} {module}") for address, name, module
            in re.findall(r"^([0-9a-f]{16}) [tT] (\S+)\s+(\[\S+\])$",
                          kallsyms, re.M))

    def owner(self, address, sample):
        """Whose code it is, and the symbols there."""
        if address in XEN:
            return "Xen", self.xen
        if address in KERNEL:
            ours = self.dom0_code.alike(address, sample)
            theirs = self.guest_code.alike(address, sample)
            # Code is patched at boot, so not all bytes agree.
            if not self.guests or ours >= theirs and ours * 2 > len(sample):
                return "Dom0 kernel", self.dom0
            return "guest kernel", None
        if address in MODULES:
            return "Dom0 modules", self.modules
        if address in GUEST_MODULES and self.guests:
            return "guest modules", None
        return "user space", None


class Profile:
    """What @many samples have more than @few, for each of @number operations
    and @per of them, by owner and by function."""

    def __init__(self, few, many, number, per, resolver):
        self.number, self.per = number, per
        self.samples = sum(samples for _, samples, _, _ in many)
        self.owners, self.functions = Counter(), Counter()
        self.calls = Counter()
        for places, sign in (few, -1), (many, 1):
            for address, samples, entered, code in places:
                owner, symbols_there = resolver.owner(address, code)
                name = symbols_there.name(address) if symbols_there else ""
                self.owners[owner] += sign * samples
                self.functions[owner, name] += sign * samples
                if symbols_there and symbols_there.begins(address):
                    self.calls[owner, name] += sign * entered
        self.total = sum(self.owners.values())
        if self.total <= 0:
            raise ValueError("nothing was executed for the operations")

    def line(self, samples, name, calls=None):
        # None are seen of what is only reached by jumps, or patched at boot.
        called = f"{calls * self.per / self.number:.2f}" if calls else ""
        return (f"{samples * PERIOD * self.per / self.number:12,.0f} "
                f"{100 * samples / self.total:5.1f} % {called:>10}  {name}")

    def text(self, top=70):
        """Owners, then the functions with the most instructions."""
        shown = self.functions.most_common(top)
        shown += [(key, samples) for key, samples in self.functions.items()
                  if key[1] in WATCHED and (key, samples) not in shown]
        return "\n".join([
            f"For {self.per} of {self.number} operations, by {self.samples} "
            "samples:", "instructions, share, calls", "",
            self.line(self.total, "all"),
            *(self.line(samples, owner)
              for owner, samples in self.owners.most_common()), "",
            *(self.line(samples, f"{key[0]:12} {key[1]}",
                        self.calls[key] if key[1] else None)
              for key, samples in shown)]) + "\n"
