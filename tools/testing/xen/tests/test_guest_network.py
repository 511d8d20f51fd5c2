# SPDX-License-Identifier: GPL-2.0-only
"""A guest's network card: TCP and UDP both ways, every byte compared."""

import re

import pytest

DOM0 = "10.0.2.15"
SIZE = 8


def receive(side, port, file):
    """Has @side receive one TCP stream into a file, in the background."""
    side.run(f"rm -f {file}; (socat -u TCP-LISTEN:{port},reuseaddr "
             f"CREATE:{file}; sha256sum < {file} > {file}.sum) "
             "> /dev/null 2>&1 &")


def send(side, address, port):
    """Sends random data; returns its checksum."""
    return side.run(
        f"dd if=/dev/urandom of=/tmp/out bs=1M count={SIZE} 2>/dev/null; "
        f"socat -u FILE:/tmp/out TCP:{address}:{port},retry=20,interval=0.5; "
        "sha256sum < /tmp/out", 180).split()[0]


def received(side, file):
    return side.run(f"n=0; until [ -s {file}.sum ] || [ $n = 240 ]; do "
                    f"sleep 0.25; n=$((n+1)); done; cat {file}.sum; "
                    f"rm -f {file} {file}.sum", 150).split()[0]


def test_tcp(dom0, guest):
    """8 MiB each way over TCP arrive as sent."""
    receive(dom0, 7001, "/tmp/in")
    assert send(guest, DOM0, 7001) == received(dom0, "/tmp/in")
    receive(guest, 7002, "/tmp/in")
    assert send(dom0, guest.address, 7002) == received(guest, "/tmp/in")


def test_udp(dom0, guest):
    """Datagrams of all sizes, fragments too, come back unchanged."""
    for server, client, address in ((dom0, guest, DOM0),
                                    (guest, dom0, guest.address)):
        server.run("udp-check serve 7003 > /tmp/udp 2>&1 &")
        said = client.run(f"udp-check {address} 7003 340", 200)
        server.run("killall udp-check; cat /tmp/udp", check=False)
        result = re.fullmatch(r"datagrams 340 lost (\d+) changed 0", said)
        assert result, said
        assert int(result[1]) < 34
        assert "changed" not in server.run("cat /tmp/udp")


def test_guest_to_guest(dom0, pv_guest, pvh_guest):
    """TCP and UDP between two guests, through both their backends."""
    receive(pvh_guest, 7004, "/tmp/in")
    assert send(pv_guest, pvh_guest.address, 7004) == \
        received(pvh_guest, "/tmp/in")
    receive(pv_guest, 7004, "/tmp/in")
    assert send(pvh_guest, pv_guest.address, 7004) == \
        received(pv_guest, "/tmp/in")
    pvh_guest.run("udp-check serve 7005 > /dev/null 2>&1 &")
    said = pv_guest.run(f"udp-check {pvh_guest.address} 7005 170", 200)
    pvh_guest.run("killall udp-check")
    assert re.fullmatch(r"datagrams 170 lost \d+ changed 0", said), said


@pytest.mark.parametrize("offload", ("on", "off"))
def test_without_offloads(dom0, pv_guest, offload):
    """The same with checksum and segmentation offload off in Dom0."""
    vif = f"vif{pv_guest.domid()}.0"
    dom0.run(f"ethtool -K {vif} tx {offload} tso {offload} gso {offload} "
             f"sg {offload}", check=False)
    receive(pv_guest, 7006, "/tmp/in")
    assert send(dom0, pv_guest.address, 7006) == \
        received(pv_guest, "/tmp/in")
    dom0.run(f"ethtool -K {vif} tx on tso on gso on sg on", check=False)


def test_beyond_the_machine(dom0, guest):
    """Through bridge and PCI card to the outside, and the answer back."""
    assert " 0% packet loss" in guest.run("ping -c 3 -W 5 10.0.2.2")
