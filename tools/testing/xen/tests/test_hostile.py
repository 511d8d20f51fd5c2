# SPDX-License-Identifier: GPL-2.0-only
"""A guest that breaks the rules hurts nobody but itself.

The guest's own driver is unbound from a device, and a small program in the
guest plays the frontend: correctly up to the one misdeed under test.
"""

import re
from contextlib import contextmanager

import pytest

from conftest import PLAIN_ROLES, TIMES
from oracles import (VBD, Complaints, becomes, grants, leaves_nothing,
                     rises)

# Events without work, on each port.
EVENTS = 10000 * TIMES
# Requests that come one by one, and rounds of a program's with a storm at it.
TICKS, ROUNDS = 500 * TIMES, 200 * TIMES
# Connects of several queues, one of which is not as it should be.
HALF_BUILT = 24 * TIMES
# Bad requests of all kinds, and those that change while they are read.
MANY, RACES, LIST_RACES = 2000 * TIMES, 4000 * TIMES, 800 * TIMES
# Good ones while the ring's indices change.
INDEX_RACES = 800 * TIMES
# Requests and packets with a grant that comes and goes.
FLAPS = 3000 * TIMES
# Packets of all shapes.
SHAPES = 3000 * TIMES
# Connects while keys change, and such that lose their event channels.
CHANGING, PORTS = 12 * TIMES, 5 * TIMES
# Connects without waiting, writes of one key, writes of any state.
STORM, FLOOD, STATES = 50 * TIMES, 40 * TIMES, 80 * TIMES
# And writes that say there is no frontend any more, among others.
LOST = 12 * TIMES
# Connects with a ring that is full at once.
CONNECTS = 5 * TIMES
# Changes of the backend's state, each answered with one that has it changed again;
# and how many milliseconds they take: after a few at once, twenty a second.
ANSWERS = 60 * TIMES
ANSWERED = (ANSWERS - 20) * 50
# Seconds for one of these.
LONG = 600 * TIMES


class Neighbour:
    """An honest guest at work on its disk and its network meanwhile.

    It pauses between its rounds, for it has one processor with all others.
    """

    LOOP = """rm -f /tmp/bad
head -c 131072 /dev/urandom > /tmp/block; good=$(sha256sum < /tmp/block)
while [ ! -e /tmp/stop ]; do
dd if=/tmp/block of=/dev/xvda bs=64k oflag=direct 2>/dev/null || echo w > /tmp/bad
[ "$(dd if=/dev/xvda bs=64k count=2 iflag=direct 2>/dev/null | sha256sum)" = "$good" ] || echo r > /tmp/bad
ping -c 1 -W 60 10.0.2.15 >/dev/null || echo p > /tmp/bad
echo >> /tmp/count
sleep 1
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

    def check(self, before=None):
        """At least one whole round since there were so @before, or from now
        on; and none failed so far."""
        wanted = (self.rounds() if before is None else before) + 2
        assert self.guest.wait_until(
            f"test $(wc -l < /tmp/count) -ge {wanted}"), \
            "the neighbour's I/O stopped"
        assert not self.guest.run("cat /tmp/bad 2>/dev/null", check=False)


@pytest.fixture
def neighbour(other_guest):
    """The other guest at work; the loop goes on from test to test."""
    entry = getattr(other_guest, "neighbour", None)
    if not entry:
        entry = other_guest.neighbour = Neighbour(other_guest).__enter__()
    return entry


def idle_grants(dom0, domid):
    """How many grants of a guest are mapped, once all its rings are."""
    before = grants(dom0, domid)
    while (now := grants(dom0, domid)) != before:
        before = now
    return now


class Spare:
    """A spare device of the guest's, with no driver bound to it.

    It takes long to attach one, so it is kept for the next test that wants
    the same, once it is quiet and none of the guest's grants is mapped. What
    comes of taking it away is looked at where a test does so.
    """

    # xl's word for the kind and for the device, what tells that the guest has
    # it, and the device's number.
    KINDS = {"vbd": ("block", "xvdb", "test -b /dev/xvdb", VBD),
             "vif": ("network", "1", "test -e /sys/class/net/eth1", "1")}

    def __init__(self, dom0, guest, kind):
        self.dom0, self.guest, self.kind = dom0, guest, kind
        self.tool, self.name, self.seen, self.device = self.KINDS[kind]
        self.domid = guest.domid()
        self.idle, self.words = idle_grants(dom0, self.domid), None

    def attach(self, words):
        if self.words == words:
            return
        self.detach()
        self.dom0.run(f"xl {self.tool}-attach {self.guest.name} {words}")
        assert self.guest.wait_until(self.seen)
        self.guest.unbind(f"{self.kind}-{self.device}")
        self.words = words

    def quiet(self):
        """The device has closed, or was given up; with nothing of the
        guest's left mapped."""
        if not self.words:
            return
        state = self.dom0.run(
            f"xenstore-read /local/domain/0/backend/{self.kind}/{self.domid}/"
            f"{self.device}/state 2>/dev/null", check=False)
        assert state in ("5", "6"), state
        becomes(lambda: grants(self.dom0, self.domid),
                lambda number: number == self.idle)

    def detach(self):
        """Takes it away; nothing of it is left."""
        if not self.words:
            return
        self.words = None
        # The next one may complain at once.
        self.dom0.complained.pop(self.kind, None)
        self.dom0.run(f"xl {self.tool}-detach {self.guest.name} {self.name}",
                      check=False)
        # What comes with the same number before that, the guest does not see.
        assert self.guest.wait_until(
            f"! test -e /sys/bus/xen/devices/{self.kind}-{self.device}")
        leaves_nothing(self.dom0, self.domid, self.kind, self.device,
                       self.idle)


