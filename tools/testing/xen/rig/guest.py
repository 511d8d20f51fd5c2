# SPDX-License-Identifier: GPL-2.0-only
"""A guest of the machine's Dom0: Debian's stock kernel and its frontends."""

import shlex

KINDS = ("pv", "pvh")


class Guest:
    """A guest made from /etc/xen/KIND.cfg in Dom0, under a name of its own."""

    def __init__(self, machine, kind, name=None, **settings):
        self.machine, self.kind = machine, kind
        self.name = name or kind
        self.settings = settings
        # Devices that tests keep attached, by kind.
        self.spare = {}

    @property
    def address(self):
        return f"10.0.2.{21 + KINDS.index(self.kind)}"

    @property
    def disk(self):
        """The disk in Dom0 that the guest sees as xvda."""
        return self.machine.config.scratch_devices()[KINDS.index(self.kind)]

    def create(self, deadline=180):
        """Starts the guest and waits until it takes commands."""
        settings = {"name": f'"{self.name}"', **self.settings}
        words = [shlex.quote(f"{key}={value}")
                 for key, value in settings.items()]
        self.machine.run(f"xl create /etc/xen/{self.kind}.cfg "
                         + " ".join(words), deadline)
        self.run("true", deadline)
        return self

    def domid(self, deadline=120):
        return int(self.machine.run(f"xl domid {self.name}", deadline))

    def exists(self):
        return self.machine.run(f"xl domid {self.name} 2>/dev/null",
                                check=False).status == 0

    def quoted(self, command, deadline=120):
        """What runs a shell command in the guest when Dom0 runs it."""
        return f"GUEST_TIMEOUT={deadline} guest {self.name} " \
            + shlex.quote(command)

    def run(self, command, deadline=120, check=True):
        """Runs a shell command in the guest; returns its output."""
        return self.machine.run(self.quoted(command, deadline),
                                deadline + 30, check)

    def wait_until(self, condition, seconds=90):
        """Waits in the guest for a shell condition; tells whether it held."""
        return not self.run(
            f"n=0; until {condition}; do [ $n = {seconds * 5} ] && exit 1; "
            "sleep 0.2; n=$((n+1)); done", seconds + 60, check=False).status

    def unbind(self, *frontends):
        """Takes their driver from frontends, such as vif-0."""
        for frontend in frontends:
            kind = frontend.partition("-")[0]
            self.run(f"echo {frontend} > /sys/bus/xen/drivers/{kind}/unbind")

    def destroy(self):
        self.machine.run(f"xl destroy {self.name}", 120)
