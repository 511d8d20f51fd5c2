# SPDX-License-Identifier: GPL-2.0-only
"""One number from two runs: many operations less few."""

import dataclasses
import re

from . import plan, profile

# Operations in a traced run, which writes tens of bytes for each event.
TRACED = 0.2
# In a profiled run, which is to see rare places too.
PROFILED = 2
# And in one before all, for what happens once: caches fill, grants persist.
WARM = 0.1


class Measurement:
    """A workload on a guest, or on Dom0 alone."""

    def __init__(self, stage, workload, guest, scale):
        self.stage, self.workload = stage, workload
        self.guest, self.scale = guest, scale
        self.words = {}
        if guest:
            self.words = {
                "domid": guest.domid(plan.SLOW), "name": guest.name,
                "kind": guest.kind,
                "partner": plan.ADDRESS[plan.PARTNER[guest.kind]]}
        if guest and workload.before:
            given = guest.run(workload.before, plan.SLOW).strip()
            if not re.fullmatch(r"[\d ]+", given):
                raise ValueError(f"`{workload.before}` gave: {given[-200:]}")
            self.words["given"] = given

    def command(self, n):
        return f"export N={n}; " + self.workload.command.format(**self.words)

    def place(self):
        return None if self.workload.in_dom0 else self.guest

    def many(self, scale):
        return max(int(self.workload.many * scale), self.workload.few * 2)

    def parsed(self, out, n):
        """(rate, operations) of what a command said."""
        return self.workload.parse(out, n) if self.workload.parse else (None, n)

    def warm(self):
        self.stage.sampled(self.command(self.many(self.scale * WARM)),
                           self.place())

    def _twice(self, run, scale):
        """What few operations cost, what many cost, how many more the many
        are, and their rate; @run is how the stage runs a command."""
        few, many = self.workload.few, self.many(scale)
        out, idle = run(self.command(few), self.place())
        _, before = self.parsed(out, few)
        out, busy = run(self.command(many), self.place())
        rate, number = self.parsed(out, many)
        if number <= before:
            raise ValueError(f"{before} operations in the shorter run, "
                             f"{number} in the longer")
        return idle, busy, number - before, rate

    def rates(self):
        """The rate, and what Dom0 spent on one operation."""
        idle, busy, number, rate = self._twice(self.stage.sampled, self.scale)
        cost = {name: (busy[name] - idle.get(name, 0)) / number
                for name in busy}
        domains = {name.removeprefix("cpu"): cost[name] for name in cost
                   if name.startswith("cpu")}
        return {"rate": rate or 1e9 / cost["time"],
                "unit": self.workload.unit, "dom0_ns": domains["0"],
                "domains_ns": domains,
                **{name: cost[name] for name in ("ctxt", "intr", "wakeups")}}

    def profile(self):
        """Where the machine executes for an operation, as text."""
        few, many, number, _ = self._twice(self.stage.profiled,
                                           self.scale * PROFILED)
        return profile.Profile(few, many, number, self.workload.per,
                               self.stage.resolver()).text()

    def counts(self):
        """What xentrace counts for one operation, by domain."""
        idle, busy, number, _ = self._twice(self.stage.traced,
                                            self.scale * TRACED)
        return {str(domain): {
            what: (times - idle.get(domain, {}).get(what, 0)) / number
            for what, times in counted.items()
            if times > idle.get(domain, {}).get(what, 0)}
            for domain, counted in busy.items()}


def native(workload):
    """The same work in Dom0 alone, which no backend can be faster than."""
    return dataclasses.replace(workload, command=workload.native, before="")