def spare(dom0, guest, kind):
    """The guest's spare device of a kind."""
    if kind not in guest.spare:
        guest.spare[kind] = Spare(dom0, guest, kind)
    return guest.spare[kind]


@pytest.fixture
def hostile_vbd(dom0, pv_guest, spare_disk):
    """Attaches a spare disk to the guest, with no driver bound to it."""
    device = spare(dom0, pv_guest, "vbd")
    complaints = Complaints(dom0, "vbd")

    def attach(access, disk=spare_disk):
        device.attach(f"phy:{disk} xvdb {access}")
    yield attach
    complaints.new()
    device.quiet()
    if device.words and f":{spare_disk} " not in device.words:
        device.detach()


CARD = "mac=00:16:3e:00:00:99 bridge=xenbr0"


@pytest.fixture
def hostile_vif(dom0, pv_guest):
    """A spare network card of the guest with no driver bound to it."""
    device = spare(dom0, pv_guest, "vif")
    complaints = Complaints(dom0, "vif")
    device.attach(CARD)
    yield device.device
    complaints.new()
    device.quiet()


# What hostile-vbd can do wrong with a request (T11 and parts of T12, T14), and
# what the one response to it is: an error, success, or either.
REQUESTS = {
    "none": "good",
    **{f"operation:{number}": "bad" for number in (4, 7, 77, 255)},
    "past-end:0": "bad", "past-end:1": "bad", "across-end": "bad",
    "sector-wrap": "bad",
    "grant": "bad", "readonly-grant": "bad", "ring-as-data": "good",
    "segments:0": "bad", "segments:12": "bad", "segments:255": "bad",
    "segment-order": "bad", "segment-first:8": "bad",
    "segment-end:8": "bad", "segment-end:255": "bad",
    "flush": "good", "barrier": "bad", "barrier-data": "bad",
    "flush-data": "any", "same-id": "good",
    "discard:0": "bad", "discard:8": "bad", "discard-secure:8": "bad",
    "discard-past-end:0": "bad", "discard-across-end": "bad",
    "discard-wrap:3": "bad",
    "indirect": "good", "indirect-grant": "bad",
    "indirect-list-is-ring": "any",
    **{f"indirect-operation:{number}": "bad" for number in (3, 5, 6, 255)},
    **{f"indirect-segments:{number}": "bad" for number in (0, 257, 65535)},
    "rsp-prod:1": "good", "rsp-prod:0x80000000": "good",
    "rsp-event:0x80000000": "good", "req-event:0xffffffff": "good",
}
STATUS = {"good": "0", "bad": r"-\d+", "any": r"-?\d+"}
FATAL_PRODUCERS = "producer:33", "producer:0x80000000", "producer:-1"


@pytest.mark.dom0(pvh=True, checked=True)
def test_hostile_block_requests(dom0, pv_guest, hostile_vbd, neighbour):
    """Each bad request gets one answer, and a good one is served after it."""
    hostile_vbd("w")
    complaints = Complaints(dom0, "vbd")
    said = pv_guest.run(f"hostile-vbd {VBD} {' '.join(REQUESTS)} many:{MANY}",
                        LONG)
    for misdeed, outcome in REQUESTS.items():
        assert re.search(rf"^{misdeed}: response id ours status "
                         rf"{STATUS[outcome]}$", said, re.M), said
        assert f"{misdeed}: afterwards id ours status 0" in said, said
    assert re.search("^same-id: first id ours status 0$", said, re.M), said
    many = re.search(rf"many:{MANY}: good (\d+) bad (\d+) wrong 0 missing 0",
                     said)
    assert many and int(many[1]) and int(many[2]), said
    assert f"many:{MANY}: afterwards id ours status 0" in said, said
    assert len(complaints.new()) <= 10 * TIMES
    neighbour.check()


@pytest.mark.dom0(checked=True)
def test_hostile_block_producer(dom0, pv_guest, hostile_vbd, neighbour):
    """An impossible producer costs the device, until it is connected anew."""
    hostile_vbd("w")
    complaints = Complaints(dom0, "vbd")
    for some in complaints.batches(FATAL_PRODUCERS):
        for fatal in some:
            said = pv_guest.run(f"hostile-vbd {VBD} none {fatal}", 200)
            assert "none: response id ours status 0" in said, said
            assert re.search(rf"^{fatal}: responses 0, backend state [56]\b",
                             said, re.M), said
            lines = complaints.new()
            assert len(lines) == 1, lines
    neighbour.check()


