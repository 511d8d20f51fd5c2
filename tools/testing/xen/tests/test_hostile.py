# SPDX-License-Identifier: GPL-2.0-only
"""A guest that breaks the rules hurts nobody but itself.

The guest's own driver is unbound from a device, and a small program in the
guest plays the frontend: correctly up to the one misdeed under test.
"""

import re

import pytest

from test_xl import until

VBD = "51728"		# xvdb


class Neighbour:
    """An honest guest at work on its disk and its network meanwhile."""

    LOOP = """rm -f /tmp/bad
head -c 1048576 /dev/urandom > /tmp/block; good=$(sha256sum < /tmp/block)
while [ ! -e /tmp/stop ]; do
dd if=/tmp/block of=/dev/xvda bs=64k oflag=direct 2>/dev/null || echo w > /tmp/bad
[ "$(dd if=/dev/xvda bs=64k count=16 iflag=direct 2>/dev/null | sha256sum)" = "$good" ] || echo r > /tmp/bad
ping -c 1 -W 5 10.0.2.15 >/dev/null || echo p > /tmp/bad
echo >> /tmp/count
done"""

    def __init__(self, guest):
        self.guest = guest

    def __enter__(self):
        self.guest.run("rm -f /tmp/stop /tmp/count")
        self.guest.run(f"({self.LOOP}) >/dev/null 2>&1 &")
        assert until(lambda: self.rounds() > 0, 60)
        return self

    def __exit__(self, *_):
        self.guest.run("touch /tmp/stop")

    def rounds(self):
        return int(self.guest.run("cat /tmp/count 2>/dev/null | wc -l"))

    def check(self):
        """At least one whole round from now on, and none failed so far."""
        before = self.rounds()
        assert until(lambda: self.rounds() > before + 1, 60), \
            "the neighbour's I/O stopped"
        assert not self.guest.run("cat /tmp/bad 2>/dev/null", check=False)


@pytest.fixture(scope="session")
def running():
    """The neighbour that runs now, kept between tests."""
    return {}


@pytest.fixture
def neighbour(pvh_guest, running):
    entry = running.get("neighbour")
    if not entry or entry.guest is not pvh_guest:
        entry = running["neighbour"] = Neighbour(pvh_guest).__enter__()
    return entry


@pytest.fixture
def hostile_vbd(dom0, pv_guest):
    """A spare disk of the guest with no driver bound to it."""
    dom0.run("truncate -s 8M /tmp/hostile; "
             "losetup -f --show /tmp/hostile > /tmp/loop")
    loop = dom0.run("cat /tmp/loop")
    yield lambda access="w": attach_vbd(dom0, pv_guest, loop, access)
    dom0.run(f"xl block-detach pv xvdb || "
             f"xl block-detach --force pv xvdb; losetup -d {loop}",
             check=False)


def attach_vbd(dom0, guest, loop, access):
    dom0.run(f"xl block-attach pv phy:{loop} xvdb {access}")
    assert until(lambda: not guest.run("test -b /dev/xvdb",
                                       check=False).status)
    guest.run(f"echo vbd-{VBD} > /sys/bus/xen/drivers/vbd/unbind")


def complaints(dom0, device):
    """Lines of Dom0's kernel log since the last look that name a device."""
    return [line for line in dom0.run("dmesg").splitlines()
            if re.search(device, line)]


@pytest.mark.parametrize("misdeed", (
    "operation", "past-end", "across-end", "sector-wrap", "grant", "segments",
    "segment-order", "segment-end"))
def test_bad_block_request(dom0, pv_guest, hostile_vbd, neighbour, misdeed):
    """One bad request gets one error, and the device goes on."""
    hostile_vbd()
    said = pv_guest.run(f"hostile-vbd {VBD} {misdeed}", 90)
    assert re.search(r"response id ours status -\d+", said), said
    assert "afterwards id ours status 0" in said, said
    neighbour.check()


def test_good_block_request(dom0, pv_guest, hostile_vbd):
    """The hostile frontend is served when it behaves."""
    hostile_vbd()
    said = pv_guest.run(f"hostile-vbd {VBD} none", 90)
    assert "response id ours status 0" in said, said
    assert "afterwards id ours status 0" in said, said


def test_write_to_read_only_disk(dom0, pv_guest, hostile_vbd, neighbour):
    """A write that the frontend should have known to be forbidden."""
    dom0.run("truncate -s 8M /tmp/hostile")
    before = dom0.run("sha256sum < /tmp/hostile")
    hostile_vbd("r")
    said = pv_guest.run(f"hostile-vbd {VBD} write", 90)
    assert re.search(r"response id ours status -\d+", said), said
    assert dom0.run("sync; sha256sum < /tmp/hostile") == before
    neighbour.check()


def test_impossible_block_producer(dom0, pv_guest, hostile_vbd, neighbour):
    """A producer index past the ring: no answers, one message, no more."""
    hostile_vbd()
    dom0.run("dmesg -C")
    said = pv_guest.run(f"hostile-vbd {VBD} producer", 90)
    assert "responses 0" in said, said
    lines = complaints(dom0, r"(?i)vbd|blkback|xvdb|51728|ring")
    assert 1 <= len(lines) <= 6, lines
    neighbour.check()


@pytest.fixture
def hostile_vif(dom0, pv_guest):
    """A spare network card of the guest with no driver bound to it."""
    dom0.run("xl network-attach pv mac=00:16:3e:00:00:99 bridge=xenbr0")
    assert until(lambda: not pv_guest.run("test -e /sys/class/net/eth1",
                                          check=False).status)
    pv_guest.run("echo vif-1 > /sys/bus/xen/drivers/vif/unbind")
    yield "1"
    dom0.run("xl network-detach pv 1", check=False)
    vif = f"vif{pv_guest.domid()}.1"
    until(lambda: vif not in dom0.run("ls /sys/class/net"), 20)


@pytest.mark.parametrize("misdeed", ("none", "grant", "tiny"))
def test_bad_transmit_request(dom0, pv_guest, hostile_vif, neighbour,
                              misdeed):
    """One bad request is answered as such, and the card goes on."""
    said = pv_guest.run(f"hostile-vif {hostile_vif} {misdeed}", 90)
    if misdeed == "none":
        assert "response good 1 errors 0 missing 0" in said, said
    else:
        assert "response good 0 errors 1 missing 0" in said, said
    assert "afterwards good 1 errors 0 missing 0" in said, said
    neighbour.check()


@pytest.mark.parametrize("misdeed", ("producer", "offset", "slots", "extra"))
def test_fatal_transmit_request(dom0, pv_guest, hostile_vif, neighbour,
                                misdeed):
    """What makes no sense at all costs the card, or is refused."""
    dom0.run("dmesg -C")
    said = pv_guest.run(f"hostile-vif {hostile_vif} {misdeed}", 90)
    lost = "afterwards good 1" not in said
    refused = re.search(r"response good 0 errors [1-9]", said)
    assert lost or refused, said
    lines = complaints(dom0, r"vif\d+[.-]1|vif-\d+-1|netback")
    assert len(lines) <= 10, lines
    assert lines or not lost, "the card was lost without a message"
    neighbour.check()


def test_neighbour_had_no_trouble(neighbour):
    """Over all of the above, not one of the neighbour's rounds failed."""
    neighbour.check()
    neighbour.__exit__()
