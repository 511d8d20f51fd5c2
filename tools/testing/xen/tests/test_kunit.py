# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's own unit tests of the pure code, run in Dom0."""

import pytest

from rig.ktap import Ktap

SUITES = ("xen-privcmd", "xen-blkback-protocol", "xen-netback-protocol")


@pytest.mark.dom0(mainline="pv")
def test_kunit(dom0):
    """Every case of the three suites passes, and there are some in each."""
    dom0.run("modprobe xen-blkback-test")
    for suite in SUITES:
        text = dom0.run(f"cat /sys/kernel/debug/kunit/{suite}/results")
        result = Ktap(text)
        assert not result.failed, f"{suite}:\n{text}"
        assert result.passed, f"{suite} ran nothing:\n{text}"
        print(f"{suite}: {result.passed} passed, {result.skipped} skipped")
