# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's own unit tests of the pure code, run in Dom0."""

import re

import pytest

FIND = ("find /lib/modules/$(uname -r) -name '*.ko' -printf '%f\\n' | "
        "grep -iE 'xen|vbd|vif|blkback|netback|evtchn|gnt' | "
        "grep -iE 'kunit|test' | sed 's/[.]ko$//'")


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


@pytest.mark.dom0(roles=("ours-lts", "ours-mainline"))
def test_kunit(dom0):
    """Every KUnit module of the series passes, and there are some."""
    modules = dom0.run(FIND, check=False).split()
    assert modules, "the kernel has no KUnit test modules of ours"
    dom0.run("modprobe -q kunit enable=1; dmesg -C", check=False)
    passed = 0
    for module in modules:
        dom0.run(f"modprobe {module}")
        text = dom0.run("dmesg -t -c")
        result = Ktap(text)
        assert not result.failed, f"{module}:\n{text}"
        assert result.suites and result.passed, f"{module} ran nothing"
        print(f"{module}: {result.passed} passed, {result.skipped} skipped")
        passed += result.passed
    assert passed