@pytest.mark.dom0(checked=True)
def test_lost_event_channel(pv_guest, hostile_vbd, neighbour):
    """The channel is closed behind a full ring, which is served (T6)."""
    hostile_vbd("w")
    for _ in range(2):
        said = pv_guest.run(f"hostile-vbd {VBD} none lose-port", 200)
        assert "none: response id ours status 0" in said, said
        assert "lose-port: good 32 bad 0 wrong 0 missing 0" in said, said
    neighbour.check()


@pytest.fixture
def big_blocks(dom0):
    """A disk whose blocks are of 4096 bytes."""
    loop = dom0.run("truncate -s 64M /tmp/blocks; "
                    "losetup -f --show -b 4096 /tmp/blocks")
    yield loop
    dom0.run(f"losetup -d {loop}; rm -f /tmp/blocks", check=False)


@pytest.mark.dom0(checked=True)
def test_parts_of_blocks(pv_guest, big_blocks, hostile_vbd):
    """Requests that are not of whole blocks of the disk (T11)."""
    hostile_vbd("w", big_blocks)
    said = pv_guest.run(f"hostile-vbd {VBD} none small unaligned", 200)
    assert "none: response id ours status 0" in said, said
    for part in "small", "unaligned":
        assert re.search(rf"^{part}: response id ours status -\d+$", said,
                         re.M), said
        assert f"{part}: afterwards id ours status 0" in said, said


@pytest.fixture
def window(dom0):
    """A disk in the middle of another, and what tells whether that changed
    beside it.  No two sectors are alike."""
    loop = dom0.run("seq 9999999 | head -c 16M > /tmp/window; "
                    "losetup -f --show -o 1M --sizelimit 14M /tmp/window")
    yield loop, lambda: dom0.run(
        f"sync; blockdev --flushbufs {loop}; "
        "(head -c 1M /tmp/window; tail -c 1M /tmp/window) | sha256sum")
    dom0.run(f"losetup -d {loop}; rm -f /tmp/window", check=False)


def race(guest):
    """Requests that are rewritten while Dom0 reads them: each is answered."""
    said = guest.run(f"hostile-vbd {VBD} none race:{RACES} "
                     f"race-list:{LIST_RACES} race-index:{INDEX_RACES}", LONG)
    assert f"race-index:{INDEX_RACES}: good {INDEX_RACES} bad 0 wrong 0 " \
        "missing 0" in said, said
    assert f"race-index:{INDEX_RACES}: afterwards id ours status 0" in said, said
    for which in f"race:{RACES}", f"race-list:{LIST_RACES}":
        found = re.search(rf"{which}: good (\d+) bad (\d+) wrong 0 missing 0",
                          said)
        assert found and int(found[1]) and int(found[2]), said
        assert f"{which}: afterwards id ours status 0" in said, said


@pytest.mark.dom0(vcpus=2, checked=True)
def test_requests_that_change(dom0, hostile_vbd, pv_guest, neighbour):
    """Of a disk that may only be read, nothing is written (T10)."""
    # Not through the disk itself, which may take minutes.
    dom0.run("seq 9999999 | head -c 16M | "
             "dd of=/tmp/spare conv=notrunc bs=64k iflag=fullblock 2>&1")
    hostile_vbd("r")
    before = dom0.run("sync; sha256sum < /tmp/spare")
    race(pv_guest)
    assert dom0.run("sync; sha256sum < /tmp/spare") == before
    assert not writes(dom0, pv_guest)
    neighbour.check()


@pytest.mark.dom0(vcpus=2, checked=True)
def test_writes_that_change(dom0, window, hostile_vbd, pv_guest, neighbour):
    """Of a disk that may be written, nothing beside it is (T10)."""
    disk, beside = window
    before = beside()
    hostile_vbd("w", disk)
    race(pv_guest)
    assert writes(dom0, pv_guest), "nothing was written at all"
    assert beside() == before
    neighbour.check()


@pytest.mark.dom0(vcpus=2, checked=True)
@pytest.mark.parametrize("kind", ("vbd", "vif"))
def test_grants_that_change(dom0, pv_guest, kind, hostile, neighbour):
    """The guest's kernel takes a grant away and gives it back, meanwhile."""
    complaints = Complaints(dom0, kind)
    program, device = hostile.split()
    said = pv_guest.run(f"hostile-{program} {device} none flapping:{FLAPS}",
                        LONG)
    found = re.search(rf"flapping:{FLAPS}: good (\d+) (?:bad|errors) (\d+) "
                      "wrong 0 missing 0", said)
    assert found and int(found[1]) and int(found[2]), said
    assert re.search(rf"flapping:{FLAPS}: afterwards (good 1 errors 0|"
                     "id ours status 0)", said), said
    assert len(complaints.new()) <= 10 * TIMES
    neighbour.check()


@contextmanager
def repeated(dom0, name, what):
    """Dom0 does something twice a second, which writes to a file; more often,
    and on the slowest machine it would do nothing else."""
    dom0.run(f"rm -f /tmp/stop-{name} /tmp/{name}; "
             f"(while [ ! -e /tmp/stop-{name} ]; do {what}; sleep 0.5; done) "
             ">/dev/null 2>&1 &")
    yield
    dom0.run(f"touch /tmp/stop-{name}")


