# SPDX-License-Identifier: GPL-2.0-only
"""Dom0 ends the machine through Xen.  Last, as each ends its machine."""

import pytest

from conftest import guest_of


@pytest.mark.ends
@pytest.mark.dom0(vcpus=4, disk="nvme", nic="e1000e", pvh=True)
def test_reboot(dom0):
    """`reboot` in Dom0 resets the machine, and Xen does it."""
    assert dom0.end_by("reboot") == "guest-reset"
    assert "(XEN) Hardware Dom0 shutdown: rebooting machine" in dom0.said()


@pytest.mark.ends
@pytest.mark.dom0(pvh=True, mainline=True)
def test_poweroff(dom0):
    """`poweroff` in Dom0 turns the machine off, a guest running or not."""
    guest_of(dom0, "pv")
    assert dom0.end_by("poweroff") == "guest-shutdown"
    # A Dom0 that writes the registers itself ends the machine as well.
    assert "(XEN) Preparing system for ACPI S5 state" in dom0.said()
