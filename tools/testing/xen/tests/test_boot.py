# SPDX-License-Identifier: GPL-2.0-only
"""Xen starts the kernel as Dom0, and it drives the PCI hardware."""

import re

import pytest

from rig import machine, qemu

REFUSAL = "Kernel does not support Dom0 operation"
BASES = "base-lts", "base-mainline", "base-custom"


def pytest_generate_tests(metafunc):
    """The bases that were given, in the modes that were asked for."""
    for mode in "pv", "pvh":
        if f"{mode}_base" in metafunc.fixturenames:
            asked = mode in metafunc.config.getoption("--modes").split(",")
            metafunc.parametrize(f"{mode}_base", [
                role for role in BASES
                if asked and role in metafunc.config.kernels])


def unserved(kernel, mode):
    """What the console showed when a kernel did not become Dom0."""
    with machine.Machine(kernel, qemu.Config(mode=mode)) as refused:
        with pytest.raises(machine.MachineError):
            refused.boot()
        return refused.said()


def test_base_is_refused(pytestconfig, pv_base):
    """Without the series, Xen says why it does not start the kernel."""
    said = unserved(pytestconfig.kernels[pv_base], "pv")
    assert "Linux version" not in said
    assert REFUSAL in said
    assert re.search(r"Panic on CPU 0", said)


def test_base_is_no_pvh_dom0(pytestconfig, pvh_base):
    """Xen asks nothing of a PVH kernel; the base runs, but not as Dom0.

    It has no hvc0 console and no toolstack interface, so its init, which
    ours runs as well, cannot go on.
    """
    said = unserved(pytestconfig.kernels[pvh_base], "pvh")
    assert "Linux version" in said
    assert "Attempted to kill init" in said
    assert ":agent:ready" not in said


def interrupts(dom0, name):
    """How often the MSI-X interrupts of a device have fired, in all."""
    total = found = 0
    for line in dom0.run("cat /proc/interrupts").splitlines():
        if re.search(rf"msi-?x.*\b{name}", line, re.I):
            found += 1
            total += sum(map(int, re.findall(r"\s(\d+)(?=\s)", line)))
    assert found, f"no MSI-X interrupt belongs to {name}"
    return total


def check_root_disk(dom0):
    """Reading the root disk completes by interrupts, which are counted."""
    device = dom0.run("findmnt -n -o SOURCE /").strip()
    assert device == dom0.config.root_device()
    if dom0.config.disk == "nvme":
        name = "nvme0q"
    else:
        name = dom0.run("basename $(readlink -f /sys/block/vda/device)") \
            + r"-req"
    before = interrupts(dom0, name)
    dom0.run(f"dd if={device} of=/dev/null bs=4k count=200 iflag=direct "
             "2>/dev/null")
    assert interrupts(dom0, name) - before >= 100


def check_network_card(dom0):
    """The card on the bridge receives what the host answers."""
    name = {"virtio": "virtio_net", "e1000e": "e1000e"}[dom0.config.nic]
    driver = dom0.run("basename $(readlink -f "
                      "/sys/class/net/eth0/device/driver)")
    assert driver == name
    assert "xenbr0" in dom0.run("readlink /sys/class/net/eth0/master")
    # None of them is lost; each may take its time.
    dom0.run("for n in 1 2 3; do ping -c 1 -W 60 10.0.2.2 || exit 1; done",
             240)


def check_boot(dom0):
    """Dom0 runs with its CPUs, its console and its PCI devices."""
    assert "control_d" in dom0.run("cat /proc/xen/capabilities")
    assert int(dom0.run("nproc")) == dom0.config.vcpus
    online = dom0.run("xl vcpu-list Domain-0 | grep -c -- '[rb-][b-]-'")
    assert int(online) == dom0.config.vcpus
    assert "hvc0" in dom0.run("cat /sys/class/tty/console/active")
    check_root_disk(dom0)
    check_network_card(dom0)
    failed = re.findall(r"rig: step failed.*",
                        dom0.said())
    assert not failed


@pytest.mark.dom0(pvh=True, mainline=True)
def test_dom0_boots(dom0):
    """One CPU, virtio disks and card."""
    check_boot(dom0)


@pytest.mark.dom0(vcpus=4, disk="nvme", nic="e1000e", pvh=True)
def test_dom0_boots_on_other_hardware(dom0):
    """Several CPUs, NVMe and e1000e: many MSI-X vectors, on each of them."""
    check_boot(dom0)