@pytest.fixture
def reader(dom0, pv_guest):
    """Dom0 reads what there is to read of the guest's devices, meanwhile."""
    domid = pv_guest.domid()
    with repeated(dom0, "read",
                  f"cat /sys/bus/xen-backend/devices/vbd-{domid}-*/statistics/* "
                  f"&& ethtool -S vif{domid}.0 && ip -s link && "
                  f"echo >> /tmp/read; ethtool -S vif{domid}.1"):
        yield lambda: int(dom0.run("cat /tmp/read 2>/dev/null | wc -l"))


@pytest.mark.dom0(vcpus=2, checked=True)
@pytest.mark.parametrize("kind", ("vbd", "vif"))
def test_half_built_queues(dom0, pv_guest, kind, hostile, reader, neighbour):
    """One of several queues has a bad key, while Dom0 reads statistics (T4)."""
    before = reader()
    said = pv_guest.run(f"hostile-xenbus {hostile} queues half:{HALF_BUILT} "
                        "queues valid", LONG)
    assert reader() > before + 1, "nobody read"
    assert f"half:{HALF_BUILT}: {HALF_BUILT} refused, " in said, said
    assert said.count("queues: 2, backend state 4") == 2, said
    assert "valid: backend state 4" in said, said
    spare(dom0, pv_guest, kind).detach()
    neighbour.check()


@pytest.fixture
def slabs(dom0):
    """How many kB Dom0's slabs had, twice a second since the last look."""
    def look():
        dom0.run("sleep 2")
        return [int(line.split()[1]) for line in dom0.run(
            "mv /tmp/slabs /tmp/seen; cat /tmp/seen").splitlines()]
    with repeated(dom0, "slabs", "grep ^Slab /proc/meminfo >> /tmp/slabs"):
        yield look


# What would change a disk.
CHANGES = ("write", "indirect-operation:1", "barrier", "barrier-data",
           "discard:8", "discard-secure:8")


def writes(dom0, guest):
    """How many writes the backend has passed on for the hostile disk."""
    return int(dom0.run("cat /sys/bus/xen-backend/devices/"
                        f"vbd-{guest.domid()}-{VBD}/statistics/wr_req"))


@pytest.mark.dom0(checked=True)
def test_write_to_read_only_disk(dom0, pv_guest, hostile_vbd, neighbour):
    """Writes that the frontend should have known to be forbidden."""
    before = dom0.run("sha256sum < /tmp/spare")
    hostile_vbd("r")
    said = pv_guest.run(f"hostile-vbd {VBD} {' '.join(CHANGES)} flush", 200)
    for change in CHANGES:
        assert re.search(rf"^{change}: response id ours status -\d+$", said,
                         re.M), said
    # Harmless: there is nothing to flush.
    assert "flush: response id ours status" in said, said
    assert "flush: afterwards id ours status 0" in said, said
    assert dom0.run("sync; sha256sum < /tmp/spare") == before
    assert not writes(dom0, pv_guest)
    neighbour.check()


# So many requests are good, and so many are more than the ring has.
EARLY = {"vbd": (5, 33), "vif": (50, 257)}


@pytest.mark.dom0(checked=True)
@pytest.mark.parametrize("kind", EARLY)
def test_early_producer(pv_guest, kind, hostile, neighbour, broadcasts):
    """A producer index from before there is a backend (T9)."""
    good, bad = EARLY[kind]
    said = pv_guest.run(f"hostile-xenbus {hostile} early:{good} early:{bad} "
                        "early:0x80000000 valid", 200)
    assert f"early:{good}: {good} answered, backend state 4" in said, said
    for number in bad, "0x80000000":
        assert re.search(rf"early:{number}: 0 answered, backend state [56]$",
                         said, re.M), said
    assert "valid: backend state 4" in said, said
    if kind == "vif":
        said = pv_guest.run(f"hostile-xenbus {hostile} early-rx:{good} "
                            f"early-rx:{bad} early-rx:0x80000000 valid", 200)
        assert f"early-rx:{good}: backend state 4" in said, said
        for number in bad, "0x80000000":
            assert re.search(rf"early-rx:{number}: backend state [56]$", said,
                             re.M), said
        assert "valid: backend state 4" in said, said
    neighbour.check()


# Packets that are refused (T18, T19), by how many errors.  The slot of an extra
# is answered too, but not by an error.
PACKETS = {"grant": (1, 0), "foreign-grant": (1, 0), "tiny": (1, 0),
           "size:0": (1, 0), "slots:19": (19, 0), "total:3": (3, 0),
           "gso-size:1": (1, 1), "small-slots:18": (0, 18),
           "small-slots:19": (19, 0)}
# And those that make no sense (T9, T18), which cost the device, by the reason.
FATAL_PACKETS = {
    **dict.fromkeys(("producer:257", "producer:0x80000000", "producer:-1",
                     "rx-producer:257", "rx-producer:0x80000000"),
                    "impossible producer index"),
    **dict.fromkeys(("offset:4095", "offset:3897"),
                    "data outside the granted page"),
    **dict.fromkeys(("no-last:3", "extra-missing"), "unfinished packet"),
    **dict.fromkeys(("slots:21", "slots:60"), "endless packet"),
    **dict.fromkeys(("extra:0", "extra:255"), "unknown extra"),
    "extra-chain:255": "repeated extra",
    "gso-size:0": "segment size zero",
    **dict.fromkeys(("gso-type:0", "gso-type:255"),
                    "unknown segmentation type"),
}


