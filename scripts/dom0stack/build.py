# SPDX-License-Identifier: GPL-2.0-only
"""Configuring and building kernels: one fixed source path for each base, so that ccache finds everything again."""

import hashlib
import os
import re
import shutil

from . import bases
from .util import CACHE, JOBS, TOP, Clock, die, git, need_space, run, run_logged, say, tail

CONFIGS = TOP / 'scripts/configs'
OPTION = re.compile(r'^(?:(CONFIG_\w+)=(.*)|# (CONFIG_\w+) is not set)$', re.M)


def environment():
    """What makes two builds of one source the same, and quick."""
    return {'CCACHE_DIR': str(CACHE / 'ccache'), 'CCACHE_NOHASHDIR': '1', 'CCACHE_MAXSIZE': '8G',
            'KBUILD_BUILD_TIMESTAMP': '2026-01-01', 'KBUILD_BUILD_USER': 'dom0', 'KBUILD_BUILD_HOST': 'localhost',
            'LOCALVERSION': '', 'LC_ALL': 'C.UTF-8', 'MAKEFLAGS': '', 'MAKELEVEL': ''}


def source(base):
    """The private checkout that the tools build from."""
    return CACHE / 'src' / base


def checkout(base, commit):
    """Bring the private checkout to a commit; only files that differ are written, so make rebuilds no more than that."""
    where = source(base)
    if not (where / '.git').exists():
        need_space(CACHE, 4, f'a checkout of {base}')
        say(f'{base}: checking out {where}, about 20 s')
        git('worktree', 'prune')
        git('worktree', 'add', '-q', '-f', '--detach', str(where), commit)
        return where
    git('checkout', '-q', '-f', '--detach', commit, cwd=where)
    git('clean', '-qfdx', cwd=where)
    return where


def make(src, out, *targets, jobs=JOBS):
    """The argument list of a kernel make."""
    return ['make', '-s', '-C', src, f'O={out}', 'CC=ccache gcc', 'HOSTCC=ccache gcc', f'-j{jobs}', *targets]


def compiler():
    """The compiler that a verdict holds for."""
    return run(['gcc', '--version']).splitlines()[0]


def options(text):
    """{symbol: value} of a configuration or fragment; the last line wins."""
    return {m[1] or m[3]: m[2] if m[1] else 'n' for m in OPTION.finditer(text)}


def extra(base):
    """Fragments that every kernel on a base gets: the mainline one is built with lock, context and bounds checks."""
    return ('debug',) if base == 'mainline' else ()


def fragments(names):
    """The text of fragments, one after the other."""
    parts = []
    for name in names:
        path = CONFIGS / f'{name}.frag'
        if not path.exists():
            die(f'{path.relative_to(TOP)} is missing')
        parts.append(path.read_text())
    return '\n'.join(parts)


def configure(src, out, text, log):
    """tinyconfig and fragments; keeps the old .config, and its time, when nothing changes. Gives (options, missed)."""
    out.mkdir(parents=True, exist_ok=True)
    config = out / '.config'
    old = config.read_bytes() if config.exists() else None
    stat = config.stat() if old is not None else None
    for step in ('tinyconfig', 'olddefconfig'):
        if not run_logged(make(src, out, step), log, env=environment(), append=True):
            die(f'{step} fails:\n{tail(log)}\n  whole log: {log}')
        if step == 'tinyconfig':
            with open(config, 'a', encoding='utf-8') as file:
                file.write(text)
    if old == config.read_bytes():
        os.utime(config, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    got = options(config.read_text())
    wanted = options(text)
    missed = {name: (value, got.get(name, 'n')) for name, value in wanted.items() if got.get(name, 'n') != value}
    return got, missed


def digest(*parts):
    """A short name for everything that a result depends on."""
    return hashlib.sha256('\0'.join(str(part) for part in parts).encode()).hexdigest()[:16]


def linked_objects(out):
    """Every object of vmlinux and of each module, from the build's own lists."""
    found = set(run(['ar', 't', out / 'vmlinux.a']).split())
    for path in out.rglob('*.mod'):
        if 'modroot' not in path.parts:
            found.update(path.read_text().split())
    prefix = str(out) + '/'
    return {name.removeprefix(prefix).removeprefix('./') for name in found}


def build_kernel(base, src, tree, out, text, label, log, minutes):
    """Build bzImage and modules unless the same was built before; say what is done."""
    stamp = out / '.built'
    key = digest(tree, text, compiler())
    if stamp.exists() and stamp.read_text() == key and (out / 'arch/x86/boot/bzImage').exists():
        say(f'{label}: up to date ({bases.describe(base)})')
        return False
    need_space(CACHE, 3, f'building {label}')
    stamp.unlink(missing_ok=True)
    log.unlink(missing_ok=True)
    clock = Clock()
    say(f'{label}: {bases.describe(base)}, about {minutes} minutes the first time, less than one with a warm ccache')
    _got, missed = configure(src, out, text, log)
    if missed:
        lines = [f'    {name}={value} became {got}' for name, (value, got) in sorted(missed.items())]
        die(f'{label}: these options did not take effect:\n' + '\n'.join(lines))
    if not run_logged(make(src, out, 'bzImage', 'modules'), log, env=environment(), append=True):
        die(f'{label}: the build fails:\n{tail(log)}\n  whole log: {log}')
    modroot = out / 'modroot'
    shutil.rmtree(modroot, ignore_errors=True)
    modroot.mkdir()
    if re.search(r'=m$', (out / '.config').read_text(), re.M):
        if not run_logged(make(src, out, 'modules_install', f'INSTALL_MOD_PATH={modroot}'), log,
                          env={**environment(), 'PATH': os.environ['PATH'] + ':/usr/sbin:/sbin'}, append=True):
            die(f'{label}: modules_install fails:\n{tail(log)}\n  whole log: {log}')
    stamp.write_text(key)
    say(f'{label}: built in {clock}')
    return True
