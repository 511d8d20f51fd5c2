# SPDX-License-Identifier: GPL-2.0-only
"""One running machine, driven through its serial console.

A boot that goes wrong ends by itself: when Xen or Linux says that it
crashed, when QEMU exits, when the console is silent for too long, or at a
deadline.  What is raised then carries the last lines of the console and the
path of the whole log.
"""

import base64
import contextlib
import ctypes
import fcntl
import itertools
import os
import re
import shutil
import signal
import tempfile
import time
from pathlib import Path

import pexpect

from . import image as images
from . import monitor, paths, payload, qemu

READY = r"\r*\n:agent:ready\r*\n"
DEAD = (r"Panic on CPU \d+:[^\0]*?\*{4}|Kernel panic - not syncing|"
        r"[Dd]omain 0 crashed|Dom0 crashed|rig: FAILED|Could not construct domain 0")
SILENCE = 90
# So long is nothing said before QEMU is asked whether it forgot an interrupt.
SUSPECT = 20
BOOT = 300
PIECE = 108
KEPT_LOGS = 40
PR_SET_PDEATHSIG = 1
# The console's SysRq, with a key of Linux's each; what switches the console to
# Xen, and keys of Xen's.
STATE_KEYS = ("\x0f9", "\x0fw", "\x0ft", "\x01\x01\x01", *"0qrade")


class MachineError(Exception):
    """The machine failed; the message shows its last console lines."""


def _new_directory(config):
    """A directory for one run, in the cache; old ones are forgotten."""
    logs = paths.rig_cache() / "logs"
    logs.mkdir(exist_ok=True)
    # Names begin with the time; another rig may be removing some as well.
    for path in sorted(logs.iterdir())[:-KEPT_LOGS]:
        shutil.rmtree(path, ignore_errors=True)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    return tempfile.mkdtemp(dir=logs, prefix=f"{stamp}-{config.mode}-")


def _own_cpu():
    """One of the host's CPUs that no other rig's machine has, if there is
    one; and what keeps it from the others while it is open."""
    cpus = sorted(os.sched_getaffinity(0))
    for cpu in cpus:
        # pylint: disable-next=consider-using-with
        lock = open(paths.rig_cache() / f"cpu{cpu}.lock", "w",
                    encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return cpu, lock
        except OSError:
            lock.close()
    return cpus[os.getpid() % len(cpus)], lock


def _in_child(cpu):
    """A machine must not outlive the program that drives it; and the threads
    of one with a single CPU take turns, see Monitor.lost_interrupt()."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})


def clean(text):
    """Console text without terminal control sequences."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>c]", "", text)
    return re.sub(r"\r+\n?", "\n", text)


def _pieces(command):
    coded = base64.b64encode(command.encode()).decode()
    return [coded[at:at + PIECE] for at in range(0, len(coded), PIECE)]


class _Tee:
    """Writes to two files."""

    def __init__(self, *files):
        self.files = files

    def write(self, text):
        for file in self.files:
            file.write(text)

    def flush(self):
        for file in self.files:
            file.flush()


class Result(str):
    """A command's output, with its exit status in .status."""

    status = 0


