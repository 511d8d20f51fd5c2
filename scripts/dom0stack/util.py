# SPDX-License-Identifier: GPL-2.0-only
"""Places, messages, running commands, and the list of results that `make check` adds up."""

import contextlib
import fcntl
import json
import os
import pathlib
import subprocess
import sys
import time

TOP = pathlib.Path(os.environ.get('DOM0_TOP') or pathlib.Path(__file__).resolve().parents[2])
CACHE = pathlib.Path(
    os.environ.get('DOM0_CACHE')
    or pathlib.Path(os.environ.get('XDG_CACHE_HOME') or pathlib.Path.home() / '.cache') / 'dom0-linux'
).absolute()
os.environ['DOM0_CACHE'] = str(CACHE)  # for what is started from here, in whatever folder it runs
LINUX_GIT = CACHE / 'linux.git'
LOGS = CACHE / 'logs'
JOBS = int(os.environ.get('DOM0_JOBS') or (os.cpu_count() or 1) + 1)


class Failure(Exception):
    """Something a person has to look at; the message says all there is to say."""


def say(text):
    """A line of progress."""
    print(text, flush=True)


def die(text):
    raise Failure(text)


def main(function):
    """Run a command's entry point; a Failure is one message, not a traceback."""
    try:
        sys.exit(function() or 0)
    except Failure as failure:
        print(f'{pathlib.Path(sys.argv[0]).name}: {failure}', file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def tail(path, lines=15):
    """The last lines of a log, indented, for a message."""
    try:
        text = pathlib.Path(path).read_text(errors='replace').splitlines()
    except OSError:
        return ''
    return '\n'.join('    ' + line for line in text[-lines:])


def run(argv, *, cwd=None, env=None, stdin=None, check=True, timeout=None):
    """Run a command and give back its standard output as text."""
    argv = [str(arg) for arg in argv]
    try:
        done = subprocess.run(
            argv, cwd=cwd, env={**os.environ, **(env or {})}, input=stdin, timeout=timeout,
            stdin=None if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors='surrogateescape', check=False)
    except FileNotFoundError as missing:
        if missing.filename == argv[0]:
            die(f'{argv[0]} is not installed: run scripts/setup')
        raise
    if check and done.returncode:
        die(f'{" ".join(argv[:6])} failed ({done.returncode}):\n{(done.stderr or done.stdout).strip()[-2000:]}')
    return done.stdout if check else done


def run_logged(argv, log, *, cwd=None, env=None, timeout=None, append=False):
    """Run a command with everything it prints in a log; true when it succeeded."""
    log = pathlib.Path(log)
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, 'a' if append else 'w', encoding='utf-8') as out:
        out.write('+ ' + ' '.join(str(arg) for arg in argv) + '\n')
        out.flush()
        done = subprocess.run([str(arg) for arg in argv], cwd=cwd, env={**os.environ, **(env or {})},
                              stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                              timeout=timeout, check=False)
    return done.returncode == 0


# Nothing in a person's git configuration may change what the tools write.
QUIET_GIT = {
    'GIT_CONFIG_GLOBAL': '/dev/null', 'GIT_CONFIG_SYSTEM': '/dev/null', 'GIT_TERMINAL_PROMPT': '0',
    'GIT_COMMITTER_NAME': 'Dom0 for Linux', 'GIT_COMMITTER_EMAIL': 'dom0@localhost',
    'GIT_ADVICE': '0', 'TZ': 'UTC', 'LC_ALL': 'C.UTF-8',
}


def git(*argv, cwd=None, env=None, stdin=None, check=True):
    """git in the kernel repository, or in cwd, with a fixed configuration."""
    where = ['-C', str(cwd)] if cwd else ['--git-dir', str(LINUX_GIT)]
    return run(['git', *where, *argv], env={**QUIET_GIT, **(env or {})}, stdin=stdin, check=check)


def identity():
    """The name and the address for new commits: git's own for this repository, or the project's."""
    found = []
    for key, fallback in (('user.name', 'Dom0 for Linux'), ('user.email', 'dom0@localhost')):
        done = run(['git', '-C', TOP, 'config', key], check=False)
        found.append(done.stdout.strip() or fallback)
    return tuple(found)


@contextlib.contextmanager
def locked(name):
    """Hold the cache's lock of that name, so that two commands do not build in one place."""
    path = CACHE / 'locks' / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, 'a', encoding='utf-8') as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f'waiting for another command that uses {name}')
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


class Clock:
    """Seconds since it was made."""

    def __init__(self):
        self.start = time.monotonic()

    def __str__(self):
        seconds = time.monotonic() - self.start
        if seconds < 100:
            return f'{seconds:.{1 if seconds < 10 else 0}f} s'
        return f'{int(seconds) // 60}:{int(seconds) % 60:02d} min'


def record(name, ok, detail=''):
    """Print a gate's verdict and hand it to `make check`, when that is what runs us."""
    say(f'{"ok  " if ok else "FAIL"} {name}: {detail}')
    where = os.environ.get('DOM0_RESULTS')
    if where:
        with open(where, 'a', encoding='utf-8') as out:
            out.write(json.dumps({'name': name, 'ok': bool(ok), 'detail': detail.splitlines()[0] if detail else ''}) + '\n')
    return ok


def need_space(path, gigabytes, what):
    """Stop before a disk is full, not after."""
    path = pathlib.Path(path)
    while not path.exists():
        path = path.parent
    stat = os.statvfs(path)
    free = stat.f_bavail * stat.f_frsize / 1e9
    if free < gigabytes:
        die(f'{what} needs about {gigabytes} GB, but {path} has {free:.1f} GB free. '
            'Free some, or set DOM0_CACHE to a folder on a larger disk.')
