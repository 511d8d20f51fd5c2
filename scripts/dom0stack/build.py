# SPDX-License-Identifier: GPL-2.0-only
"""Configuring and building kernels: one fixed source path for each base, so that ccache finds everything again."""

import hashlib
import os
import pathlib
import re
import shutil

from . import bases
from .util import CACHE, JOBS, TOP, Clock, die, git, need_space, run, run_logged, say, tail

CONFIGS = TOP / 'scripts/configs'
# Of what git lists, what can change how a .config comes out.
MAKES_CONFIG = re.compile(r'(?:.*/)?Kconfig[^/]*|Makefile|scripts/.*|arch/x86/configs/.*|kernel/configs/.*')
OPTION = re.compile(r'^(?:(CONFIG_\w+)=(.*)|# (CONFIG_\w+) is not set)$', re.M)


def environment():
    """What makes two builds of one source the same, and quick."""
    return {'CCACHE_DIR': str(CACHE / 'ccache'), 'CCACHE_NOHASHDIR': '1', 'CCACHE_DEPEND': '1', 'CCACHE_MAXSIZE': '8G',
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
    # The lock on this checkout is held, so a git that left one behind was killed.
    pathlib.Path(git('rev-parse', '--path-format=absolute', '--git-path', 'index.lock', cwd=where).strip()).unlink(True)
    git('checkout', '-q', '-f', '--detach', commit, cwd=where)
    git('clean', '-qfdx', cwd=where)
    return where


# What a file takes in by .incbin is not among the dependencies that ccache goes by: it would give back what was there
# before. In C files that is done for what is refused below.
COMPILER = """#!/bin/sh
for last do :; done
case $last in
*.S) exec gcc "$@" ;;
esac
exec ccache gcc "$@"
"""
INCBIN_IN_C = 'CONFIG_IKCONFIG', 'CONFIG_IKHEADERS'


def cc():
    """gcc behind ccache where that is safe; in the cache folder, for its path is part of every command line."""
    path = CACHE / 'bin/gcc'
    if not path.exists() or path.read_text() != COMPILER:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f'gcc.{os.getpid()}')
        new.write_text(COMPILER)
        new.chmod(0o755)
        new.rename(path)
    return path


# What KASAN instruments: with all of a kernel in it, tests take two to four times as long. These are ours, and what works
# on objects that ours hand to it, or looks at a guest's bytes first, but not what each event goes through: a storm of them
# would take 40 % longer. What is freed twice, or wrongly, is noticed wherever it happens.
INSTRUMENTED = (
    'arch/x86/xen/dom0/%', 'drivers/xen/%', 'drivers/base/%', 'drivers/block/%', 'block/%', 'net/core/%', 'net/bridge/%',
    'net/802/%', 'net/ethernet/%', 'net/llc/%', 'net/packet/%', 'net/sched/%', 'net/ipv4/%_offload.o', 'net/ipv4/af_inet.o',
    'net/ipv4/arp.o', 'net/ipv4/icmp.o', 'net/ipv4/ip_input.o', 'net/ipv6/%_offload.o', 'net/ipv6/af_inet6.o',
    'net/ipv6/exthdrs_core.o', 'net/ipv6/icmp.o', 'net/ipv6/ip6_input.o', 'kernel/workqueue.o', 'kernel/kthread.o',
    'kernel/locking/mutex.o', 'lib/iov_iter.o', 'lib/kasprintf.o', 'lib/klist.o', 'lib/kobject.o', 'lib/kstrtox.o',
    'lib/list_debug.o', 'lib/llist.o', 'lib/rbtree.o', 'lib/refcount.o', 'lib/sbitmap.o', 'lib/scatterlist.o', 'lib/string.o',
    'lib/usercopy.o', 'lib/vsprintf.o', 'lib/xarray.o', 'mm/util.o')
NOT_INSTRUMENTED = ('drivers/xen/events/%',)


def make(src, out, *targets, jobs=JOBS, instrument=INSTRUMENTED):
    """The argument list of a kernel make; @instrument is for kernels with KASAN, and nothing there means all."""
    some = []
    if instrument:
        # Make looks at it for each object.
        chosen = f'$(filter {" ".join(instrument)},$(filter-out {" ".join(NOT_INSTRUMENTED)},$@))'
        some = [f'KASAN_SANITIZE=$(if {chosen},,n)']
    return ['make', '-s', '-C', src, f'O={out}', f'CC={cc()}', f'HOSTCC={cc()}', f'-j{jobs}', *some, *targets]


# arch/x86/Kbuild names it and its parent: a make of single files enters it twice, and at the same time if it may.
ENTERED_TWICE = 'arch/x86/platform/pvh/'


def compile_single(src, out, flags, objects, log, *, whole=False):
    """
    Compile objects from nothing, and nothing else; true when all went well.

    @whole goes on after an error, and says what is done.
    """
    for name in objects:
        path = pathlib.Path(out) / name
        path.unlink(missing_ok=True)
        path.with_name(f'.{path.name}.cmd').unlink(missing_ok=True)
    twice = [name for name in objects if name.startswith(ENTERED_TWICE)]
    rest = [name for name in objects if name not in twice]
    argvs = [make(src, out, *flags, *names, jobs=jobs) for names, jobs in ((rest, JOBS), (twice, 1)) if names]
    if whole:
        argvs = [['make', '-k', *argv[2:]] for argv in argvs]
    done = [run_logged(argv, log, env=environment(), append=True) for argv in argvs]
    return all(done)


