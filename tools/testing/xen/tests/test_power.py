# SPDX-License-Identifier: GPL-2.0-only
"""Dom0 ends the machine through Xen.  Last, as each ends its machine."""

import pytest

from conftest import guest_of


@pytest.mark.dom0(vcpus=4, disk="nvme", nic="e1000e", pvh=True)
def test_reboot(dom0):
    """`reboot` in Dom0 resets the machine."""
    assert dom0.end_by("reboot") == "guest-reset"


@pytest.mark.dom0(pvh=True, mainline=True)
def test_poweroff(dom0):
    """`poweroff` in Dom0 turns the machine off, a guest running or not."""
    guest_of(dom0, "pv")
    assert dom0.end_by("poweroff") == "guest-shutdown"