@pytest.mark.dom0(pvh=True, checked=True)
def test_hostile_packets(dom0, pv_guest, hostile_vif, neighbour):
    """What cannot be sent is refused, and the next packet is sent."""
    complaints = Complaints(dom0, "vif")
    said = pv_guest.run(f"hostile-vif {hostile_vif} none {' '.join(PACKETS)} "
                        "checksum-blank", 300)
    # To be dropped, for it has nothing to check; that may be no error.
    assert re.search("checksum-blank: response .* missing 0", said), said
    assert "checksum-blank: afterwards good 1 errors 0 wrong 0 missing 0" in \
        said, said
    assert "none: response good 1 errors 0 wrong 0 missing 0" in said, said
    for misdeed, (errors, extras) in PACKETS.items():
        assert f"{misdeed}: response good {extras} errors {errors} wrong 0 " \
            "missing 0" in said, said
        assert f"{misdeed}: afterwards good 1 errors 0 wrong 0 missing 0" in \
            said, said
    assert len(complaints.new()) <= 10
    neighbour.check()


@pytest.mark.dom0(checked=True)
def test_shapes_of_packets(dom0, pv_guest, hostile_vif, neighbour):
    """Slots of every size, number and place are answered once each (T19)."""
    complaints = Complaints(dom0, "vif")
    said = pv_guest.run(f"hostile-vif {hostile_vif} none shapes:{SHAPES} "
                        "cuts:0 cuts:1 lose-port none", LONG)
    found = re.search(rf"shapes:{SHAPES}: good (\d+) errors (\d+) wrong 0 "
                      "missing 0", said)
    assert found and int(found[1]) > 5 * SHAPES and int(found[2]), said
    for flags in range(2):
        assert f"cuts:{flags}: good 256 errors 0 wrong 0 missing 0" in said, \
            said
    assert "lose-port: response good 256 errors 0 wrong 0 missing 0" in said, \
        said
    assert said.count("afterwards good 1 errors 0 wrong 0 missing 0") == 6, \
        said
    assert len(complaints.new()) <= 10 * TIMES
    neighbour.check()


@pytest.fixture
def broadcasts(dom0):
    """Frames that reach every card of the bridge: questions for nobody."""
    dom0.run("(ping -i 0.2 10.0.2.99) > /dev/null 2>&1 &")
    yield
    dom0.run("killall ping", check=False)


@pytest.mark.dom0(checked=True)
def test_fatal_packets(dom0, pv_guest, hostile_vif, neighbour, broadcasts):
    """What makes no sense costs the card, until it is connected anew."""
    complaints = Complaints(dom0, "vif")
    card, fatals = spare(dom0, pv_guest, "vif"), list(FATAL_PACKETS)
    for some in complaints.batches(fatals):
        card.attach(CARD)
        said = pv_guest.run(f"hostile-vif {hostile_vif} none " +
                            " none ".join(some) + " quit", 600)
        goods = said.count("none: response good 1 errors 0 wrong 0 missing 0")
        assert goods == len(some), said
        for fatal in some:
            assert f"{fatal}: afterwards good 1" not in said, said
            assert re.search(rf"^{fatal}: backend state [56]$", said, re.M), \
                said
        lines = complaints.new()
        assert len(lines) == len(some), lines
        for fatal, line in zip(some, lines):
            assert FATAL_PACKETS[fatal] in line, lines
        assert f"{some[-1]}: backend state 5" in said, said
        # It is taken away as it is, without its frontend's doing.
        if TIMES > 1 or some[-1] == fatals[-1]:
            card.detach()
    neighbour.check()


@pytest.mark.dom0(checked=True)
def test_bad_receive_slots(dom0, pv_guest, hostile_vif, neighbour,
                           broadcasts):
    """A bad slot for a received frame costs that slot (T23)."""
    kinds = "rx-bad", "rx-readonly", "rx-foreign"
    said = pv_guest.run(f"hostile-vif {hostile_vif} rx-good:4 rx-same-id:4 "
                        "rx-mixed:4 " +
                        " ".join(f"{kind}:4" for kind in kinds) +
                        " rx-good:4", 300)
    assert "rx-same-id:4: frames good 4 errors 0 missing 0\n" in said, said
    assert "rx-mixed:4: frames good 2 errors 2 missing 0\n" in said, said
    assert said.count("rx-good:4: frames good 4 errors 0 missing 0\n") == 2, \
        said
    for kind in kinds:
        assert f"{kind}:4: frames good 0 errors 4 missing 0\n" in said, said
    # Frames over the ring itself: the guest reads them there, Dom0 does not.
    pv_guest.run(f"hostile-vif {hostile_vif} rx-ring:4", 300, check=False)
    said = pv_guest.run(f"hostile-vif {hostile_vif} rx-good:4", 300)
    assert "rx-good:4: frames good 4 errors 0 missing 0" in said, said
    neighbour.check()


