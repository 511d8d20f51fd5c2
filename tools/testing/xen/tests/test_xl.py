# SPDX-License-Identifier: GPL-2.0-only
"""Debian's unmodified toolstack works on this Dom0."""

import base64
import re
import shlex
import time

import pytest

# A person at `xl console`, which wants a terminal: asks, reads, leaves by ^].
PERSON = """
import os, pty, select, sys, time
pid, fd = pty.fork()
if not pid:
    os.execvp("xl", ["xl", "console", "pv"])
seen, end = b"", time.monotonic() + 60
while sys.argv[2].encode() not in seen and time.monotonic() < end:
    os.write(fd, b"=\\n+" + sys.argv[1].encode() + b"\\n!person\\n")
    asked = time.monotonic()
    while time.monotonic() < asked + 5 and sys.argv[2].encode() not in seen:
        if select.select([fd], [], [], 1)[0]:
            seen += os.read(fd, 4096)
os.write(fd, b"\\x1d")
print(seen.decode(errors="replace"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


@pytest.mark.dom0(pvh=True)
def test_console(dom0, pv_guest):
    """`xl console` on a terminal carries keys in and text out."""
    asked = base64.b64encode(b"echo $((6 * 7))-is-it").decode()
    said = dom0.run(f"python3 -c {shlex.quote(PERSON)} {asked} 42-is-it", 90)
    assert "42-is-it" in said
    assert pv_guest.run("echo alive") == "alive"


@pytest.mark.dom0()
def test_info(dom0, pv_guest):
    """info, dmesg, list, vcpu-list, xenstore-ls."""
    info = dict(re.findall(r"(?m)^(\w+) *: (.*)$", dom0.run("xl info")))
    assert info["xen_version"].startswith("4.17")
    assert int(info["nr_cpus"]) == dom0.config.vcpus
    assert int(info["free_memory"]) > 100
    assert "Xen version 4.17" in dom0.run("xl dmesg | head -5 | cut -c7-")
    listing = dom0.run("xl list; xl vcpu-list pv")
    assert re.search(r"^Domain-0 +0 +\d+ +%d +r" % dom0.config.vcpus,
                     listing, re.M)
    assert len(re.findall(r"^pv ", listing, re.M)) == 2
    domid = pv_guest.domid()
    tree = dom0.run(f"xenstore-ls -f /local/domain/{domid}; "
                    "xenstore-ls /local/domain/0 | head -200")
    assert f'/local/domain/{domid}/name = "pv"' in tree
    assert 'name = "Domain-0"' in tree
    assert dom0.run("xenstore-write /tool/rig/key value; xenstore-read "
                    "/tool/rig/key; xenstore-rm /tool/rig") == "value"


@pytest.mark.dom0()
def test_pause(dom0, pv_guest):
    """A paused guest gets no CPU time; an unpaused one answers again."""
    def seconds():
        return float(dom0.run("xl list pv | tail -1").split()[-1])

    dom0.run("xl pause pv")
    # It may be blocked too, waiting for an event.
    assert re.search(r" [r-][b-]p--- ", dom0.run("xl list pv"))
    before = seconds()
    time.sleep(2)
    assert seconds() == before
    dom0.run("xl unpause pv")
    assert pv_guest.run("echo alive") == "alive"


@pytest.mark.dom0()
def test_block_attach_detach(dom0, pv_guest, spare_disk):
    """A second disk comes, holds data, goes, and comes back read-only."""
    dom0.run(f"xl block-attach pv phy:{spare_disk} xvdq w")
    assert pv_guest.wait_until("test -b /dev/xvdq")
    pv_guest.run("echo a word | dd of=/dev/xvdq conv=fsync 2>/dev/null")
    assert dom0.run(f"head -c 6 {spare_disk}") == "a word"
    dom0.run("xl block-detach pv xvdq")
    # What comes with the same number before that, the guest does not see.
    assert pv_guest.wait_until("! test -e /sys/bus/xen/devices/vbd-51776")
    assert len(dom0.run("xl block-list pv").splitlines()) == 2

    dom0.run(f"xl block-attach pv phy:{spare_disk} xvdq r")
    assert pv_guest.wait_until("test -b /dev/xvdq")
    assert pv_guest.run("head -c 6 /dev/xvdq") == "a word"
    assert pv_guest.run("dd if=/dev/zero of=/dev/xvdq bs=4k count=1 "
                        "oflag=direct 2>&1", check=False).status
    dom0.run("xl block-detach pv xvdq")
    assert pv_guest.wait_until("! test -b /dev/xvdq")
    assert dom0.run(f"head -c 6 {spare_disk}") == "a word"


@pytest.mark.dom0()
def test_network_attach_detach(dom0, pv_guest):
    """A second card comes, carries traffic, and goes."""
    dom0.run("xl network-attach pv mac=00:16:3e:00:01:01 bridge=xenbr0")
    assert pv_guest.wait_until("test -e /sys/class/net/eth1")
    assert len(dom0.run("xl network-list pv").splitlines()) == 3
    pv_guest.run("ip addr add 10.0.2.41/32 dev eth1; ip link set eth1 up; "
                 "ip route add 10.0.2.15/32 dev eth1")
    assert pv_guest.wait_until("ping -c 2 -W 5 -I eth1 10.0.2.15")
    vif = f"vif{pv_guest.domid()}.1"
    assert int(dom0.run(
        f"cat /sys/class/net/{vif}/statistics/rx_packets")) >= 2
    dom0.run("xl network-detach pv 1")
    assert pv_guest.wait_until("! test -e /sys/class/net/eth1")
    assert vif not in dom0.run("ls /sys/class/net")
