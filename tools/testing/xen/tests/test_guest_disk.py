# SPDX-License-Identifier: GPL-2.0-only
"""A guest's disk: what it writes is what Dom0's disk holds."""

import pytest


@pytest.mark.dom0(pvh=True, mainline=True)
def test_filesystem_survives_reattach(dom0, guest):
    """16 MiB written, detached, checked in Dom0, attached, read again."""
    written = guest.run(
        "mkfs.ext4 -q -F /dev/xvda && mount -t ext4 /dev/xvda /mnt && "
        "dd if=/dev/urandom of=/mnt/data bs=64k count=256 2>/dev/null && "
        "sync && sha256sum < /mnt/data && umount /mnt", 400).split()[0]
    dom0.run(f"xl block-detach {guest.name} xvda")
    assert guest.wait_until("! test -b /dev/xvda")

    seen = dom0.run(f"mount -t ext4 -o ro {guest.disk} /mnt && "
                    "sha256sum < /mnt/data && stat -c %s /mnt/data && "
                    "umount /mnt", 300)
    assert seen.split()[0] == written
    assert int(seen.split()[-1]) == 16 << 20

    dom0.run(f"xl block-attach {guest.name} phy:{guest.disk} xvda w")
    assert guest.wait_until("test -b /dev/xvda")
    again = guest.run("mount -t ext4 /dev/xvda /mnt && "
                      "sha256sum < /mnt/data && umount /mnt", 300).split()[0]
    assert again == written


@pytest.mark.dom0()
def test_raw_patterns(dom0, pv_guest):
    """Writes of odd sizes and places land where they should, no farther."""
    disk = pv_guest.disk
    dom0.run(f"dd if=/dev/zero of={disk} bs=1M count=4 conv=fsync 2>/dev/null")
    inside = pv_guest.run(
        "for n in 1 2 3 9 17 100 255; do yes $n | dd of=/dev/xvda bs=512 "
        "seek=$((n * 20)) count=$n iflag=fullblock oflag=direct conv=notrunc "
        "2>/dev/null || exit 1; done; dd if=/dev/xvda bs=1M count=4 "
        "iflag=direct 2>/dev/null | sha256sum", 180).split()[0]
    outside, model = dom0.run(
        f"blockdev --flushbufs {disk}; dd if={disk} bs=1M count=4 2>/dev/null "
        "| sha256sum; truncate -s 4M /tmp/model; "
        "for n in 1 2 3 9 17 100 255; do "
        "yes $n | dd of=/tmp/model bs=512 seek=$((n * 20)) count=$n "
        "iflag=fullblock conv=notrunc 2>/dev/null; done; "
        "sha256sum < /tmp/model; rm /tmp/model").split()[::2]
    assert inside == outside == model
