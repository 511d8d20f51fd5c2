# SPDX-License-Identifier: GPL-2.0-only
"""A guest's disk: what it writes is what Dom0's disk holds."""

import pytest

from test_xl import until


def test_filesystem_survives_reattach(dom0, guest):
    """64 MiB written, detached, checked in Dom0, attached, read again."""
    guest.run("mkfs.ext4 -q -F /dev/xvda && mount -t ext4 /dev/xvda /mnt", 180)
    written = guest.run(
        "dd if=/dev/urandom of=/mnt/data bs=64k count=1024 2>/dev/null && "
        "sync && sha256sum < /mnt/data", 400).split()[0]
    guest.run("umount /mnt")
    dom0.run(f"xl block-detach {guest.name} xvda")
    assert until(lambda: guest.run("test -b /dev/xvda", check=False).status)

    dom0.run(f"mount -t ext4 -o ro {guest.disk} /mnt")
    seen = dom0.run("sha256sum < /mnt/data; stat -c %s /mnt/data", 300)
    dom0.run("umount /mnt")
    assert seen.split()[0] == written
    assert int(seen.split()[-1]) == 64 << 20

    dom0.run(f"xl block-attach {guest.name} phy:{guest.disk} xvda w")
    assert until(lambda: not guest.run("test -b /dev/xvda",
                                       check=False).status)
    guest.run("mount -t ext4 /dev/xvda /mnt")
    again = guest.run("sha256sum < /mnt/data", 300).split()[0]
    guest.run("umount /mnt")
    assert again == written


def test_raw_patterns(dom0, guest):
    """Writes of odd sizes and places land where they should, no farther."""
    disk = guest.disk
    dom0.run(f"dd if=/dev/zero of={disk} bs=1M count=4 conv=fsync 2>/dev/null")
    guest.run("for n in 1 2 3 9 17 100 255; do "
              "yes $n | dd of=/dev/xvda bs=512 seek=$((n * 20)) count=$n "
              "iflag=fullblock oflag=direct conv=notrunc 2>/dev/null || "
              "exit 1; done", 180)
    inside = guest.run("dd if=/dev/xvda bs=1M count=4 iflag=direct "
                       "2>/dev/null | sha256sum").split()[0]
    dom0.run(f"blockdev --flushbufs {disk}")
    outside = dom0.run(f"dd if={disk} bs=1M count=4 2>/dev/null | "
                       "sha256sum").split()[0]
    model = dom0.run(
        "truncate -s 4M /tmp/model; for n in 1 2 3 9 17 100 255; do "
        "yes $n | dd of=/tmp/model bs=512 seek=$((n * 20)) count=$n "
        "iflag=fullblock conv=notrunc 2>/dev/null; done; "
        "sha256sum < /tmp/model; rm /tmp/model").split()[0]
    assert inside == outside == model


def test_read_only_disk(dom0, pv_guest):
    """A disk given read-only cannot be written, and does not change."""
    dom0.run("dd if=/dev/urandom of=/tmp/ro bs=1M count=2 2>/dev/null; "
             "losetup -f --show /tmp/ro > /tmp/loop")
    loop = dom0.run("cat /tmp/loop")
    before = dom0.run("sha256sum < /tmp/ro").split()[0]
    try:
        dom0.run(f"xl block-attach pv phy:{loop} xvdr r")
        assert until(lambda: not pv_guest.run("test -b /dev/xvdr",
                                              check=False).status)
        assert pv_guest.run("sha256sum < /dev/xvdr").split()[0] == before
        failed = pv_guest.run("dd if=/dev/zero of=/dev/xvdr bs=4k count=1 "
                              "oflag=direct 2>&1", check=False)
        assert failed.status
        dom0.run("xl block-detach pv xvdr")
    finally:
        dom0.run(f"losetup -d {loop}", check=False)
    assert dom0.run("sha256sum < /tmp/ro").split()[0] == before


def test_two_guests_at_once(dom0, pv_guest, pvh_guest):
    """Both guests' disks under load at the same time keep apart."""
    work = ("dd if=/dev/urandom of=/tmp/r bs=64k count=128 2>/dev/null; "
            "for n in 0 1 2 3; do dd if=/tmp/r of=/dev/xvda bs=64k "
            "seek=$((n * 128)) oflag=direct 2>/dev/null; done; "
            "sha256sum < /tmp/r")
    guests = (pv_guest, pvh_guest)
    for guest in guests:
        guest.run(f"({work}) > /tmp/sum 2>&1 &")
    for guest in guests:
        assert until(lambda g=guest: g.run("cat /tmp/sum"), 240)
        expected = guest.run("cat /tmp/sum").split()[0]
        dom0.run(f"blockdev --flushbufs {guest.disk}")
        for n in range(4):
            seen = dom0.run(f"dd if={guest.disk} bs=64k skip={n * 128} "
                            "count=128 2>/dev/null | sha256sum", 120)
            assert seen.split()[0] == expected
