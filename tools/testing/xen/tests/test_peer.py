# SPDX-License-Identifier: GPL-2.0-only
"""Our backends, as modules, on a kernel with the in-tree Dom0."""

from pathlib import Path

import pytest

from conftest import guest_of
from test_guest_disk import test_filesystem_survives_reattach as disk
from test_guest_network import test_tcp as tcp, test_udp as udp

MODULES = "xen-vbd-backend", "xen-vif-backend"


@pytest.mark.dom0(roles=("intree-lts", "intree-custom"),
                  pvh=True,
                  linux="rig_modules=" + ",".join(MODULES))
def test_our_backends_on_intree_dom0(dom0):
    """Disk and network of a guest work through our modules."""
    guest = guest_of(dom0, "pv")
    for kind, module in (("vbd", MODULES[0]), ("vif", MODULES[1])):
        driver = dom0.run("readlink -f /sys/bus/xen-backend/devices/"
                          f"{kind}-{guest.domid()}-*/driver")
        assert Path(driver).name == module
    disk(dom0, guest)
    tcp(dom0, guest)
    udp(dom0, guest)
