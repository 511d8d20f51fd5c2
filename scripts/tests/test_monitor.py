# SPDX-License-Identifier: GPL-2.0-only
"""What is asked of QEMU when a machine says nothing."""

import io
import json
import os
import socket
import threading
from contextlib import suppress
from types import SimpleNamespace

import pexpect
import pytest

from rig import machine, monitor

REGISTERS = 'RIP=ffff82d0402f9c06 RFL={} [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT={}\r\nES =0000 0000000000000000 00000000\r\n'
LAPIC = ('dumping local APIC state for CPU 0\r\n\r\nSPIV\t 0x000001ff APIC enabled, focus=off, spurious vec 255\r\n'
         'ISR\t {}\r\nIRR\t {}\r\n\r\nAPR 0x00 TPR 0x10 DFR 0x0f\r\n')
ON, OFF = '00000246', '00000046'
FORGOT = REGISTERS.format(ON, 1), LAPIC.format('(none)', '250')
AWAKE = REGISTERS.format(ON, 0), LAPIC.format('(none)', '250')
IDLE = REGISTERS.format(ON, 1), LAPIC.format('(none)', '(none)')
SERVES = REGISTERS.format(ON, 1), LAPIC.format('251', '250')
DEAF = REGISTERS.format(OFF, 1), LAPIC.format('(none)', '250')


class Qemu:
    """One that gives answers in turn, to one client after another; or ends."""

    def __init__(self, server):
        self.server, self.answers = server, []
        self.name = server.getsockname()[1:].decode()

    def serve(self):
        while True:
            try:
                client = self.server.accept()[0]
            except OSError:
                return
            with suppress(BrokenPipeError), client, client.makefile() as asks, client.makefile('w') as says:
                self._talk(asks, lambda reply, says=says: print(json.dumps(reply), file=says, flush=True))

    def _talk(self, asks, say):
        say({'QMP': {}})
        for line in asks:
            asked = json.loads(line)
            say({'event': 'NIC_RX_FILTER_CHANGED'})
            if asked['execute'] == 'qmp_capabilities':
                say({'return': {}})
                continue
            question = asked['arguments']['command-line']
            if question == 'quit':
                say({'event': 'SHUTDOWN', 'data': {'reason': 'guest-reset'}})
                return
            if question not in monitor.QUESTIONS:
                say({'error': {'desc': 'unheard of'}})
                continue
            answer = self.answers[0][monitor.QUESTIONS.index(question)]
            if question == monitor.QUESTIONS[-1]:
                del self.answers[0]
            say({'return': answer})


@pytest.fixture
def qemu():
    with socket.socket(socket.AF_UNIX) as server:
        server.bind('')  # Linux finds a free abstract name
        server.listen()
        one = Qemu(server)
        thread = threading.Thread(target=one.serve, daemon=True)
        thread.start()
        yield one
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture
def some(qemu, tmp_path, monkeypatch):
    """A machine of one CPU, as far as its QEMU and its console go."""
    monkeypatch.setattr(monitor.time, 'sleep', lambda _: None)
    one = object.__new__(machine.Machine)
    one.directory, one.sent, one.console = qemu, [], SimpleNamespace(isalive=lambda: True)
    one.console.send = one.sent.append

    def fail(why):
        raise machine.MachineError(why)
    one.fail = fail
    one.log = tmp_path / 'serial.log'
    one._single, one._events, one._log_file = True, None, open(one.log, 'w', encoding='utf-8')
    with one._log_file:
        yield one


@pytest.mark.parametrize('said, lost', (
    ((FORGOT, FORGOT), True),
    ((FORGOT, AWAKE), False),
    ((FORGOT, IDLE), False),
    ((AWAKE,), False),
    ((IDLE,), False),
    ((SERVES,), False),
    ((DEAF,), False),
))
def test_lost_interrupt(qemu, said, lost):
    """Only a CPU that goes on sleeping over an interrupt it would take has lost one."""
    qemu.answers += said
    with monitor.Monitor(qemu.name) as asked:
        assert asked.lost_interrupt(pause=0) is lost
    assert not qemu.answers


def test_no_answer(qemu):
    with pytest.raises(monitor.ERRORS):
        monitor.Monitor('xen-rig-nobody-has-this-name')
    with monitor.Monitor(qemu.name) as asked:
        with pytest.raises(ValueError, match='unheard of'):
            asked.ask('info nothing')
        # It is one client at a time that QEMU talks to.
        with monitor.Monitor(qemu.name, 0.1) as other, pytest.raises(monitor.ERRORS):
            other.ask(monitor.QUESTIONS[0])
        with pytest.raises(ConnectionError):
            asked.ask('quit')
        assert asked.reason() == 'guest-reset'


@pytest.mark.parametrize('said', (FORGOT, IDLE))
@pytest.mark.parametrize('listens', (False, True))
def test_remind(qemu, some, said, listens):
    """Such a CPU gets one more interrupt, and the log says so; no other. The connection there is gets used."""
    qemu.answers += (said, said)
    if listens:
        with monitor.Monitor(qemu.name) as some._events:
            some._remind()
    else:
        some._remind()
    lost = said is FORGOT
    assert some.sent == ['\n'] * lost
    some._log_file.flush()
    assert ('lost an interrupt' in some.log.read_text()) is lost
    some._single = False
    some._remind()
    assert some.sent == ['\n'] * lost


@pytest.mark.parametrize('suspect, reminders', ((3, 5), (100, 0)))
def test_silence(some, monkeypatch, suspect, reminders):
    """A silent machine is asked about from time to time, which does not put off the end of patience."""
    now, asked = [0], []

    def expect_list(_wanted, timeout):
        now[0] += timeout
        return 3

    def remind():
        asked.append(now[0])
        some._log_file.write('rig: reminded\n')
    some.console.expect_list = expect_list
    some._remind = remind
    monkeypatch.setattr(machine, 'SUSPECT', suspect)
    monkeypatch.setattr(machine.time, 'monotonic', lambda: now[0])
    with pytest.raises(machine.MachineError, match='nothing on the console for 20 s'):
        some.wait_for('x', deadline=100, silence=20)
    assert len(asked) == reminders


def test_end(some, monkeypatch):
    """Neither is it forgotten while it is to end."""
    asked, answers = [], iter((1, 1, 0))
    some.console.expect_list = lambda wanted, timeout: next(answers)
    some.console.wait = lambda: None
    some._remind = lambda: asked.append(1)
    some.wait_end(60)
    assert len(asked) == 2
    monkeypatch.setattr(machine.time, 'monotonic', iter((0, 61)).__next__)
    some.console.expect_list = lambda wanted, timeout: wanted.index(pexpect.TIMEOUT)
    with pytest.raises(machine.MachineError, match='still runs after 60 s'):
        some.wait_end(60)


def test_own_cpu(monkeypatch, tmp_path):
    """Machines have different CPUs of the host's as long as there are some."""
    monkeypatch.setattr(machine.paths, 'rig_cache', lambda: tmp_path)
    monkeypatch.setattr(os, 'sched_getaffinity', lambda _: {3, 5})
    first, second, third = (machine._own_cpu() for _ in range(3))
    assert (first[0], second[0]) == (3, 5) and third[0] in (3, 5)
    second[1].close()
    assert machine._own_cpu()[0] == 5
