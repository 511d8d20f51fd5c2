# SPDX-License-Identifier: GPL-2.0-only
"""A guest and a Dom0 of four CPUs each: data that crosses CPUs is right."""

import pytest

from rig.guest import Guest
from test_guest_network import test_tcp as tcp


@pytest.mark.dom0(vcpus=4, disk="nvme", nic="e1000e")
def test_guest_with_four_cpus(dom0):
    """Disk and network of a guest with four CPUs, at the same time."""
    guest = Guest(dom0, "pv", "smp", vcpus="4").create()
    try:
        guest.run("for n in 0 1 2 3; do (head -c 2097152 /dev/urandom > "
                  "/tmp/r$n; dd if=/tmp/r$n of=/dev/xvda bs=64k "
                  "seek=$((n * 32)) oflag=direct 2>/dev/null; "
                  "touch /tmp/done$n) & done", 60)
        tcp(dom0, guest)
        guest.run("n=0; until [ -e /tmp/done0 ] && [ -e /tmp/done1 ] && "
                  "[ -e /tmp/done2 ] && [ -e /tmp/done3 ] || [ $n = 240 ]; "
                  "do sleep 0.5; n=$((n+1)); done", 150)
        written = guest.run("cat /tmp/r0 /tmp/r1 /tmp/r2 /tmp/r3 | "
                            "sha256sum").split()[0]
        seen = dom0.run(f"dd if={guest.disk} bs=64k count=128 iflag=direct "
                        "2>/dev/null | sha256sum").split()[0]
        assert seen == written
    finally:
        guest.destroy()
