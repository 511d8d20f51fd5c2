# SPDX-License-Identifier: GPL-2.0-only
"""A guest destroyed in the middle of its work leaves nothing behind."""

import re

import pytest

from rig.guest import Guest
from test_xl import until

BUSY = """while :; do dd if=/dev/zero of=/dev/xvda bs=64k count=2048 oflag=direct
done >/dev/null 2>&1 &
while :; do dd if=/dev/xvda of=/dev/null bs=64k count=2048 iflag=direct
done >/dev/null 2>&1 &
socat -u /dev/zero UDP-SENDTO:10.0.2.15:9 >/dev/null 2>&1 &
ping -f 10.0.2.15 >/dev/null 2>&1 &"""


def remains(dom0, domid):
    """What is left of a domain in Dom0, as text; empty when nothing is."""
    return dom0.run(
        f"xl list | grep -E ' {domid} |null'; "
        f"xenstore-ls -f /local/domain | grep -E "
        f"'^/local/domain/{domid}/|backend/v(bd|if)/{domid}'; "
        f"ls /sys/class/net | grep '^vif{domid}[.]'; "
        f"ls /sys/bus/xen-backend/devices | grep -E -- '-{domid}-'; "
        f"ps -eo comm | grep -E '^{domid}[.]xvd|vif{domid}[.]'; "
        f"grep -E 'vif{domid}[.]|vbd-?{domid}[^0-9]' /proc/interrupts; true")


def moved(dom0, domid):
    """Sectors and packets the guest's devices moved so far."""
    numbers = dom0.run(
        f"cat /sys/class/net/vif{domid}.0/statistics/rx_packets; "
        "awk '{print $7}' /sys/block/vd[bc]/stat")
    return [int(number) for number in numbers.split()]


@pytest.mark.parametrize("kind", ("pv", "pvh"))
def test_destroy_busy_guest(dom0, kind):
    """xl destroy in mid-I/O, and the next guest starts on the same disk."""
    before = Guest(dom0, kind)
    if before.exists():
        before.destroy()
        dom0.guests.pop(kind, None)
    guest = Guest(dom0, kind, f"doomed-{kind}").create()
    domid = guest.domid()
    guest.run(BUSY)
    first = moved(dom0, domid)
    dom0.run("sleep 3")
    second = moved(dom0, domid)
    assert second[0] > first[0] and sum(second[1:]) > sum(first[1:]), \
        "the guest was not busy"

    guest.destroy()
    assert until(lambda: not remains(dom0, domid), 30), remains(dom0, domid)
    # Dom0's disk is free for others again.
    dom0.run(f"python3 -c 'import os; os.open(\"{guest.disk}\", "
             "os.O_RDWR | os.O_EXCL)'")
    after = dom0.guests[kind] = Guest(dom0, kind).create()
    assert after.run("dd if=/dev/xvda of=/dev/null bs=64k count=16 "
                     "2>/dev/null && echo fine") == "fine"


@pytest.mark.parametrize("kind", ("pv", "pvh"))
def test_crash_of_busy_guest(dom0, kind):
    """A guest that crashes by itself in mid-I/O is cleaned up as well."""
    before = Guest(dom0, kind)
    if before.exists():
        before.destroy()
        dom0.guests.pop(kind, None)
    guest = Guest(dom0, kind, f"crash-{kind}", on_crash='"destroy"').create()
    domid = guest.domid()
    guest.run(BUSY)
    guest.run("(sleep 1; echo c > /proc/sysrq-trigger) > /dev/null 2>&1 &")
    assert until(lambda: not guest.exists(), 60)
    assert until(lambda: not remains(dom0, domid), 30), remains(dom0, domid)


def threads(dom0):
    """Kernel threads, without those that come and go by themselves."""
    names = dom0.run("ps --ppid 2 -o comm=").splitlines()
    return {name for name in names
            if not re.match(r"kworker|jbd2|ext4|loop|psimon|irq/", name)}


@pytest.mark.dom0(roles=("ours-lts", "ours-mainline"))
def test_no_thread_per_ring(dom0):
    """Our backends serve a guest without a kernel thread of its own."""
    for guest in list(dom0.guests.values()):
        if guest.exists():
            guest.destroy()
    dom0.guests.clear()
    before = threads(dom0)
    guest = Guest(dom0, "pv", vcpus="4").create()
    guest.run("dd if=/dev/xvda of=/dev/null bs=64k count=64 2>/dev/null; "
              "ping -c 3 10.0.2.15")
    extra = threads(dom0) - before
    guest.destroy()
    assert not extra