NUMBERS = ("", "-1", "1 2", "0x10", "4294967296", "@long", "-")
GRANTS = ("4294967295", "4294967280", "@foreign")
QUEUES = ("0", "4294967295", "-1", "65", "1 2", "0x10", "@long")
# Keys that no backend can connect with (T3, T5, T6).
BAD_KEYS = {
    "vbd": [f"ring-ref={value}" for value in (*NUMBERS, *GRANTS)]
    + [f"event-channel={value}" for value in (*NUMBERS, "0", "4294967295")]
    + [f"ring-page-order={value}" for value in
       ("5", "31", "32", "4294967295", "-1")]
    + ["event-channel=@foreign-port", "ring-ref=@readonly"]
    + [f"protocol={value}" for value in ("@long", "sparc-abi")]
    + [f"multi-queue-num-queues={value}" for value in QUEUES],
    "vif": [f"tx-ring-ref={value}" for value in (*NUMBERS, *GRANTS)]
    + [f"rx-ring-ref={value}" for value in GRANTS]
    + [f"event-channel-tx={value},event-channel={value}" for value in
       ("", "0", "4294967295", "1 2")]
    + ["event-channel-rx=@port0", "event-channel-rx=@foreign-port",
       "rx-ring-ref=@ring0", "tx-ring-ref=@readonly", "rx-ring-ref=@readonly",
       "feature-sg=2", "request-rx-copy=0"]
    + [f"multi-queue-num-queues={value}" for value in QUEUES],
}
# Keys that may be taken or not, but have to be survived.
ODD_KEYS = {
    "vbd": [f"ring-page-order={value}" for value in range(5)]
    + ["ring-page-order=1,ring-ref0=@ring0,ring-ref1=@ring0",
       "ring-ref=@freed", "multi-queue-num-queues=2", "feature-persistent=2"],
    "vif": ["tx-ring-ref=@freed", "multi-queue-num-queues=2",
            "xdp-headroom=65535"],
}


@pytest.fixture
def hostile(request, kind):
    """A spare device of a kind, as the guest calls it."""
    if kind == "vbd":
        request.getfixturevalue("hostile_vbd")("w")
        return f"vbd {VBD}"
    return f"vif {request.getfixturevalue('hostile_vif')}"


def refused(guest, device, some):
    """Keys that a device is to be refused for."""
    said = guest.run(f"hostile-xenbus {device} " +
                     " ".join(f"'{keys}'" for keys in some), LONG)
    states = re.findall(r": backend state [56]$", said, re.M)
    assert len(states) == len(some), said


# Of every so many keys one has its message waited for: five of a kind of
# device, which is what may be said at a time.
SAMPLE = 7


@pytest.mark.dom0(checked=True)
def test_bad_keys(dom0, pv_guest, hostile_vbd, hostile_vif, neighbour):
    """Keys that make no sense are refused; with a message, of a sample each."""
    hostile_vbd("w")
    devices = {"vbd": f"vbd {VBD}", "vif": f"vif {hostile_vif}"}
    for kind, device in devices.items():
        complaints = Complaints(dom0, kind)
        for some in complaints.batches(BAD_KEYS[kind][::SAMPLE]):
            refused(pv_guest, device, some)
            lines = complaints.new()
            assert len(some) <= len(lines) <= 10 * len(some), (some, lines)
        rest = list(BAD_KEYS[kind])
        del rest[::SAMPLE]
        refused(pv_guest, device, rest)
        complaints.new()
    for kind, device in devices.items():
        said = pv_guest.run(
            f"hostile-xenbus {device} valid " +
            " ".join(f"'{keys}' valid" for keys in ODD_KEYS[kind]), 300)
        assert said.count("valid: backend state 4") == \
            len(ODD_KEYS[kind]) + 1, said
    neighbour.check()


@pytest.mark.dom0(checked=True)
def test_one_page_for_two_rings(pv_guest, hostile_vbd, hostile_vif, neighbour):
    """A disk and a card whose rings are the same page (T5)."""
    hostile_vbd("w")
    pv_guest.run(f"(hostile-xenbus vbd {VBD} hold:20 valid) > /tmp/hold 2>&1 &")
    assert pv_guest.wait_until("grep -q grant /tmp/hold")
    gref = pv_guest.run("sed -n 's/.*grant //p' /tmp/hold")
    pv_guest.run(f"hostile-xenbus vif {hostile_vif} tx-ring-ref={gref} "
                 f"rx-ring-ref={gref} tx-ring-ref={gref}", 100)
    said = pv_guest.run(f"hostile-xenbus vif {hostile_vif} valid", 100)
    assert "valid: backend state 4" in said, said
    assert pv_guest.wait_until("grep -q 'valid: backend state 4' /tmp/hold")
    assert pv_guest.wait_until("grep -q 'end: backend closed' /tmp/hold")
    neighbour.check()


def paced(said):
    """Whether a backend took its time to answer."""
    found = re.search(rf"answers:{ANSWERS}: {ANSWERS} changes in (\d+) ms", said)
    return found and int(found[1]) >= ANSWERED


