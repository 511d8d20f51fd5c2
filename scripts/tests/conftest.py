# SPDX-License-Identifier: GPL-2.0-only
"""A toy kernel repository and a toy stack: the tools run on them as they run on the real ones, in seconds."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

SCRIPTS = pathlib.Path(__file__).resolve().parents[1]
sys.dont_write_bytecode = True
# Tests of the rig's own pieces are here as well.
sys.path[:0] = str(SCRIPTS), str(SCRIPTS.parent / 'tools/testing/xen')

LINES = ''.join(f'line {number}\n' for number in range(1, 41))
FILES = {
    'Makefile': 'VERSION = 9\nPATCHLEVEL = 1\nSUBLEVEL = 2\nEXTRAVERSION = -rc3\n',
    'Kconfig': '',
    'drivers/xen/Kconfig': LINES,
    'drivers/xen/core.c': LINES,
}


class Toy:
    """A repository with series and view, and a cache with two bases, in a folder of their own."""

    def __init__(self, where, ready=False):
        self.top, self.cache = where / 'top', where / 'cache'
        self.env = {**os.environ, 'DOM0_TOP': str(self.top), 'DOM0_CACHE': str(self.cache), 'GIT_CONFIG_GLOBAL': '/dev/null',
                    'GIT_AUTHOR_NAME': 'A', 'GIT_AUTHOR_EMAIL': 'a@localhost', 'GIT_COMMITTER_NAME': 'A',
                    'GIT_COMMITTER_EMAIL': 'a@localhost', 'LINUX': '', 'DOM0_RESULTS': ''}
        self.git_dir = self.cache / 'linux.git'
        if ready:
            for base in ('mainline', 'lts'):
                checkout, state = self.cache / 'work' / base / '.git', self.git_dir / 'worktrees' / base
                checkout.write_text(f'gitdir: {state}\n')
                (state / 'gitdir').write_text(f'{checkout}\n')
            return
        self.top.mkdir()
        subprocess.run(['git', 'init', '-q', self.top], check=True)
        (self.top / 'overlay.roots').write_text('drivers/xen\n')
        (self.top / 'bases').mkdir()
        subprocess.run(['git', 'init', '-q', '--bare', self.git_dir], check=True)
        self.base('mainline', FILES)
        # The older kernel differs where the second patch has its context.
        self.base('lts', {**FILES, 'drivers/xen/core.c': LINES.replace('line 31\n', 'line 31 of old\n')})

    def base(self, name, files, pin=True):
        """Import files as a base."""
        rows = []
        for path, text in files.items():
            blob = self.git('hash-object', '-w', '--stdin', stdin=text).strip()
            rows.append((path, blob))
        env = {**self.env, 'GIT_INDEX_FILE': str(self.cache / 'toy.index')}
        (self.cache / 'toy.index').unlink(missing_ok=True)
        for path, blob in rows:
            self.git('update-index', '--add', '--cacheinfo', f'100644,{blob},{path}', env=env)
        tree = self.git('write-tree', env=env).strip()
        commit = self.git('commit-tree', '-m', 'base', tree).strip()
        self.git('update-ref', f'refs/heads/base/{name}', commit)
        if pin:
            (self.top / f'bases/{name}.lock').write_text(f'package: toy\nversion: 1\ntree: {tree}\n')

    def git(self, *argv, env=None, stdin=None):
        return subprocess.run(['git', '--git-dir', self.git_dir, *argv], env=env or self.env, input=stdin, text=True,
                              check=True, stdout=subprocess.PIPE).stdout

    def stack(self, *argv, good=True):
        """scripts/stack; its output."""
        done = subprocess.run([SCRIPTS / 'stack', *argv], env=self.env, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        assert (done.returncode == 0) == good, done.stdout
        assert 'Traceback' not in done.stdout, done.stdout
        return done.stdout

    def commit(self, subject, files, base='mainline'):
        """A commit on the branch."""
        where = self.cache / 'work' / base
        for path, text in files.items():
            (where / path).parent.mkdir(parents=True, exist_ok=True)
            (where / path).write_text(text)
        subprocess.run(['git', '-C', where, 'add', '-Af'], check=True, env=self.env)
        subprocess.run(['git', '-C', where, 'commit', '-q', '-m', subject + '\n\nBody.'], check=True, env=self.env)

    def patch(self, number):
        """The path of a patch."""
        return next((self.top / 'patches').glob(f'{number:04d}-*'))


@pytest.fixture
def empty(tmp_path):
    """Two bases and no patch."""
    return Toy(tmp_path)


@pytest.fixture(scope='session')
def made(tmp_path_factory):
    """Three patches in two sections, exported; the second needs an override on the LTS base."""
    where = tmp_path_factory.mktemp('made')
    empty = Toy(where)
    empty.stack('materialise')
    empty.stack('section', '10-one')
    empty.commit('xen: Add first', {'drivers/xen/first.c': 'first\n'})
    changed = LINES.replace('line 30\n', 'line thirty\n')
    empty.commit('xen: Change core', {'drivers/xen/core.c': changed})
    empty.stack('section', '20-two')
    empty.commit('xen: Add second', {'drivers/xen/two/second.c': 'second\n',
                                     'drivers/xen/Kconfig': LINES.replace('line 20\n', 'line 20\nconfig TWO\n')})
    empty.stack('export')
    conflict = empty.stack('materialise', 'lts', good=False)
    assert '0002-xen-Change-core.patch does not apply' in conflict
    work = empty.cache / 'work/lts'
    old = LINES.replace('line 31\n', 'line 31 of old\n').replace('line 30\n', 'line thirty\n')
    (work / 'drivers/xen/core.c').write_text(old)
    subprocess.run(['git', '-C', work, 'add', '-Af'], check=True, env=empty.env)
    subprocess.run(['git', '-C', work, 'am', '-q', '--continue'], check=True, env=empty.env)
    empty.stack('materialise', 'lts', '--continue')
    empty.stack('export', 'lts')
    return where


@pytest.fixture
def toy(made, tmp_path):
    """A copy of it for one test to spoil."""
    shutil.copytree(made, tmp_path / 'toy', symlinks=True)
    return Toy(tmp_path / 'toy', ready=True)