def compiler():
    """The compiler that a verdict holds for."""
    return run(['gcc', '--version']).splitlines()[0]


def options(text):
    """{symbol: value} of a configuration or fragment; the last line wins."""
    return {m[1] or m[3]: m[2] if m[1] else 'n' for m in OPTION.finditer(text)}


def extra(base, ours=True):
    """Fragments that every kernel on a base gets: on mainline lock, context and bounds checks; if it is @ours, KASAN."""
    if base != 'mainline':
        return ()
    return ('debug', 'kasan') if ours else ('debug',)


def fragments(names):
    """The text of fragments, one after the other."""
    parts = []
    for name in names:
        path = CONFIGS / f'{name}.frag'
        if not path.exists():
            die(f'{path.relative_to(TOP)} is missing')
        parts.append(path.read_text())
    return '\n'.join(parts)


def _config_key(src, config, text):
    """A name for all that a .config is made from, and for itself; none while one of these is missing or being edited."""
    edited = git('diff', '--name-only', cwd=src).splitlines()
    edited += git('ls-files', '--others', '--exclude-standard', cwd=src).splitlines()
    if not config.exists() or any(MAKES_CONFIG.fullmatch(name) for name in edited):
        return None
    files = git('ls-files', '-s', cwd=src).splitlines()
    return digest(text, compiler(), toolkey(), config.read_text(),
                  *(line for line in files if MAKES_CONFIG.fullmatch(line.partition('\t')[2])))


def configure(src, out, text, log):
    """tinyconfig and fragments, unless nothing of either has changed since. Gives (options, missed)."""
    config, done = out / '.config', out / '.configured'
    key = _config_key(src, config, text)
    if not key or not done.exists() or done.read_text() != key:
        done.unlink(missing_ok=True)
        _make_config(src, out, text, log)
        done.write_text(_config_key(src, config, text) or '')
    got = options(config.read_text())
    for name in INCBIN_IN_C:
        if got.get(name, 'n') != 'n':
            die(f'{name} is on, whose file ccache cannot be trusted with')
    wanted = options(text)
    missed = {name: (value, got.get(name, 'n')) for name, value in wanted.items() if got.get(name, 'n') != value}
    return got, missed


def _make_config(src, out, text, log):
    """tinyconfig and fragments; keeps the old .config's time when it comes out the same."""
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


def toolkey():
    """What else than source, configuration and compiler a build depends on: how these files call make, linker and assembler."""
    here = pathlib.Path(__file__).parent
    return digest(*((here / name).read_text() for name in ('build.py', 'prefixes.py')),
                  run(['ld', '--version']), run(['as', '--version']))


def digest(*parts):
    """A short name for everything that a result depends on."""
    return hashlib.sha256('\0'.join(str(part) for part in parts).encode()).hexdigest()[:16]


def is_current(out, tree):
    """True when what lies there was built from that tree."""
    stamp = out / '.built'
    return stamp.exists() and stamp.read_text().split()[-1] == tree


def linked_objects(out):
    """Every object of vmlinux and of each module, from the build's own lists."""
    found = set(run(['ar', 't', out / 'vmlinux.a']).split())
    # Not every .mod file: those of modules that this tree does not have any more lie there as well.
    for module in (out / 'modules.order').read_text().split():
        found.update((out / module).with_suffix('.mod').read_text().split())
    prefix = str(out) + '/'
    return {name.removeprefix(prefix).removeprefix('./') for name in found}


def seed(base, out, text=None):
    """
    Start a new folder as a copy of one that holds nearly the same; make finds what differs. The lock on src is held.

    With the @text of what is wanted, start anew also where that one is configured otherwise than when it was copied, and as
    wanted: a changed option can make all of a folder be built once more.
    """
    like, part, mark = CACHE / 'build' / f'ours-{base}', out.with_name(out.name + '.part'), out / '.seeded'
    if not (like / '.built').exists():
        return
    config = (like / '.config').read_text()
    if out.exists():
        got = options(config)
        if text is None or any(got.get(name, 'n') != value for name, value in options(text).items()):
            return
        if mark.exists() and mark.read_text() == digest(config):
            return
    for old in (part, out):
        shutil.rmtree(old, ignore_errors=True)
    need_space(CACHE, 3, f'a copy of {like.name}')
    shutil.copytree(like, part, symlinks=True, ignore=shutil.ignore_patterns('modroot', '.built'))
    (part / mark.name).write_text(digest(config))
    part.rename(out)


def build_kernel(base, src, tree, out, text, label, log, minutes, **how):
    """Build bzImage and modules unless the same was built before; say what is done. @how is for make()."""
    stamp = out / '.built'
    key = f'{digest(tree, text, how, compiler(), toolkey())} {tree}'
    if stamp.exists() and stamp.read_text() == key and (out / 'arch/x86/boot/bzImage').exists():
        say(f'{label}: up to date ({bases.describe(base)})')
        return False
    need_space(CACHE, 3, f'building {label}')
    stamp.unlink(missing_ok=True)
    log.unlink(missing_ok=True)
    clock = Clock()
    say(f'{label}: {bases.describe(base)}, about {minutes} minutes the first time, less than one with a warm ccache')
    seed(base, out)
    _got, missed = configure(src, out, text, log)
    if missed:
        lines = [f'    {name}={value} became {got}' for name, (value, got) in sorted(missed.items())]
        die(f'{label}: these options did not take effect:\n' + '\n'.join(lines))
    if not run_logged(make(src, out, 'bzImage', 'modules', **how), log, env=environment(), append=True):
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
