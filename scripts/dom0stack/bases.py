# SPDX-License-Identifier: GPL-2.0-only
"""The kernels the stack is applied to: pins, and what the cache holds."""

import os
import re

from .util import CACHE, LINUX_GIT, TOP, die, git, identity, run, say

NAMES = ('lts', 'mainline')


def chosen():
    """The bases a command works on when none is named; LINUX=<dir> means that tree alone."""
    return ('custom',) if os.environ.get('LINUX') else NAMES


def kernels():
    """The kernels that `make check` boots: those it starts with, and those it builds meanwhile."""
    if os.environ.get('LINUX'):
        return ('ours-custom',), ('base-custom', 'intree-custom')
    return ('ours-lts',), ('ours-mainline', 'base-lts', 'intree-lts')


def default():
    """The base that `make run` uses."""
    return 'custom' if os.environ.get('LINUX') else 'lts'


def pin(name):
    """What bases/<name>.lock says: package, version, tree."""
    path = TOP / 'bases' / f'{name}.lock'
    if not path.exists():
        return {}
    lines = (line.split(':', 1) for line in path.read_text().splitlines() if ':' in line and line[0] != '#')
    return {key.strip(): value.strip() for key, value in lines}


def write_pin(name, fields):
    """Pin a base; only the maintainer's `scripts/base --pin` does that."""
    path = TOP / 'bases' / f'{name}.lock'
    path.parent.mkdir(exist_ok=True)
    head = f'# The tree that the patches are kept against: base/{name} of the kernel repository in the cache.\n'
    path.write_text(head + ''.join(f'{key}: {value}\n' for key, value in fields.items()))


def tree(name):
    """The tree id of a base, or None when it has not been fetched."""
    if not LINUX_GIT.exists():
        return None
    done = git('rev-parse', '--verify', '-q', f'refs/heads/base/{name}^{{tree}}', check=False)
    return done.stdout.strip() or None


def commit(name):
    """The commit of a base."""
    if not tree(name):
        die(f'the {name} base is not there: run scripts/base {name}')
    return git('rev-parse', f'refs/heads/base/{name}').strip()


def is_pinned(name):
    """True when the base is the very tree the patches are kept against."""
    return pin(name).get('tree') == tree(name)


def _setting(key):
    """What the kernel repository's configuration says, or nothing."""
    return run(['git', '--git-dir', LINUX_GIT, 'config', key], check=False).stdout.strip()


def asked(name):
    """The pinned tree that was looked for when the base was fetched last."""
    return _setting(f'base.{name}.asked')


def was_asked(name, tree_id):
    """Keep in mind which pinned tree was looked for."""
    git('config', f'base.{name}.asked', tree_id)


def kernel_version(name):
    """VERSION.PATCHLEVEL.SUBLEVEL-EXTRAVERSION from the base's Makefile."""
    text = git('show', f'refs/heads/base/{name}:Makefile')
    part = dict(re.findall(r'^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION) = *(\S*)$', text, re.M))
    return '{VERSION}.{PATCHLEVEL}.{SUBLEVEL}{EXTRAVERSION}'.format(**part)


def package_version(name):
    """The version of Debian's package that the base came from, where that is known."""
    if is_pinned(name):
        return pin(name).get('version')
    return _setting(f'base.{name}.version') or None


def describe(name):
    """One line for people."""
    version = package_version(name) or kernel_version(name)
    if name == 'custom' or is_pinned(name):
        return f'{name} {version}'
    return f'{name} {version} (the patches are kept against {pin(name).get("version", "no pin")})'


def create_repository():
    """An empty kernel repository with an identity for the commits of people who have set none."""
    if not (LINUX_GIT / 'HEAD').exists():
        LINUX_GIT.mkdir(parents=True, exist_ok=True)
        git('init', '-q', '--bare', str(LINUX_GIT), cwd=CACHE)
    for key, value in zip(('user.name', 'user.email'), identity()):
        if not _setting(key):
            git('config', key, value)
    for key, value in (('gc.auto', '0'), ('rerere.enabled', 'true')):
        git('config', key, value)


def update_ref(name, commit_id, version):
    """Make commit_id the base of that name."""
    git('update-ref', f'refs/heads/base/{name}', commit_id)
    git('config', f'base.{name}.version', version)
    say(f'base/{name}: {version}, tree {tree(name)[:12]}')
