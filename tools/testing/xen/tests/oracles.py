# SPDX-License-Identifier: GPL-2.0-only
"""What tells whether a guest did harm, for all tests that let one try."""

import re
import time

VBD = "51728"		# xvdb
# What xenbus and the bridge say themselves, without the backends' limit.
CORE = "mapping in shared page"
BRIDGE = r": port \d+\(vif|(entered|left) (allmulticast|promiscuous) mode"
# How Dom0's kernel names the hostile devices.
LOG_NAME = {"vbd": rf"vbd-\d+-{VBD}: ", "vif": r"vif-\d+-1: |\bvif\d+\.1\b"}


def becomes(read, good, seconds=30):
    """Reads until what is read is good; gives it."""
    end = time.monotonic() + seconds
    while not good(value := read()):
        assert time.monotonic() < end, value
        time.sleep(0.5)
    return value


def rises(read, seconds=30, first=None):
    """Reads some numbers until each is more than at @first, or now."""
    first = first or read()
    becomes(read, lambda now: all(a > b for a, b in zip(now, first)), seconds)


def grants(dom0, domid):
    """How many of a domain's grants are mapped, as Xen prints them."""
    said = dom0.run("xl dmesg -c >/dev/null; xl debug-keys g; sleep 1; "
                    "xl dmesg -c | sed 's/^(XEN) *//'")
    _, found, block = said.partition(f"grant-table for remote d{domid} ")
    assert found, said
    return len(re.findall(r"^\[0x[0-9a-f]+\]",
                          block.partition("grant-table for remote")[0], re.M))


def leaves_nothing(dom0, domid, kind, device, idle):
    """A device that was taken away has no place in Dom0 any more, and as many
    of the guest's grants are mapped as before there was one."""
    becomes(lambda: dom0.run(
        f"ls /sys/bus/xen-backend/devices | grep -x {kind}-{domid}-{device}; "
        f"xenstore-ls -f /local/domain/0/backend | grep "
        f"'^/local/domain/0/backend/{kind}/{domid}/{device}[/ ]'; "
        f"ls /sys/class/net | grep -x vif{domid}[.]{device}; "
        f"ps -eo comm | grep -xE 'kworker/R-{kind}-{domid}-{device}'; "
        f"grep -E '{kind}-?{domid}[-.]{device}([^0-9]|$)' /proc/interrupts; "
        "true"),
        lambda left: not left)
    becomes(lambda: grants(dom0, domid), lambda number: number == idle)


class Complaints:
    """Lines of Dom0's kernel log that name a device of a kind, from now on."""

    # What the backends allow themselves for a device: so many in so many
    # seconds, counted from a line that comes after the last such time.
    BURST, INTERVAL = 5, 10

    # Lines a second, of whoever in the kernel names the device.
    RATE = 10

    # In the log; its time is the log's, which Dom0's other clocks drift from.
    MARK = "rig: mark "

    def __init__(self, dom0, kind):
        self.dom0, self.kind = dom0, kind
        self.marks = 0
        self.since = self._log()[-1][0]

    @property
    def begun(self):
        """When the device's last such time began; devices outlive tests."""
        return self.dom0.complained.get(self.kind, 0.0)

    @begun.setter
    def begun(self, at):
        self.dom0.complained[self.kind] = at

    def _log(self):
        """(seconds, line) of all in the log up to now, which a mark ends."""
        self.marks += 1
        mark = f"{self.MARK}{id(self)} {self.marks}"
        lines = self.dom0.run(
            f"echo '<7>{mark}' > /dev/kmsg; dmesg").splitlines()
        found = [re.match(r"\[ *([\d.]+)\]", line) for line in lines]
        log = [(float(at[1]), line) for at, line in zip(found, lines) if at]
        while log and not log[-1][1].endswith(mark):
            log.pop()
        assert log, f"no mark in the log: {lines[-5:]}"
        return log

    def new(self):
        """Those since this was asked last, which are not too many; without
        the bridge's, which tell of cards that come and go."""
        log = self._log()
        last, self.since = self.since, log[-1][0]
        found = [(at, line) for at, line in log
                 if at > last and re.search(LOG_NAME[self.kind], line)]
        assert len(found) <= self.RATE * (self.since - last + 1), found
        found = [(at, line) for at, line in found
                 if not re.search(BRIDGE, line)]
        own = [(at, line) for at, line in found if not re.search(CORE, line)]
        for at, _ in own:
            if at > self.begun + self.INTERVAL:
                self.begun = at
        intervals = int((self.since - last) / self.INTERVAL) + 2
        assert len(own) <= self.BURST * intervals, own
        return [line for _, line in found]

    def batches(self, items):
        """The items, so few at a time that each may have its message."""
        for at in range(0, len(items), self.BURST):
            left = self.begun + self.INTERVAL + 0.5 - self._log()[-1][0]
            self.dom0.run(f"sleep {max(0, left):.1f}")
            yield items[at:at + self.BURST]
