# SPDX-License-Identifier: GPL-2.0-only
"""Fixtures: one machine at a time, kept for as many tests as can use it."""

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from rig import machine, payload, qemu  # noqa: E402
from rig.guest import Guest  # noqa: E402

# How many times longer hostile guests go on than `make check` has time for.
TIMES = int(os.environ.get("XEN_RIG_TIMES", "1"))
# Without KASAN, with KASAN in what is ours and what works for it, and in everything.
PLAIN_ROLES = "ours-lts", "ours-custom"
SOME_KASAN_ROLE = "ours-mainline"
KASAN_ROLE = "kasan-mainline"
OUR_ROLES = (*PLAIN_ROLES, SOME_KASAN_ROLE, KASAN_ROLE)
DOM0_ROLES = (*OUR_ROLES, "intree-lts", "intree-custom")
ROLES = (*DOM0_ROLES, "base-lts", "base-mainline", "base-custom")
# The second has the kernel's own checks, and runs what is marked with mainline or
# checked.
FIRST, SECOND = "ours-lts", SOME_KASAN_ROLE
# Scripts of the toolstack's, and what stands in for them: with KASAN they take longer
# than the toolstack waits; amid a storm, or with the kernel's other checks, most of the
# time that a guest or a device takes to come and go.
DOM0 = Path(__file__).resolve().parent.parent / "dom0"
QUICK = {DOM0 / "quick-vif": "vif-bridge", DOM0 / "quick-block": "block"}
# Kernels that another run of these tests has.
LATER = os.environ.get("XEN_RIG_LATER", "").split()
# Files of tests, in the order that needs the fewest boots and guest starts.
ORDER = ("boot", "kunit", "guest_disk", "guest_network", "xl", "hostile",
         "destroy", "peer", "power")

# Set in the stash of a test that failed.
FAILED = pytest.StashKey()

# What must never be in the kernel's log.
TROUBLE = re.compile(
    r"WARNING: |BUG: |BUG at|UBSAN:|KASAN:|KCSAN:|INFO: possible|INFO: task|"
    r"INFO: rcu|rcu: INFO|possible circular|possible recursive|"
    r"inconsistent lock state|Call Trace:|corruption|refcount_t:|Oops|"
    r"sleeping function|scheduling while atomic|soft lockup|hard LOCKUP|"
    r"general protection fault|unable to handle|beyond end of device|"
    r"unregister_netdevice: waiting")
XEN_TROUBLE = re.compile(r"\(XEN\) .*(Xen BUG at|Xen WARN at|Assertion ')")


def pytest_addoption(parser):
    parser.addoption("--kernel", action="append", default=[],
                     metavar="ROLE=DIR",
                     help=f"a kernel build directory; roles: {ROLES}")
    parser.addoption("--modes", default="pv,pvh",
                     help="only these modes of Dom0")


def pytest_configure(config):
    given = config.getoption("--kernel") or \
        os.environ.get("XEN_RIG_KERNELS", "").split()
    config.kernels = {}
    for item in given:
        role, _, directory = item.partition("=")
        if role not in ROLES:
            raise pytest.UsageError(f"no such role: {role}")
        kernel = payload.Kernel.from_build(directory)
        if not kernel.image.exists():
            raise pytest.UsageError(f"{role}: no kernel at {kernel.image}")
        config.kernels[role] = kernel
    if not config.kernels:
        raise pytest.UsageError("give a kernel: --kernel ours-lts=DIR")
    config.addinivalue_line(
        "markers", "dom0(vcpus, roles, pvh, mainline, checked, crossed, "
        "**machine): run on these machines; also in PVH mode, with two "
        "virtual processors at the most; also on the "
        "mainline kernel, or (mainline=\"pv\") on that in one mode; or "
        "(checked) on that instead of the first; with (crossed) guests of "
        "the kind only that Dom0 is not")
    config.addinivalue_line("markers", "ends: the test ends its machine")


