# SPDX-License-Identifier: GPL-2.0-only
"""What `make check` counts: nothing that did not happen, and everything that went wrong."""

import importlib.machinery
import importlib.util
import pathlib
import threading

import pytest

from dom0stack.util import TOP


@pytest.fixture
def check():
    loader = importlib.machinery.SourceFileLoader('check', str(TOP / 'scripts/check'))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader('check', loader))
    loader.exec_module(module)
    return module


@pytest.fixture
def step(check, tmp_path):
    return check.Step(check.Tally(), tmp_path)


def shell(step, text, **more):
    return step('step', ['sh', '-c', text], minutes=1, **more)


def counts(step):
    return step.tally.passed, len(step.tally.failed)


AUTOGROUP = pathlib.Path('/proc/self/autogroup')
GOOD, BAD = ('echo \'{"name": "a", "ok": %s}\' >> $DOM0_RESULTS' % ok for ok in ('true', 'false'))


@pytest.mark.parametrize('text, more, wanted', [
    (GOOD, {}, (1, 0)),
    (f'{GOOD}; {BAD}; exit 1', {}, (1, 1)),
    (f'{GOOD}; exit 1', {}, (1, 1)),            # more went wrong than was recorded
    ('true', {}, (0, 1)),                       # ran nothing
    ('false', {}, (0, 1)),
    ('true', {'whole': True}, (1, 0)),
    ('false', {'whole': True}, (0, 1)),
])
def test_step(step, text, more, wanted):
    assert shell(step, text, **more) == (wanted[1] == 0)
    assert counts(step) == wanted


@pytest.mark.skipif(not AUTOGROUP.exists(), reason='this kernel does not share out among sessions')
def test_nice_step_yields(step, tmp_path):
    """Its session is as nice as it is itself."""
    shell(step, f'for i in $(seq 80); do cat {AUTOGROUP} > {tmp_path}/said; '
          f'grep -q "nice 7" {tmp_path}/said && break; sleep 0.1; done', nice=7)
    assert (tmp_path / 'said').read_text().split()[1:] == ['nice', '7']


@pytest.mark.parametrize('nice, refusals, wanted', [(7, [], 1), (7, [BlockingIOError] * 3, 4), (7, [PermissionError], 1),
                                                    (7, [BlockingIOError] * 99, 50), (0, [], 0)])
def test_kernel_takes_few_of_these(check, step, monkeypatch, capsys, nice, refusals, wanted):
    tried, left = [], list(refusals)

    def write(_path, text, **_how):
        tried.append(text)
        if left:
            raise left.pop()
    monkeypatch.setattr(check.pathlib.Path, 'write_text', write)
    monkeypatch.setattr(check.time, 'sleep', lambda _seconds: None)
    step._yield(1, nice)
    assert tried == [str(nice)] * wanted
    assert ('does not yield' in capsys.readouterr().out) == (wanted == 50)


def test_late_step(step):
    assert not step('step', ['sleep', '60'], minutes=0.002)
    assert counts(step) == (0, 1)


@pytest.mark.parametrize('report, wanted', [
    ('<testsuites><testcase name="a"/><testcase name="b"><failure/></testcase></testsuites>', (1, 1)),
    ('<testsuites><testcase name="a"><skipped/></testcase></testsuites>', (0, 1)),
    ('not xml', (0, 1)),
])
def test_pytest_report(step, tmp_path, report, wanted):
    (tmp_path / 'junit.xml').write_text(report)
    shell(step, 'exit %d' % (1 if 'failure' in report else 0), junit=tmp_path / 'junit.xml')
    assert counts(step) == wanted


def test_trouble_in_the_check_itself(check, step):
    check.guarded(step, 'a', lambda: 1 / 0)
    assert counts(step) == (0, 1)


def test_background_always_lets_the_rig_go_on(check, step, monkeypatch):
    monkeypatch.setattr(check, 'kernels', lambda *_a, **_k: 1 / 0)
    monkeypatch.setattr(check.Background, '_gates', lambda _self: None)
    monkeypatch.setattr(check.Background, 'boots', lambda _self: None)
    beside = check.Background(step)
    beside.start()
    beside.join(10)
    assert beside.ours.is_set() and beside.all.is_set() and not beside.built and counts(step) == (0, 2)
    assert not beside.is_alive()


def test_rigs_at_a_time_share_the_tests(check, step, monkeypatch):
    """Each file of tests is run on the other kernels once, hostile ones on ours alone."""
    runs, names = {}, []
    for name, roles in (('THEN', ['ours-mainline', 'base-lts']), ('OURS', ['ours-mainline']), ('PEERS', ['base-lts'])):
        monkeypatch.setattr(check, name, roles)
    monkeypatch.setattr(check, 'kernels', lambda _step, roles, **_: list(roles))
    monkeypatch.setattr(check.Background, '_gates', lambda _self: None)

    def ran(_step, name, *args, env, **_):
        names.append(name)
        runs[name] = (args[2:], env, args[1])
    monkeypatch.setattr(check, 'pytest', ran)
    fetching, beside = check.threading.Thread(), check.Background(step)
    fetching.start()
    check.boots(step, fetching, beside)
    beside.join(10)
    assert len(names) == len(runs)
    first, ours, others = (runs[name] for name in ('rig', 'hostile guests', 'rig of the other kernels'))
    assert ours[1]['XEN_RIG_KERNELS'].split('=')[0] == 'ours-mainline' and ' ' not in ours[1]['XEN_RIG_KERNELS']
    assert [path.name for path in ours[0]] == ['test_hostile.py']
    assert sorted(ours[0] + others[0]) == sorted(first[0][0].glob('test_*.py'))
    assert not set(ours[0]) & set(others[0])
    # Not on PVH there, which is for another.
    assert check.PVH in ours[2] and check.PVH not in others[2]


@pytest.mark.parametrize('first', [True, False])
def test_each_rig_runs_once(check, step, monkeypatch, first):
    """Whoever is free takes the next; together every test of every kernel, but for peers in the first check."""
    ran = []
    monkeypatch.setattr(check, 'rig', lambda _step, _name, built, tests, chosen: ran.extend(
        (role, test.name, chosen) for role in built for test in tests))
    beside = check.Background(step, first)
    peers = [] if first else check.PEERS
    assert check.PEERS and beside.peers == peers
    beside.built = check.OURS + peers
    beside.all.set()
    both = [threading.Thread(target=beside.boots) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join(10)
    every = {path.name for path in (check.RIG / 'tests').glob('test_*.py')}
    files = every - {check.HOSTILE.name}
    assert sorted(ran) == sorted([(role, name, check.ONE) for role in peers for name in files] +
                                 [(role, name, check.PV) for role in check.OURS for name in files] +
                                 [(role, name, check.PVH) for role in check.OURS for name in every])


@pytest.mark.parametrize('known', ['lts', 'mainline', None])
def test_first_check(check, monkeypatch, known):
    """Until a prefix of any base was built."""
    monkeypatch.setattr(check.prefixes, 'known', lambda base: base == known)
    assert check.is_first() == (known is None)
