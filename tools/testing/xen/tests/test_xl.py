# SPDX-License-Identifier: GPL-2.0-only
"""Debian's unmodified toolstack works on this Dom0."""

import re
import time

import pytest

from rig.guest import Guest


def until(check, seconds=30):
    """Waits for @check to hold; tells whether it did."""
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            return False
        time.sleep(0.5)
    return True


def test_info(dom0):
    info = dict(re.findall(r"(?m)^(\w+) *: (.*)$", dom0.run("xl info")))
    assert info["xen_version"].startswith("4.17")
    assert int(info["nr_cpus"]) == dom0.config.vcpus
    assert int(info["free_memory"]) > 100
    assert "Xen version 4.17" in dom0.run("xl dmesg | head -5 | cut -c7-")
    listing = dom0.run("xl list")
    assert re.search(r"^Domain-0 +0 +\d+ +%d +r" % dom0.config.vcpus,
                     listing, re.M)


def test_xenstore(dom0, pv_guest):
    tree = dom0.run("xenstore-ls /local/domain/0 | head -200")
    assert 'name = "Domain-0"' in tree
    domid = pv_guest.domid()
    tree = dom0.run(f"xenstore-ls -f /local/domain/{domid}")
    assert f'/local/domain/{domid}/name = "pv"' in tree
    dom0.run("xenstore-write /tool/rig/key value")
    assert dom0.run("xenstore-read /tool/rig/key") == "value"
    dom0.run("xenstore-rm /tool/rig")
    assert dom0.run("xenstore-read /tool/rig/key", check=False).status


def test_pause(dom0, guest):
    """A paused guest gets no CPU time; an unpaused one answers again."""
    def seconds():
        return float(dom0.run(f"xl list {guest.name} | tail -1").split()[-1])

    dom0.run(f"xl pause {guest.name}")
    assert re.search(r" --p--- ", dom0.run(f"xl list {guest.name}"))
    before = seconds()
    time.sleep(2)
    assert seconds() == before
    dom0.run(f"xl unpause {guest.name}")
    assert guest.run("echo alive") == "alive"


def test_console(dom0, guest):
    """`xl console` shows what the guest prints."""
    dom0.run(f"(sleep 4; echo; echo '!c'; sleep 2) | timeout 8 "
             f"script -qec 'xl console {guest.name}' /tmp/console "
             ">/dev/null 2>&1", check=False)
    assert ":c:begin" in dom0.run("cat /tmp/console")


def test_block_attach_detach(dom0, guest):
    """A second disk comes, holds data, and goes, twice."""
    dom0.run("truncate -s 16M /tmp/disk; "
             "losetup -f --show /tmp/disk > /tmp/loop")
    loop = dom0.run("cat /tmp/loop")
    try:
        for number in (1, 2):
            dom0.run(f"xl block-attach {guest.name} phy:{loop} xvdq w")
            assert until(lambda: not guest.run("test -b /dev/xvdq",
                                               check=False).status)
            guest.run(f"echo round {number} | dd of=/dev/xvdq conv=fsync "
                      "2>/dev/null")
            assert dom0.run(f"head -c 7 {loop}") == f"round {number}"
            dom0.run(f"xl block-detach {guest.name} xvdq")
            assert until(lambda: guest.run("test -b /dev/xvdq",
                                           check=False).status)
            listing = dom0.run(f"xl block-list {guest.name}")
            assert len(listing.splitlines()) == 2
    finally:
        dom0.run(f"losetup -d {loop}; rm -f /tmp/disk", check=False)


def test_network_attach_detach(dom0, guest):
    """A second card comes, carries traffic, and goes, twice."""
    number = {"pv": 1, "pvh": 2}[guest.kind]
    mac = f"00:16:3e:00:01:0{number}"
    address = f"10.0.2.{40 + number}"
    for _ in range(2):
        dom0.run(f"xl network-attach {guest.name} mac={mac} bridge=xenbr0")
        assert until(lambda: not guest.run(
            "test -e /sys/class/net/eth1", check=False).status)
        guest.run(f"ip addr add {address}/32 dev eth1; ip link set eth1 up; "
                  "ip route add 10.0.2.15/32 dev eth1")
        assert until(lambda: " 0% packet loss" in guest.run(
            f"ping -c 2 -W 5 -I eth1 10.0.2.15", check=False))
        received = int(dom0.run(
            f"cat /sys/class/net/vif{guest.domid()}.1/statistics/rx_packets"))
        assert received >= 2
        dom0.run(f"xl network-detach {guest.name} 1")
        assert until(lambda: guest.run("test -e /sys/class/net/eth1",
                                       check=False).status)
        assert f"vif{guest.domid()}.1" not in dom0.run("ls /sys/class/net")


def test_create_and_shut_down(dom0):
    """A guest that powers itself off is gone."""
    short = Guest(dom0, "pv", "short", disk="[]", vif="[]").create()
    assert short.exists()
    short.run("(sleep 1; poweroff -f) >/dev/null 2>&1 &")
    assert until(lambda: not short.exists(), 60)


def test_cpu_and_memory(dom0, pv_guest):
    """vcpu-list, mem-set: domctl and balloon."""
    assert "pv" in dom0.run("xl vcpu-list")
    dom0.run("xl mem-set pv 400")
    assert until(lambda: int(dom0.run(
        "xl list pv | tail -1").split()[2]) <= 401, 60)
    dom0.run("xl mem-set pv 448")
    assert until(lambda: int(dom0.run(
        "xl list pv | tail -1").split()[2]) >= 447, 60)