@pytest.mark.dom0(checked=True)
@pytest.mark.parametrize("kind", ("vbd", "vif"))
def test_state_storms(dom0, pv_guest, kind, hostile, neighbour, reader,
                      broadcasts):
    """Any states at any rate (T1-T3, T6, T7); after it the device connects."""
    complaints = Complaints(dom0, kind)
    before = neighbour.rounds(), reader()
    said = pv_guest.run(f"hostile-xenbus {hostile} valid storm:{STORM} valid "
                        f"changing:{CHANGING} valid "
                        f"answers:{ANSWERS} valid "
                        f"connects:{CONNECTS} valid "
                        f"ports:{PORTS} valid states:{STATES} valid "
                        f"lost:{LOST} valid", LONG)
    assert neighbour.rounds() > before[0], "the neighbour stood still"
    assert reader() > before[1] + 1, "nobody read"
    changed = re.search(r"changing:\d+: (\d+) connected, (\d+) refused", said)
    assert sum(map(int, changed.groups())) == CHANGING, said
    assert int(changed[2]), said
    assert paced(said), said
    assert f"ports:{PORTS}: {PORTS} connected" in said, said
    assert f"connects:{CONNECTS}: {CONNECTS} connected" in said, said
    assert said.count("valid: backend state 4") == 8, said
    complaints.new()
    spare(dom0, pv_guest, kind).detach()
    neighbour.check()


# Where Dom0 is so quick that it takes that long only if it means to.
@pytest.mark.dom0(roles=PLAIN_ROLES)
@pytest.mark.parametrize("kind", ("vbd", "vif"))
def test_answers_are_paced(pv_guest, kind, hostile):
    """A backend changes its state at a rate, however quick its frontend (T2)."""
    said = pv_guest.run(f"hostile-xenbus {hostile} valid answers:{ANSWERS}", LONG)
    assert paced(said), said


# kB of Dom0's slabs that a flood of writes may take while it lasts; and from how many
# writes on it would be more if they piled up, which takes longer than make check has.
FLOODED, ENOUGH = 1024, 4000


@pytest.mark.dom0(checked=True)
@pytest.mark.parametrize("kind", ("vbd", "vif"))
def test_floods(pv_guest, kind, hostile, neighbour, reader, broadcasts, slabs,
                machine_key):
    """Writes that Dom0 watches for do not pile up (T2)."""
    keys = ["state"] + (["request-multicast-control"] if kind == "vif" else [])
    # What it takes to be connected comes before.
    pv_guest.run(f"hostile-xenbus {hostile} valid", 100)
    rounds, reads, before = neighbour.rounds(), reader(), slabs()
    said = pv_guest.run(f"hostile-xenbus {hostile} valid " + " ".join(
        f"flood:{key}:{FLOOD} valid" for key in keys), LONG)
    meanwhile = slabs()
    assert neighbour.rounds() > rounds, "the neighbour stood still"
    assert reader() > reads + 1, "nobody read"
    assert said.count("valid: backend state 4") == 1 + len(keys), said
    assert len(meanwhile) > 5, "nobody looked"
    # KASAN keeps what is freed for a while.
    if FLOOD >= ENOUGH and machine_key.role in PLAIN_ROLES:
        assert max(meanwhile) < max(before) + FLOODED, (before, meanwhile)
    neighbour.check()


def counted(dom0, guest, kind, name):
    """What the bus has counted of a hostile device's events."""
    return int(dom0.run("cat /sys/bus/xen-backend/devices/"
                        f"{DEVICE[kind].format(guest.domid())}/xenbus/{name}"))


@contextmanager
def event_storm(guest, hostile):
    """Events without work from a hostile device, meanwhile; /tmp/storm in the
    guest says how they went."""
    program, device = hostile.split()
    guest.run("rm -f /tmp/stop /tmp/stopped; "
              f"((hostile-{program} {device} none; "
              "n=0; while [ ! -e /tmp/stop ]; do n=$((n + 1)); "
              f"SEED=$n hostile-{program} {device} none events:{EVENTS}; "
              "done) > /tmp/storm 2>&1; echo > /tmp/stopped) &")
    assert guest.wait_until("grep -q events /tmp/storm", 90 * TIMES)
    yield
    guest.run("touch /tmp/stop")
    assert guest.wait_until("test -e /tmp/stopped", 90 * TIMES)


@pytest.fixture
def other_disk(dom0):
    """A disk that comes to the neighbour, and leaves it."""
    loop = dom0.run("truncate -s 1M /tmp/other; losetup -f --show /tmp/other")
    yield loop
    dom0.run(f"losetup -d {loop}; rm -f /tmp/other", check=False)


@pytest.mark.dom0(pvh=True, checked=True)
@pytest.mark.parametrize("kind", ("vbd", "vif"))
def test_event_storms(dom0, pv_guest, other_guest, kind, hostile, neighbour,
                      other_disk):
    """Events without work do not keep Dom0 from working (T24)."""
    complaints = Complaints(dom0, kind)

    def counts():
        return [counted(dom0, pv_guest, kind, name)
                for name in ("spurious_events", "jiffies_eoi_delayed")]
    before = counts()
    with event_storm(pv_guest, hostile):
        # Rounds of the neighbour while the storm lasts, and a disk for it.
        rounds = neighbour.rounds()
        dom0.run(f"xl block-attach {other_guest.name} phy:{other_disk} xvdb w")
        assert other_guest.wait_until("test -b /dev/xvdb")
        dom0.run(f"xl block-detach {other_guest.name} xvdb")
        assert other_guest.wait_until("! test -e /dev/xvdb")
        neighbour.check(rounds)
        # It is taken for a storm, and slowed down, from the second event in a
        # row; if Dom0 gets no time meanwhile, many arrive as one.
        rises(counts, 90 * TIMES, before)
    said = pv_guest.run("cat /tmp/storm")
    assert f"events:{EVENTS}: sent" in said and "never" not in said, said
    served = re.findall(r": (?:afterwards good 1|afterwards id ours status 0)",
                        said)
    # "none" before, and each storm with one before it.
    assert len(served) == 1 + 2 * said.count(": sent"), said
    assert not complaints.new()
    neighbour.check()


