# SPDX-License-Identifier: GPL-2.0-only
"""A running machine under instruction counting, with guests to measure."""

import json
import re
from pathlib import Path

from rig import image as images
from rig import machine, payload, qemu
from rig.guest import Guest

from . import plan, profile, trace

DISKS = 16
LINUX = f"rig_modules=none null_blk.nr_devices={DISKS + 1} null_blk.gb=4"
SLOW = plan.SLOW
TRACE_ROOM = 512 << 20
# Of each processor's buffer; fixed by the first use in a boot.
TRACE_PAGES = 1024
TOOLS = """set -e; mkdir -p /t; mount -t ext4 -o ro,noload /dev/xvdt /t
for d in dev proc sys; do mount --bind /$d /t/$d; done
mount -t tmpfs tmp /t/tmp"""


class Stage:
    """One boot of a kernel as Dom0; used as a context."""

    def __init__(self, build, mode, directory, profiled=False):
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        self.tracefile = directory / "trace.img"
        with open(self.tracefile, "wb") as file:
            file.truncate(TRACE_ROOM)
        self.mode = mode
        self.config = qemu.Config(
            mode=mode, count=True, memory=3072, linux=LINUX,
            drives=[(images.get().root, True), (self.tracefile, False)])
        self.build = build
        self.profiler = profile.Profiler(directory) if profiled else None
        if profiled:
            self.config.extra = self.profiler.options
        sample = Path(__file__).parent / "sample"
        self.dom0 = machine.Machine(payload.Kernel.from_build(build),
                                    self.config, files=[sample])
        self.guests = {}
        self.modules = ()

    def __enter__(self):
        self.dom0.boot(SLOW, SLOW)
        # The toolstack's time limits run while a host's disk is waited for.
        self.dom0.run("chmod +x /rig/files/sample; cat /etc/xen/scripts/* "
                      "/bin/bash /usr/lib/xen-4.17/bin/* /boot/guest-* "
                      "/usr/lib/x86_64-linux-gnu/libxen* /usr/bin/xenstore-* "
                      ">/dev/null 2>&1; iperf3 -s -D >/dev/null 2>&1; "
                      "sockperf sr --tcp --timeout=-1 >/tmp/sockperf.log 2>&1 &"
                      " sleep 1; pidof iperf3 && pidof sockperf", SLOW)
        return self

    def __exit__(self, *_):
        self.dom0.stop()
        self.tracefile.unlink(missing_ok=True)

    def use(self, modules):
        """Puts these backends in place of those before; no guests after."""
        self.release_all()
        for module in self.modules:
            self.dom0.run(f"modprobe -r {module}", SLOW)
        for module in modules:
            self.dom0.run(f"modprobe {module}", SLOW)
        self.modules = modules

    def guest(self, kind, persistent=True):
        """A guest with the tools; the other of its kind makes way for it."""
        name = kind if persistent else f"{kind}-np"
        if name not in self.guests:
            self.release(kind)
            extra = f"console=hvc0 rig_ip={plan.ADDRESS[kind]}"
            if not persistent:
                extra += " xen_blkfront.feature_persistent=0"
            guest = Guest(self.dom0, kind, name, extra=f'"{extra}"')
            self.guests[name] = guest
            guest.create(SLOW)
            wanted = "Y" if persistent else "N"
            if guest.run("cat /sys/module/xen_blkfront/parameters/"
                         "feature_persistent", SLOW) != wanted:
                raise machine.MachineError(
                    f"{name}: persistent grants are not as wanted")
            self.attach(guest, "/dev/vdd", "xvdt", "r")
            guest.run(TOOLS, SLOW)
            guest.null_disks = 0
        return self.guests[name]

    def attach(self, guest, disk, device, mode="w"):
        self.dom0.run(f"xl block-attach {guest.name} "
                      f"phy:{disk},{device},{mode}", SLOW)
        if not guest.wait_until(f"[ -b /dev/{device} ]", SLOW):
            raise machine.MachineError(f"{guest.name} has no {device}")

    def release(self, kind):
        """Ends the guest of a kind, so that its disks can go to the next."""
        for name, guest in list(self.guests.items()):
            if guest.kind == kind:
                del self.guests[name]
                self.dom0.run(f"xl destroy {name}", SLOW, check=False)

    def release_all(self):
        for guest in list(self.guests.values()):
            self.release(guest.kind)

    def give_disks(self, guest, number):
        """Sees to it that the guest has that many null_blk disks, no fewer."""
        have = guest.null_disks
        for n in range(have, number):
            self.attach(guest, f"/dev/nullb{n}", f"xvd{chr(ord('b') + n)}")
        guest.null_disks = max(have, number)

    @staticmethod
    def _inside(command, guest):
        """What Dom0's shell runs for a command in a guest, or in Dom0."""
        return guest.quoted(command, SLOW) if guest else f"({command})"

    def sampled(self, command, guest):
        """Runs a command; gives its output and what the counters rose by."""
        inside = self._inside(command, guest)
        out = self.dom0.run(f"/rig/files/sample; {inside}; status=$?; "
                            "echo; /rig/files/sample; exit $status", SLOW)
        before, after = (json.loads(line) for line in
                         re.findall(r"^sample (.*)$", out, re.M))
        slept = (after.pop("tasks"), before.pop("tasks"))
        rose = {name: after[name] - before.get(name, 0) for name in after}
        rose["wakeups"] = sum(max(0, times - slept[1][task]) for task, times
                              in slept[0].items() if task in slept[1])
        return out, rose

    def traced(self, command, guest):
        """Runs a command under xentrace; gives its output, and what each
        domain did."""
        inside = self._inside(command, guest)
        out = self.dom0.run(
            f"xentrace -D -S {TRACE_PAGES} -e {trace.MASK:#x} /tmp/trace "
            f">/dev/null & tracer=$!; sleep 1; {inside}; status=$?; sleep 0.3; "
            "kill $tracer; wait $tracer; echo; stat -c %s /tmp/trace; "
            "dd if=/tmp/trace of=/dev/vde bs=1M conv=fsync 2>/dev/null; "
            "rm /tmp/trace; exit $status", SLOW)
        with open(self.tracefile, "rb") as file:
            return out, trace.count(file.read(int(out.split()[-1])))

    def profiled(self, command, guest):
        """Runs a command; gives its output, and where the machine executed
        meanwhile."""
        self.profiler.open()
        try:
            out = self.dom0.run(self._inside(command, guest), SLOW)
        finally:
            samples = self.profiler.close()
        return out, samples

    def resolver(self):
        """What gives names to places, of the modules that are loaded."""
        return profile.Resolver(
            self.build, self.dom0.image, self.mode,
            self.dom0.run(r"grep '\[xen' /proc/kallsyms || true", SLOW),
            bool(self.guests))
