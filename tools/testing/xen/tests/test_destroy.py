# SPDX-License-Identifier: GPL-2.0-only
"""A guest destroyed in the middle of its work leaves nothing behind."""

import re
import time
from pathlib import Path

import pytest

from conftest import guest_of

BUSY = """while :; do dd if=/dev/zero of=/dev/xvda bs=64k count=2048 oflag=direct
done >/dev/null 2>&1 &
while :; do dd if=/dev/xvda of=/dev/null bs=64k count=2048 iflag=direct
done >/dev/null 2>&1 &
socat -u /dev/zero UDP-SENDTO:10.0.2.15:9 >/dev/null 2>&1 &
ping -f 10.0.2.15 >/dev/null 2>&1 &"""


def remains(dom0, domid, uuid):
    """What is left of a domain in Dom0, as text; empty when nothing is."""
    return dom0.run(
        f"xenstore-ls -f /libxl | grep '^/libxl/{domid}[/ ]'; "
        f"xenstore-ls -f /vm 2>/dev/null | grep '^/vm/{uuid}[/ ]'; "
        f"xl list | awk '$2 == {domid} || /null/'; "
        # Not /local/domain/0/error: Dom0's memory of what went wrong stays.
        f"xenstore-ls -f /local/domain | grep -E "
        f"'^/local/domain/({domid}|0/backend/v(bd|if)/{domid})[/ ]'; "
        f"ls /sys/class/net | grep '^vif{domid}[.]'; "
        f"ls /sys/bus/xen-backend/devices | grep -E -- '-{domid}-'; "
        f"ps -eo comm | grep -E '^{domid}[.]xvd|vif{domid}[.]'; "
        f"grep -E 'vif{domid}[.]|vbd-?{domid}[^0-9]' /proc/interrupts; true")


def uuid_of(dom0, domid):
    return dom0.run(f"xenstore-read /local/domain/{domid}/vm").split("/")[-1]


def gone(dom0, domid, uuid, seconds=60):
    """Waits until nothing remains of a domain."""
    end = time.monotonic() + seconds
    while left := remains(dom0, domid, uuid):
        assert time.monotonic() < end, left
        time.sleep(0.5)


def moved(dom0, domid, disk):
    """Packets of the guest's card and sectors of its disk so far."""
    numbers = dom0.run(
        f"cat /sys/class/net/vif{domid}.0/statistics/rx_packets; "
        f"awk '{{print $3 + $7}}' /sys/block/{Path(disk).name}/stat")
    return [int(number) for number in numbers.split()]


def threads(dom0):
    """Kernel threads, without those that come and go by themselves."""
    names = dom0.run("ps --ppid 2 -o comm=").splitlines()
    return {name for name in names
            if not re.match(r"kworker|jbd2|ext4|loop|psimon|irq/", name)}


@pytest.mark.dom0(pvh=True, mainline="pv")
def test_destroy_busy_guest(dom0, guest):
    """xl destroy in mid-I/O, and the next guest starts on the same disk.

    No kernel thread belongs to a guest: there are as many without it.
    """
    domid = guest.domid()
    uuid = uuid_of(dom0, domid)
    guest.run(BUSY)
    first = moved(dom0, domid, guest.disk)
    dom0.run("sleep 3")
    second = moved(dom0, domid, guest.disk)
    assert second[0] > first[0] and second[1] > first[1], \
        "the guest was not busy"

    with_guest = threads(dom0)
    guest.destroy()
    gone(dom0, domid, uuid)
    assert threads(dom0) == with_guest
    # Dom0's disk is free for others again.
    dom0.run(f"python3 -c 'import os; os.open(\"{guest.disk}\", "
             "os.O_RDWR | os.O_EXCL)'")
    after = guest_of(dom0, guest.kind)
    assert after.run("dd if=/dev/xvda of=/dev/null bs=64k count=16 "
                     "2>/dev/null && echo fine") == "fine"


@pytest.mark.dom0()
def test_guest_ends_by_itself(dom0, pvh_guest):
    """A guest that powers itself off in mid-I/O is cleaned up as well."""
    domid = pvh_guest.domid()
    uuid = uuid_of(dom0, domid)
    pvh_guest.run(BUSY)
    pvh_guest.run("(sleep 1; poweroff -f) > /dev/null 2>&1 &")
    gone(dom0, domid, uuid, 120)
