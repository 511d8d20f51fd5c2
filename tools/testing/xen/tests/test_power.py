# SPDX-License-Identifier: GPL-2.0-only
"""Dom0 ends the machine through Xen.  Last, as each ends its machine."""

import pytest


def test_reboot(dom0):
    """`reboot` in Dom0 resets the machine."""
    assert dom0.end_by("reboot") == "guest-reset"


def test_poweroff(dom0):
    """`poweroff` in Dom0 turns the machine off."""
    assert dom0.end_by("poweroff") == "guest-shutdown"


def test_poweroff_with_guests(dom0):
    """So it does with a guest still running."""
    dom0.run("xl create /etc/xen/pv.cfg")
    assert dom0.end_by("poweroff") == "guest-shutdown"
