# SPDX-License-Identifier: GPL-2.0-only
"""What QEMU itself says of a machine."""

import json
import re
import socket
import time

QUESTIONS = "info registers -a", "info lapic"
INTERRUPTS_ON = 0x200
# What asking comes to where QEMU has ended, or talks to somebody else.
ERRORS = OSError, ValueError


class Monitor:
    """A connection to a machine's QEMU, which takes one at a time."""

    def __init__(self, name, seconds=5):
        self._reason = None
        # Not in the file system, where a path may be no longer than 107.
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(seconds)
        try:
            self._socket.connect(f"\0{name}")
            self._lines = self._socket.makefile()
            self._execute("qmp_capabilities")
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._lines.close()
        self._socket.close()

    def _execute(self, command, **arguments):
        words = {"execute": command, "arguments": arguments}
        self._socket.sendall(json.dumps(words).encode() + b"\n")

    def _replies(self):
        """What is no event of those that come; the reason is remembered."""
        for line in self._lines:
            reply = json.loads(line)
            if reply.get("event") == "SHUTDOWN":
                self._reason = reply["data"]["reason"]
            if "event" not in reply:
                yield reply

    def reason(self):
        """Why the machine ended, once it has."""
        for _ in self._replies():
            pass
        return self._reason or "unknown"

    def ask(self, question):
        """The answer to a question as one asks it by hand."""
        self._execute("human-monitor-command", **{"command-line": question})
        for reply in self._replies():
            if "error" in reply:
                raise ValueError(reply["error"]["desc"])
            if isinstance(reply.get("return"), str):
                return reply["return"].replace("\r", "")
        raise ConnectionError("it has ended")

    def lost_interrupt(self, pause=1):
        """Whether a machine of one CPU waits for an interrupt that it has.

        QEMU 7.2 takes back a flag of a CPU's without a lock when it emulates
        the exit from a domain of SVM's, and can take with it the one that an
        interrupt is there, set in another thread.  A sleeping CPU is not woken
        then, until there comes a different interrupt.
        """
        for wait in pause, 0:
            if not overslept(*map(self.ask, QUESTIONS)):
                return False
            time.sleep(wait)
        return True


def overslept(registers, lapic):
    """Whether a CPU sleeps though an interrupt waits in its local APIC that
    it would take."""
    flags = re.search(r"\bRFL=([0-9a-f]+)\b", registers)
    return bool(re.search(r"\bHLT=1\b", registers) and
                flags and int(flags[1], 16) & INTERRUPTS_ON and
                re.search(r"^ISR\s+\(none\)$", lapic, re.M) and
                re.search(r"^IRR\s+\d", lapic, re.M))