@dataclass(frozen=True)
class Key:
    """Names one machine to boot."""
    role: str
    mode: str
    vcpus: int
    disk: str = "virtio"
    nic: str = "virtio"
    linux: str = ""

    def __str__(self):
        parts = [self.role, self.mode, f"{self.vcpus}cpu"]
        if self.disk != "virtio":
            parts.append(self.disk)
        if self.nic != "virtio":
            parts.append(self.nic)
        if self.linux:
            parts.append("options")
        return "-".join(parts)


def pytest_generate_tests(metafunc):
    """Runs each test that uses a Dom0 on the kernels and modes it is for."""
    if "machine_key" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("dom0")
    settings = dict(marker.kwargs) if marker else {}
    roles = settings.pop("roles", OUR_ROLES)
    vcpus = settings.pop("vcpus", 1)
    pvh = settings.pop("pvh", False)
    checked = settings.pop("checked", False)
    mainline = settings.pop("mainline", checked)
    crossed = settings.pop("crossed", False)
    instead = checked and (SECOND in metafunc.config.kernels or
                           SECOND in LATER)
    modes = [mode for mode in metafunc.config.getoption("--modes").split(",")
             if pvh or mode != "pvh"]
    # All virtual ones of a PVH Dom0 share one processor.
    most = {"pv": vcpus, "pvh": min(vcpus, 2)}
    keys = [Key(role, mode, most[mode], **settings)
            for role in DOM0_ROLES
            if role in roles and role in metafunc.config.kernels
            for mode in modes
            if role != SECOND or mainline in (True, mode)
            if not instead or role != FIRST]
    if "guest_kind" not in metafunc.fixturenames:
        metafunc.parametrize("machine_key", keys, ids=str, scope="session",
                             indirect=True)
        return
    # On the second kernel, in each mode the kind of guest that differs most.
    pairs = [(kind, key) for key in keys for kind in ("pv", "pvh")
             if not (crossed or key.role == SECOND) or kind != key.mode]
    metafunc.parametrize("guest_kind,machine_key", pairs, scope="session",
                         ids=[f"{kind}-{key}" for kind, key in pairs],
                         indirect=["machine_key"])


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Groups the tests by machine; what ends the machine comes last."""
    def machine_of(item):
        call = getattr(item, "callspec", None)
        return call.params.get("machine_key") if call else None

    # Not tests of the kernels and modes given, rather than skipped ones.
    items[:] = [item for item in items
                if not any(mark.name == "skip"
                           and "empty parameter" in str(mark.kwargs)
                           for mark in item.own_markers)]
    keys = []
    for item in items:
        if machine_of(item) not in keys:
            keys.append(machine_of(item))
    keys.sort(key=lambda key: key is not None)
    items.sort(key=lambda item: (
        keys.index(machine_of(item)),
        ORDER.index(item.path.stem.removeprefix("test_"))))


class Pool:
    """At most one running machine; the next test's, if it still runs."""

    def __init__(self, kernels):
        self.kernels, self.key, self.machine = kernels, None, None
        self.item, self.quick = None, False

    def get(self, key, item):
        """The machine for a test; a new one also after a test that failed,
        be it in what comes after it, for that may have left anything."""
        failed = self.item and FAILED in self.item.stash
        self.item = item
        if failed or self.key != key or not self.machine.running:
            self.drop()
            # What is found in our code ends the machine at once.
            options = "panic_on_warn=1 " if key.role in OUR_ROLES else ""
            self.machine = machine.Machine(
                self.kernels[key.role],
                qemu.Config(mode=key.mode, vcpus=key.vcpus, disk=key.disk,
                            nic=key.nic, linux=options + key.linux),
                files=QUICK)
            self.key, self.quick = key, False
            # What tests leave for each other: guests by kind, and when
            # hostile devices of a kind were complained of.
            self.machine.guests, self.machine.complained = {}, {}
            print(f"\n[{key}: log {self.machine.log}]", flush=True)
            self.machine.boot()
        self._hurry(key.role == KASAN_ROLE or
                    key.role in OUR_ROLES and item.path.stem == "test_hostile"
                    or key.role == SECOND and item.path.stem == "test_destroy")
        return self.machine

    def _hurry(self, quick):
        """Whether the toolstack is to have the quick scripts."""
        if self.quick == quick:
            return
        for script, name in QUICK.items():
            there = f"/etc/xen/scripts/{name}"
            self.machine.run(
                f"chmod +x /rig/files/{script.name} && "
                f"mount --bind /rig/files/{script.name} {there}"
                if quick else f"umount {there}")
        self.quick = quick

    def drop(self):
        if self.machine:
            self.machine.stop()
        self.machine = self.key = None


