# SPDX-License-Identifier: GPL-2.0-only
"""A guest that breaks the rules hurts nobody but itself.

The guest's own driver is unbound from a device, and a small program in the
guest plays the frontend: correctly up to the one misdeed under test.
"""

import re

import pytest

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
        assert self.guest.wait_until("test -s /tmp/count")
        return self

    def __exit__(self, *_):
        self.guest.run("touch /tmp/stop")

    def rounds(self):
        return int(self.guest.run("cat /tmp/count 2>/dev/null | wc -l"))

    def check(self):
        """At least one whole round from now on, and none failed so far."""
        wanted = self.rounds() + 2
        assert self.guest.wait_until(
            f"test $(wc -l < /tmp/count) -ge {wanted}"), \
            "the neighbour's I/O stopped"
        assert not self.guest.run("cat /tmp/bad 2>/dev/null", check=False)


@pytest.fixture
def neighbour(pvh_guest):
    """The PVH guest at work; the loop goes on from test to test."""
    entry = getattr(pvh_guest, "neighbour", None)
    if not entry:
        entry = pvh_guest.neighbour = Neighbour(pvh_guest).__enter__()
    return entry


@pytest.fixture
def hostile_vbd(dom0, pv_guest):
    """Attaches a spare disk to the guest, with no driver bound to it."""
    dom0.run("truncate -s 8M /tmp/hostile; "
             "losetup -f --show /tmp/hostile > /tmp/loop")
    loop = dom0.run("cat /tmp/loop")

    def attach(access):
        dom0.run(f"xl block-attach pv phy:{loop} xvdb {access}")
        assert pv_guest.wait_until("test -b /dev/xvdb")
        pv_guest.run(f"echo vbd-{VBD} > /sys/bus/xen/drivers/vbd/unbind")
    yield attach
    dom0.run(f"xl block-detach pv xvdb || "
             f"xl block-detach --force pv xvdb; losetup -d {loop}",
             check=False)


@pytest.fixture
def hostile_vif(dom0, pv_guest):
    """A spare network card of the guest with no driver bound to it."""
    dom0.run("xl network-attach pv mac=00:16:3e:00:00:99 bridge=xenbr0")
    assert pv_guest.wait_until("test -e /sys/class/net/eth1")
    pv_guest.run("echo vif-1 > /sys/bus/xen/drivers/vif/unbind")
    yield "1"
    dom0.run("xl network-detach pv 1", check=False)


def complaints(dom0, device):
    """Lines of Dom0's kernel log since the last test that name a device."""
    return [line for line in dom0.run("dmesg").splitlines()
            if re.search(device, line)]


BAD_REQUESTS = ("operation", "past-end", "across-end", "sector-wrap", "grant",
                "segments", "segment-order", "segment-end")


@pytest.mark.dom0(pvh=True, mainline="pv")
def test_hostile_block_frontend(dom0, pv_guest, hostile_vbd, neighbour):
    """A bad request gets an error, a bad producer index costs the device.

    The frontend is served when it behaves, before and in between.
    """
    hostile_vbd("w")
    before = complaints(dom0, rf"vbd-\d+-{VBD}: ")
    said = pv_guest.run(f"hostile-vbd {VBD} none {' '.join(BAD_REQUESTS)} "
                        "producer", 400)
    assert "none: response id ours status 0" in said, said
    for misdeed in BAD_REQUESTS:
        assert re.search(rf"{misdeed}: response id ours status -\d+", said), \
            said
        assert f"{misdeed}: afterwards id ours status 0" in said, said
    assert re.search(r"producer: responses 0, backend state [56]\b", said), said
    lines = complaints(dom0, rf"vbd-\d+-{VBD}: ")[len(before):]
    assert len(lines) == 1, lines
    neighbour.check()


@pytest.mark.dom0()
def test_write_to_read_only_disk(dom0, pv_guest, hostile_vbd):
    """A write that the frontend should have known to be forbidden."""
    before = dom0.run("sha256sum < /tmp/hostile")
    hostile_vbd("r")
    said = pv_guest.run(f"hostile-vbd {VBD} write", 200)
    assert re.search(r"write: response id ours status -\d+", said), said
    assert dom0.run("sync; sha256sum < /tmp/hostile") == before


@pytest.mark.dom0(pvh=True)
@pytest.mark.parametrize("fatal", ("producer", "offset"))
def test_hostile_network_frontend(dom0, pv_guest, hostile_vif, neighbour,
                                  fatal):
    """A bad transmit request is refused; what makes no sense costs the card."""
    before = complaints(dom0, r"vif-\d+-1: ")
    said = pv_guest.run(f"hostile-vif {hostile_vif} none grant tiny {fatal}",
                        200)
    assert "none: response good 1 errors 0 missing 0" in said, said
    for misdeed in ("grant", "tiny"):
        assert f"{misdeed}: response good 0 errors 1 missing 0" in said, said
        assert f"{misdeed}: afterwards good 1 errors 0 missing 0" in said, said
    assert f"{fatal}: afterwards good 1" not in said, said
    assert re.search(r"^backend state [56]$", said, re.M), said
    lines = complaints(dom0, r"vif-\d+-1: ")[len(before):]
    assert len(lines) == 1, lines
    neighbour.check()


@pytest.mark.dom0(pvh=True, mainline="pv")
def test_neighbour_had_no_trouble(neighbour):
    """Over all of the above, not one of the neighbour's rounds failed."""
    neighbour.check()
    neighbour.__exit__()
