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


@pytest.mark.dom0(pvh=True, mainline=True)
def test_tcp(dom0, guest):
    """8 MiB each way over TCP arrive as sent."""
    receive(dom0, 7001, "/tmp/in")
    assert send(guest, DOM0, 7001) == received(dom0, "/tmp/in")
    receive(guest, 7002, "/tmp/in")
    assert send(dom0, guest.address, 7002) == received(guest, "/tmp/in")


@pytest.mark.dom0(pvh=True, mainline=True)
def test_udp(dom0, guest):
    """Datagrams of all sizes, fragments too, come back unchanged."""
    for server, client, address in ((dom0, guest, DOM0),
                                    (guest, dom0, guest.address)):
        server.run("udp-check serve 7003 > /tmp/udp 2>&1 &")
        said = client.run(f"udp-check {address} 7003 170", 200)
        heard = server.run("killall udp-check; cat /tmp/udp", check=False)
        result = re.fullmatch(r"datagrams 170 lost (\d+) changed 0", said)
        assert result, said
        assert int(result[1]) < 17
        assert "changed" not in heard


@pytest.mark.dom0()
def test_guest_to_guest(dom0, pv_guest, pvh_guest):
    """TCP between guests, through both backends, and to the outside."""
    receive(pvh_guest, 7004, "/tmp/in")
    assert send(pv_guest, pvh_guest.address, 7004) == \
        received(pvh_guest, "/tmp/in")
    assert " 0% packet loss" in pv_guest.run("ping -c 3 -W 5 10.0.2.2")


@pytest.fixture
def big_frames(dom0):
    """A bridge of 9000 bytes, with an address of its own."""
    dom0.run("ip link set xenbr0 mtu 9000; ip addr add 10.9.0.1/24 dev xenbr0")
    yield
    dom0.run("ip addr del 10.9.0.1/24 dev xenbr0; ip link set xenbr0 mtu 1500")


@pytest.mark.dom0()
def test_big_frames(dom0, pv_guest, big_frames):
    """A card on such a bridge has its MTU before there is a frontend."""
    vif = f"vif{pv_guest.domid()}.1"
    dom0.run("xl network-attach pv bridge=xenbr0")
    try:
        assert pv_guest.wait_until("test -e /sys/class/net/eth1")
        assert dom0.run(f"cat /sys/class/net/{vif}/mtu "
                        "/sys/class/net/xenbr0/mtu").split() == ["9000"] * 2
        pv_guest.run("ip link set eth1 mtu 9000 up; "
                     "ip addr add 10.9.0.2/24 dev eth1")
        assert pv_guest.wait_until("ping -c 1 -s 8000 10.9.0.1 > /dev/null")
    finally:
        dom0.run("xl network-detach pv 1", check=False)
    assert pv_guest.wait_until("! test -e /sys/bus/xen/devices/vif-1")


@pytest.mark.dom0()
def test_without_offloads(dom0, pv_guest):
    """TCP with checksum and segmentation offload off in Dom0."""
    vif = f"vif{pv_guest.domid()}.0"
    dom0.run(f"ethtool -K {vif} tx off tso off gso off sg off", check=False)
    assert "tcp-segmentation-offload: off" in dom0.run(f"ethtool -k {vif}")
    receive(pv_guest, 7006, "/tmp/in")
    assert send(dom0, pv_guest.address, 7006) == \
        received(pv_guest, "/tmp/in")
    dom0.run(f"ethtool -K {vif} tx on tso on gso on sg on", check=False)
