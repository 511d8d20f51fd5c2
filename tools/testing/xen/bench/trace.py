# SPDX-License-Identifier: GPL-2.0-only
"""Counting what xentrace recorded; the records are those of public/trace.h."""

import struct
from collections import Counter

# Scheduling, PV entries and subcalls, HVM exits and their handlers.
MASK = 0x002a3000
CPU_CHANGE = 0x0001f003
RUNSTATE = 0x00021001
HYPERCALL, SUBCALL = 0x0020100d, 0x0020200e
VMEXIT, VMEXIT64 = 0x00081002, 0x00081102
VMMCALL = 0x00082012
RUNNING, RUNNABLE, BLOCKED = range(3)
IDLE = 32767

HYPERCALLS = {
    1: "mmu_update", 3: "stack_switch", 5: "fpu_taskswitch", 12: "memory_op",
    13: "multicall", 14: "update_va_mapping", 15: "set_timer_op",
    20: "grant_table_op", 23: "iret", 24: "vcpu_op", 26: "mmuext_op",
    27: "xsm_op", 29: "sched_op", 31: "xenoprof_op", 32: "event_channel_op",
    33: "physdev_op", 35: "sysctl", 36: "domctl", 25: "set_segment_base",
    34: "hvm_op", 41: "dm_op", 17: "xen_version", 18: "console_io",
    2: "set_gdt", 10: "update_descriptor", 9: "get_debugreg",
    8: "set_debugreg",
}
GNTTAB = {0: "map", 1: "unmap", 5: "copy", 7: "unmap_and_replace"}
LOST = 0x0001f001
# Xen flushes once for so many grants that it unmaps in one hypercall.
UNMAP_BATCH = 32


def records(data):
    """(event, extra words) of a trace file, without their time stamps."""
    at = 0
    while at + 4 <= len(data):
        header, = struct.unpack_from("<I", data, at)
        at += 4 + (8 if header >> 31 else 0)
        words = header >> 28 & 7
        if at + 4 * words > len(data):
            return
        yield header & 0x0fffffff, struct.unpack_from(f"<{words}I", data, at)
        at += 4 * words


def arguments(words):
    """The arguments of a traced hypercall, by their position."""
    found, at = {}, 1
    for number in range(6):
        kind = words[0] >> 20 + 2 * number & 3
        if kind and at + kind <= len(words):
            found[number] = words[at] + \
                (words[at + 1] << 32 if kind == 2 else 0)
            at += kind
    return found


def name_of(words):
    """A PV hypercall's name, with the operation where the trace has it."""
    number, given = words[0] & 0xfffff, arguments(words)
    if number == 20 and 0 in given:
        what = GNTTAB.get(given[0], str(given[0]))
        return f"grant_table_op {what}", given.get(2, 0)
    return HYPERCALLS.get(number, str(number)), 1


class Counts:
    """What each domain did: hypercalls, operations in them, exits, wakes."""

    def __init__(self):
        self.by_domain = {}

    def of(self, domain):
        return self.by_domain.setdefault(domain, Counter())

    def runstate(self, event, words):
        old, new = event >> 8 & 0xf, event >> 4 & 0xf
        domain = words[0] >> 16
        if old == BLOCKED and new == RUNNABLE:
            self.of(domain)["vcpu wakes"] += 1
        if new == RUNNING:
            self.of(domain)["vcpu switches"] += 1
            return domain
        return None


def count(data):
    """{domain: {what: times}} of a trace."""
    counts, running, cpu = Counts(), {}, 0
    for event, words in records(data):
        if event == CPU_CHANGE:
            cpu = words[0]
        elif event == LOST:
            raise ValueError("xentrace lost records")
        elif event & 0xfffff00f == RUNSTATE:
            domain = counts.runstate(event, words)
            if domain is not None:
                running[cpu] = domain
        elif event in (HYPERCALL, SUBCALL) and words:
            here = counts.of(running.get(cpu, IDLE))
            name, operations = name_of(words)
            here[("subcall " if event == SUBCALL else "hypercall ")
                 + name] += 1
            if name.startswith("grant_table_op"):
                here["operations " + name] += operations
            if name == "grant_table_op unmap":
                here["flush rounds"] += -(-operations // UNMAP_BATCH)
        elif event == VMMCALL and words:
            here = counts.of(running.get(cpu, IDLE))
            here["hypercall " + HYPERCALLS.get(words[0], str(words[0]))] += 1
        elif event in (VMEXIT, VMEXIT64):
            counts.of(running.get(cpu, IDLE))["vm exits"] += 1
    return {domain: dict(found) for domain, found in
            counts.by_domain.items()}