@pytest.fixture(scope="session")
def pool(pytestconfig):
    pool = Pool(pytestconfig.kernels)
    yield pool
    pool.drop()


@pytest.fixture(scope="session")
def machine_key(request):
    return request.param


@pytest.fixture
def dom0(pool, machine_key, request):
    """A running Dom0, and after the test a look at what its kernel said."""
    booted = pool.get(machine_key, request.node)
    yield booted
    kernel_is_content(booted, request.node.get_closest_marker("ends"))


def kernel_is_content(booted, may_end):
    """Nothing in Dom0's kernel went wrong since the last look."""
    on_console = booted.said()
    if booted.running:
        said = booted.run("dmesg -c", 60)
    elif may_end:
        said = on_console
    else:
        pytest.fail(f"the machine has died; whole log: {booted.log}")
    trouble = [line for line in said.splitlines()
               if TROUBLE.search(line) and not line.startswith("(XEN)")]
    trouble += XEN_TROUBLE.findall(on_console)
    if trouble:
        pytest.fail("Dom0's kernel complained:\n" + "\n".join(trouble[:20]) +
                    f"\n--- whole log: {booted.log}")


# The PV guest that may run in the PVH guest's place, with its disk and address.
OTHER_PV = "other"


def guest_of(dom0, kind):
    """The machine's guest of this kind, started if it does not run."""
    guest = dom0.guests.get(kind)
    if guest and guest.exists():
        return guest
    if kind == OTHER_PV:
        guest = Guest(dom0, "pvh", name=OTHER_PV, type='"pv"')
    else:
        other = dom0.guests.pop(OTHER_PV, None) if kind == "pvh" else None
        if other and other.exists():
            other.destroy()
        guest = Guest(dom0, kind)
    dom0.guests[kind] = guest.create()
    return guest


@pytest.fixture
def other_guest(dom0):
    """A guest beside the PV guest: the PVH guest if that runs already or is of
    Dom0's own kind, else one that is PV as well.

    QEMU's SVM, which PVH guests need, is slow; and with several processors
    such a guest dies now and then of finding Xen's registers in its own.
    """
    pvh = dom0.config.mode == "pvh" or "pvh" in dom0.guests
    return guest_of(dom0, "pvh" if pvh else OTHER_PV)


@pytest.fixture
def guest(dom0, guest_kind):
    """A running guest of either kind."""
    return guest_of(dom0, guest_kind)


@pytest.fixture
def spare_disk(dom0):
    """A disk in Dom0, made of /tmp/spare; only a hostile device keeps it."""
    return dom0.run("losetup -n -O NAME -j /tmp/spare | grep . || "
                    "{ truncate -s 16M /tmp/spare; "
                    "losetup -f --show /tmp/spare; }")


@pytest.fixture
def pv_guest(dom0):
    return guest_of(dom0, "pv")


@pytest.fixture
def pvh_guest(dom0):
    return guest_of(dom0, "pvh")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """Tells the pool of machines that a test failed."""
    outcome = yield
    if outcome.get_result().failed:
        item.stash[FAILED] = True


def pytest_runtest_logreport(report):
    """Shows a failure at once: the whole run may be long, or be killed."""
    if report.failed:
        print(f"\n--- {report.nodeid} ({report.when}):\n"
              + report.longreprtext.rstrip(), flush=True)
