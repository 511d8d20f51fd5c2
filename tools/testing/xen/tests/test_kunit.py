# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's own unit tests of the pure code, run in Dom0."""

import re

import pytest

SUITES = ("xen-privcmd", "xen-blkback-protocol", "xen-netback-protocol")


class Ktap:
    """Counts the test cases in KTAP text."""

    LINE = re.compile(r"^\s*(not ok|ok) \d+ ?(.*)$")

    def __init__(self, text):
        self.passed, self.failed, self.skipped, self.suites = 0, [], 0, 0
        for line in text.splitlines():
            found = self.LINE.match(line)
            if not found:
                continue
            if not line.startswith(" " * 4):
                self.suites += 1
                if found[1] == "not ok":
                    self.failed.append(line.strip())
            elif found[1] == "not ok":
                self.failed.append(line.strip())
            elif "# SKIP" in found[2]:
                self.skipped += 1
            else:
                self.passed += 1


def test_ktap_is_counted():
    """The count itself: a failure, a skip and a pass are told apart."""
    seen = Ktap("TAP version 14\n1..1\n    # Subtest: s\n    1..3\n"
                "    ok 1 a\n    not ok 2 b\n    ok 3 c # SKIP d\n"
                "not ok 1 s\n")
    assert (seen.passed, seen.skipped, seen.suites) == (1, 1, 1)
    assert seen.failed == ["not ok 2 b", "not ok 1 s"]


@pytest.mark.dom0()
def test_kunit(dom0):
    """Every case of the three suites passes, and there are some in each."""
    dom0.run("modprobe xen-blkback-test")
    for suite in SUITES:
        text = dom0.run(f"cat /sys/kernel/debug/kunit/{suite}/results")
        result = Ktap(text)
        assert not result.failed, f"{suite}:\n{text}"
        assert result.passed, f"{suite} ran nothing:\n{text}"
        print(f"{suite}: {result.passed} passed, {result.skipped} skipped")