class Machine:
    """A machine from power-on to power-off.  Use it as a context."""

    _tokens = itertools.count(1)

    def __init__(self, kernel, config, run="agent", script=None, files=(),
                 directory=None):
        self.kernel, self.config = kernel, config
        self.image = images.get()
        self.directory = Path(directory or _new_directory(config))
        self.directory.mkdir(parents=True, exist_ok=True)
        self.log = self.directory / "serial.log"
        initramfs = self.directory / "initramfs"
        payload.initramfs(initramfs, self.image, kernel,
                          config.scratch_devices(), script, files)
        config.linux = f"{config.linux} rig_run={run}".strip()
        line = qemu.command(config, self.image, kernel, initramfs,
                            self.directory)
        line += ["-chardev", "stdio,id=serial,signal=off",
                 "-serial", "chardev:serial"]
        self._log_file = open(self.log, "w", encoding="utf-8")
        self._events = self._cpu = cpu = None
        self._single = config.physical_cpus() == 1
        if self._single:
            cpu, self._cpu = _own_cpu()
        self.console = pexpect.spawn(
            line[0], line[1:], encoding="utf-8", codec_errors="replace",
            echo=False, timeout=None, maxread=65536,
            preexec_fn=lambda: _in_child(cpu))
        self.console.delaybeforesend = None
        self.console.logfile_read = self._log_file
        self.started = time.monotonic()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def running(self):
        return self.console.isalive()

    def said(self):
        """All that was on the console so far."""
        self._log_file.flush()
        return self.log.read_text(errors="replace")

    def tail(self, lines=40):
        """The last screen of the console, and where the rest is."""
        last = clean(self.said()).rstrip().splitlines()[-lines:]
        return "\n".join(last + [f"--- whole log: {self.log}"])

    def fail(self, why):
        last = self.tail()
        try:
            self._autopsy()
        finally:
            self.stop(keep=True)
        raise MachineError(f"{why}; the console ends with:\n{last}")

    def _autopsy(self):
        """Has what still lives of a machine say in its log what it waits for.

        QEMU tells of the CPU; and, through the console, Dom0's kernel of its
        blocked tasks and all others, and Xen of its domains, its run queues
        and its timers.
        """
        if not self.console.isalive():
            return
        try:
            with self._monitor() as qemus:
                for question in monitor.QUESTIONS:
                    self._log_file.write(f"\n{qemus.ask(question)}")
        except monitor.ERRORS as error:
            self._log_file.write(f"\nrig: QEMU does not answer: {error}\n")
        for key in STATE_KEYS:
            if not self.console.isalive():
                return
            self.console.send(key)
            self.console.expect_list([pexpect.EOF, pexpect.TIMEOUT], timeout=3)

    def _monitor(self):
        """A connection to QEMU: the one there is, or one for the moment."""
        if self._events:
            return contextlib.nullcontext(self._events)
        return monitor.Monitor(self.directory.name)

    def _logged(self):
        """How much the log has."""
        self._log_file.flush()
        return self.log.stat().st_size

    def wait_for(self, pattern, deadline=BOOT, silence=SILENCE):
        """Waits for @pattern, giving up as soon as it cannot come."""
        end = time.monotonic() + deadline
        heard = asked = time.monotonic()
        size = 0
        wanted = [re.compile(pattern), re.compile(DEAD), pexpect.EOF,
                  pexpect.TIMEOUT]
        while True:
            which = self.console.expect_list(wanted, timeout=2)
            now = time.monotonic()
            if which == 0:
                return self.console.match
            if which == 1:
                # Let the rest of a crash report reach the log.
                self.console.expect_list([pexpect.EOF, pexpect.TIMEOUT],
                                         timeout=4)
                self.fail("the machine crashed")
            if which == 2:
                self.fail("the machine ended")
            if (logged := self._logged()) != size:
                heard, size = now, logged
            if now - max(heard, asked) > SUSPECT:
                self._remind()
                asked, size = time.monotonic(), self._logged()
            if now - heard > silence:
                self.fail(f"nothing on the console for {silence} s")
            if now > end:
                self.fail(f"not done after {deadline} s")

    def _remind(self):
        """Wakes a CPU that QEMU lets sleep though it has an interrupt, with
        one more: that of a newline, which means nothing to Dom0's agent."""
        if not self._single:
            return
        try:
            with self._monitor() as qemus:
                lost = qemus.lost_interrupt()
        except monitor.ERRORS:
            return
        if lost:
            self._log_file.write("\nrig: QEMU lost an interrupt\n")
            self.console.send("\n")

    def boot(self, deadline=BOOT, silence=SILENCE):
        """Waits until Dom0 takes commands; returns the seconds it took."""
        self.wait_for(READY, deadline, silence)
        return time.monotonic() - self.started

    def _send(self, command, token):
        """Has Dom0's agent start @command, its answer marked @token."""
        self.console.send("=\n")
        for piece in _pieces(command):
            self.console.send(f"+{piece}\n")
            self.wait_for(r"(?m)^\+\r*$", 60)
        self.console.send(f"!{token}\n")
        self.wait_for(rf":{token}:begin\r*\n", 60)

    def run(self, command, deadline=120, check=True):
        """Runs a shell command in Dom0; returns its output."""
        token = f"t{next(self._tokens)}"
        self._send(command, token)
        found = self.wait_for(rf"\r*\n:{token}:(\d+)\r*\n", deadline,
                              silence=deadline)
        text = clean(self.console.before)
        result = Result(re.sub(r"\(XEN\) [^\n]*\n", "", text).strip("\n"))
        result.status = int(found[1])
        if check and result.status:
            raise MachineError(
                f"Dom0: `{command}` ended with {result.status}:\n{result}\n"
                f"--- whole log: {self.log}")
        return result

    def end_by(self, command, deadline=90):
        """Runs @command, which must end the machine; tells how it ended.

        QEMU reports "guest-shutdown" for a power-off and "guest-reset" for
        a reboot (which it was told not to carry out).
        """
        self.run("dmesg -n 5")
        with monitor.Monitor(self.directory.name) as self._events:
            self._send(command, "end")
            self.wait_end(deadline)
            if re.search(DEAD, self.said()):
                self.fail("the machine crashed on the way")
            return self._events.reason()

    def also_to(self, stream):
        """Copies the console to @stream as well as to the log."""
        self.console.logfile_read = _Tee(self._log_file, stream)

    def shell(self):
        """Connects this terminal to a shell in Dom0 until it ends."""
        self._send("stty echo onlcr; exec bash -l </dev/tty", "shell")
        self.console.interact(escape_character="\x1d")

    def wait_end(self, deadline=60):
        """Waits for the machine to end by itself."""
        end = time.monotonic() + deadline
        while self.console.expect_list([pexpect.EOF, pexpect.TIMEOUT],
                                       timeout=min(deadline, SUSPECT)):
            if time.monotonic() > end:
                self.fail(f"the machine still runs after {deadline} s")
            self._remind()
        self.console.wait()

    def stop(self, keep=False):
        """Ends the machine if it runs; removes its files unless @keep."""
        if self.console.isalive():
            # Its disks are copies; with much memory its end takes a while.
            self.console.kill(signal.SIGKILL)
            self.console.wait()
        self.console.close()
        if self._cpu:
            self._cpu.close()
        self._log_file.flush()
        for name in ("scratch1.img", "scratch2.img", "initramfs"):
            (self.directory / name).unlink(missing_ok=True)
        shutil.rmtree(self.directory / "efi", ignore_errors=True)