@pytest.mark.dom0(checked=True)
def test_event_storm_on_a_program(dom0, pv_guest, neighbour):
    """A storm at the port of a program in Dom0 (T24)."""
    pv_guest.run("rm -f /tmp/port; (xenbench storm 2) > /tmp/port 2>&1 &")
    assert pv_guest.wait_until("grep -q '[0-9]' /tmp/port")
    ports = pv_guest.run("cat /tmp/port")
    said = dom0.run(f"xenbench ping {pv_guest.domid()} {ROUNDS} {ports}", LONG)
    assert said.startswith(f"rounds {ROUNDS} ns "), said
    neighbour.check()
    dom0.run("xenstore-ls > /dev/null; xl list > /dev/null")
    pv_guest.run("killall xenbench; cat /tmp/port")


@pytest.mark.dom0(checked=True)
@pytest.mark.parametrize("kind", ("vbd", "vif"))
def test_event_for_each_request(dom0, pv_guest, kind, hostile, neighbour):
    """One request at a time, each with an event (T24)."""
    before = counted(dom0, pv_guest, kind, "events")
    program, device = hostile.split()
    said = pv_guest.run(f"hostile-{program} {device} none ticks:{TICKS}", LONG)
    assert re.search(rf"ticks:{TICKS}: good {TICKS} (bad|errors) 0 wrong 0 "
                     "missing 0", said), said
    assert counted(dom0, pv_guest, kind, "events") >= before + TICKS // 2
    neighbour.check()


# Interrupts of the hostile devices from one processor to the other, and one of
# these off and on again: twenty rounds, and until ten were moved, for between two
# storms the guest connects anew, with none to move.
MOVING = """rm -f /tmp/moved; touch /tmp/moved
for n in $(seq 500); do
[ $n -le 20 ] || [ $(wc -l < /tmp/moved) -lt 10 ] || exit 0
for i in $(awk -F: '/{name}/ {{ print $1 }}' /proc/interrupts); do
echo $((n % 2 + 1)) > /proc/irq/$i/smp_affinity && echo >> /tmp/moved; done
sleep 0.1
[ $((n % 5)) != 0 ] || {{ echo 0 > /sys/devices/system/cpu/cpu1/online || exit 2
sleep 0.2; echo 1 > /sys/devices/system/cpu/cpu1/online; }}; done; exit 1"""
DEVICE = {"vbd": f"vbd-{{}}-{VBD}", "vif": "vif-{}-1"}
# The netdev is a new one, for which a toolstack would have this run.
HOTPLUG = ("XENBUS_PATH=backend/vif/{0}/1 vif=vif{0}.1 bridge=xenbr0 "
           "/etc/xen/scripts/vif-bridge online")
IRQ_NAME = {"vbd": DEVICE["vbd"], "vif": "vif{}[.]1"}


@pytest.mark.dom0(vcpus=2, checked=True)
@pytest.mark.parametrize("kind", ("vbd", "vif"))
def test_event_storms_while_interrupts_move(dom0, pv_guest, kind, hostile,
                                            neighbour):
    """Processors, and then the driver, leave amid a storm of events (T24)."""
    domid = pv_guest.domid()
    with event_storm(pv_guest, hostile):
        for _ in range(TIMES):
            dom0.run(MOVING.format(name=IRQ_NAME[kind].format(domid)), 300)
        driver = f"/sys/bus/xen-backend/drivers/xen-{kind}-backend"
        for way in "unbind", "bind":
            dom0.run(f"echo {DEVICE[kind].format(domid)} > {driver}/{way}")
        if kind == "vif":
            dom0.run(HOTPLUG.format(domid))
    said = pv_guest.run("cat /tmp/storm")
    assert f"events:{EVENTS}: sent" in said, said
    said = pv_guest.run(f"hostile-xenbus {hostile} valid", 60)
    assert "valid: backend state 4" in said, said
    spare(dom0, pv_guest, kind).detach()
    neighbour.check()


def had_no_trouble(neighbour, guest):
    """Over all of the above, not one of the neighbour's rounds failed; and
    the hostile devices, once taken away, leave nothing."""
    neighbour.check()
    neighbour.__exit__()
    for device in guest.spare.values():
        device.detach()


@pytest.mark.dom0(pvh=True, checked=True)
def test_neighbour_had_no_trouble(neighbour, pv_guest):
    """On machines of one processor."""
    had_no_trouble(neighbour, pv_guest)


@pytest.mark.dom0(vcpus=2, checked=True)
def test_neighbour_had_no_trouble_either(neighbour, pv_guest):
    """On a machine of two."""
    had_no_trouble(neighbour, pv_guest)
