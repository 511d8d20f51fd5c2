# SPDX-License-Identifier: GPL-2.0-only
"""What `make run` shows: Xen, our Dom0, a guest at work on disk and network."""

import time

from . import machine, qemu
from .guest import Guest

DISK = """set -e
mkfs.ext4 -q -F /dev/xvda; mount -t ext4 /dev/xvda /mnt
dd if=/dev/urandom of=/mnt/data bs=64k count=256 2>/dev/null; sync
sha256sum < /mnt/data; umount /mnt"""

# The backend holds the disk, so a loop device looks at it meanwhile.
DISK_AGAIN = """set -e; blockdev --flushbufs {disk}
mount -t ext4 -o ro,loop {disk} /mnt; sha256sum < /mnt/data; umount /mnt"""


class Report:
    """Prints what happens, with the seconds since power-on."""

    def __init__(self, mode):
        self.mode = mode
        self.start = time.monotonic()

    def __call__(self, text):
        seconds = time.monotonic() - self.start
        print(f"[{self.mode} {seconds:5.1f} s] {text}", flush=True)

    def lines(self, text):
        for line in text.splitlines():
            print(f"    {line}", flush=True)


def run(kernel, mode, interactive, arguments):
    """Shows one mode; ends in a Dom0 shell if @interactive."""
    config = qemu.Config(mode=mode, vcpus=arguments.vcpus,
                         linux=arguments.linux, xen=arguments.xen)
    with machine.Machine(kernel, config) as dom0:
        say = Report(mode)
        say(f"starting Xen with a {mode.upper()} Dom0; log {dom0.log}")
        dom0.boot()
        say("Dom0 is up: " + dom0.run("uname -sr") + " on Xen "
            + dom0.run("xl info xen_version"))
        say.lines(dom0.run("cat /proc/xen/capabilities; grep -E "
                           "'MSI|msi' /proc/interrupts | grep -v config"))
        guest = Guest(dom0, mode).create()
        say(f"a {mode.upper()} guest is up: " + guest.run("uname -sr"))
        say.lines(dom0.run(f"xl list; xl block-list {guest.name}; "
                           f"xl network-list {guest.name}"))
        _disk(say, dom0, guest)
        _network(say, dom0, guest)
        if interactive:
            _shell(dom0, guest)
        elif dom0.end_by("poweroff") != "guest-shutdown":
            dom0.fail("poweroff did not power off")
        else:
            say("Dom0 powered the machine off")


def _disk(say, dom0, guest):
    inside = guest.run(DISK, 180).split()[0]
    say("guest wrote 16 MiB to xvda, sha256 " + inside[:16])
    outside = dom0.run(DISK_AGAIN.format(disk=guest.disk)).split()[0]
    say(f"Dom0 reads {guest.disk},         sha256 " + outside[:16])
    if inside != outside:
        raise machine.MachineError("the disk does not hold what was written")


def _network(say, dom0, guest):
    dom0.run("udp-check serve 7000 >/dev/null 2>&1 & "
             "iperf3 -s -D >/dev/null 2>&1")
    say("UDP guest and back: " + guest.run("udp-check 10.0.2.15 7000 100"))
    for title, reverse in (("guest to Dom0", ""), ("Dom0 to guest", "-R")):
        out = guest.run(f"iperf3 -c 10.0.2.15 -t 2 {reverse} | "
                        "grep receiver", 60)
        say(f"TCP {title}: " + " ".join(out.split()[2:8]))
    dom0.run("pkill udp-check; pkill iperf3", check=False)


def _shell(dom0, guest):
    print(f"\nA Dom0 shell; the guest {guest.name} runs.  Try: xl list; "
          f"guest {guest.name} 'df -h'; xl console {guest.name}\n"
          "`poweroff` ends the machine, ctrl-] kills it.\n", flush=True)
    dom0.shell()
