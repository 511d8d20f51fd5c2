# SPDX-License-Identifier: GPL-2.0-only
"""Every prefix of the series builds, and every series builds with no more than it says it needs."""

import re

from . import bases, build, series, trees
from .util import CACHE, LOGS, Clock, Failure, die, git, locked, record, run_logged, say, tail

VERDICTS = CACHE / 'verdicts'
CONFIG = re.compile(r'^\+(?:menu)?config (\w+)\s*\n((?:^[+ ].*\n)*?)(?=^\+(?:menu)?config |^[^+ ]|\Z)', re.M)


def config_text(base):
    """The configuration that prefixes are built with: our Dom0 with its tests; symbols not there yet drop out."""
    return build.fragments(('common', 'dom0', *build.extra(base)))


def verdict(kind, base, *parts):
    """The file that exists when this was built before, and built well."""
    return VERDICTS / kind / base / build.digest(*parts)


def known(base):
    """Whether any prefix of a base was built on this machine."""
    return (VERDICTS / 'prefix' / base).exists()


def sources(before, after):
    """(new .c files, changed .c files) of one step, which are compiled by themselves with warnings as errors."""
    new = [name for name in trees.changed(before, after, only='A') if name.endswith('.c')]
    old = [name for name in trees.changed(before, after, only='M') if name.endswith('.c')]
    return [n for n in new if _kernel_code(n)], [n for n in old if _kernel_code(n)]


def _kernel_code(name):
    return name.startswith(('arch/x86/', 'drivers/', 'kernel/', 'lib/', 'net/', 'block/', 'mm/', 'fs/'))


def _built(name):
    """False for what no build looks at: such a step builds if the one before it does."""
    return not name.startswith('Documentation/') and name != 'MAINTAINERS'


def _warnings(src, out, linked, names, level, log):
    """Compile files by themselves, every warning an error; those that are not linked are none of this prefix's."""
    targets = [name[:-2] + '.o' for name in names if name[:-2] + '.o' in linked]
    if not targets:
        return 0
    flags = ['KCFLAGS=-Werror', *([f'W={level}'] if level else [])]
    if not build.compile_single(src, out, flags, targets, log):
        die(f'a warning or error in {", ".join(names[:4])}:\n{tail(log)}\n  whole log: {log}')
    return len(targets)


def build_one(base, commit, text, before, after, log):
    """One prefix: vmlinux and modules, then the step's own files with W=1 and -Werror."""
    if not any(_built(name) for name in trees.changed(before, after)):
        return 0
    src = build.checkout(base, commit)
    out = CACHE / 'build' / f'prefix-{base}'
    build.seed(base, out, text)
    build.configure(src, out, text, log)
    if not run_logged(build.make(src, out, 'vmlinux', 'modules'), log, env=build.environment(), append=True):
        die(f'does not build:\n{tail(log)}\n  whole log: {log}')
    strict = out.with_name(out.name + '-w1')
    strict.mkdir(parents=True, exist_ok=True)
    config = (out / '.config').read_bytes()
    if not (strict / '.config').exists() or (strict / '.config').read_bytes() != config:
        (strict / '.config').write_bytes(config)
    new, old = sources(before, after)
    linked = build.linked_objects(out)
    return _warnings(src, strict, linked, new, 1, log) + _warnings(src, strict, linked, old, 0, log)


def stages(patches, ends):
    """[(before, after)] for each build, in numbers of patches: after every patch or, with @ends, only where a series
    ends and after a patch that overrides another. What breaks just between two ends goes unseen then."""
    last = [number for number, patch in enumerate(patches, 1)
            if not ends or number == len(patches) or patch.section != patches[number].section or patch.overrides]
    return list(zip((0, *last), last))


def build_prefixes(base, ends=False):
    """The prefixes of one base, the longest first: the folder starts as a copy of one that holds the whole stack.

    What does not build may be an earlier patch's fault: the verdict names those after the last prefix that builds.
    """
    clock, fresh, strict, wrong = Clock(), 0, 0, None
    gate = f'prefixes {base}'
    try:
        patches = series.for_base(base)
        if not patches:
            die('the series is empty')
        text, tools = config_text(base), (build.compiler(), build.toolkey())
        steps = trees.chain(base, patches)
        start = git('rev-parse', f'{bases.commit(base)}^{{tree}}').strip()
        # What a step adds is compiled more strictly, so its verdict holds for a pair of trees.
        ids = [start, *(git('rev-parse', f'{commit}^{{tree}}').strip() for _, commit in steps)]
        chosen = stages(patches, ends)
        marks = [verdict('prefix', base, ids[before], ids[after], text, *tools) for before, after in chosen]
        todo = [mark for mark in marks if not mark.exists()]
        if todo:
            say(f'{base}: {len(todo)} of {len(chosen)} prefixes to build, about {1 + len(todo) // 3} minutes '
                '(5 more when ccache is cold)')
        with locked(f'src-{base}'):
            for (before, number), mark in reversed(list(zip(chosen, marks))):
                patch, commit = steps[number - 1]
                if not mark.exists():
                    log = LOGS / f'prefix-{base}-{number:04d}.log'
                    log.unlink(missing_ok=True)
                    one = Clock()
                    try:
                        strict += build_one(base, commit, text, ids[before], ids[number], log)
                    except Failure as failure:
                        several = f'{patches[before].place} to ' if number - before > 1 else ''
                        wrong = f'{several}{patch.place} {failure}'
                        continue
                    mark.parent.mkdir(parents=True, exist_ok=True)
                    mark.touch()
                    fresh += 1
                    say(f'  {base} {number}/{len(steps)} {patch.name} ({one})')
                if wrong:
                    break
        if wrong:
            die(wrong)
    except Failure as failure:
        return record(gate, False, str(failure))
    return record(gate, True, f'{len(chosen)} of {len(steps)} prefixes build, {fresh} now, {len(chosen) - fresh} by an earlier '
                              f'verdict; {strict} files with -Werror ({clock})')


def new_symbols(patches):
    """{CONFIG_X: y or m} for each symbol that patches define, from the diff itself."""
    found = {}
    for patch in patches:
        text = patch.path.read_text(errors='replace')
        for name, body in CONFIG.findall(text):
            if re.search(r'^\+\s+tristate', body, re.M):
                found['CONFIG_' + name] = 'm'
            elif re.search(r'^\+\s+bool', body, re.M):
                found['CONFIG_' + name] = 'y'
    return found


def alone_one(section):
    """A series on the bare base, after just the series that its cover names."""
    base = 'custom' if 'custom' in bases.chosen() else 'mainline'
    clock = Clock()
    everything = series.for_base(base)
    need = series.depends(section)
    unknown = set(need) - set(series.sections(everything))
    if unknown:
        die(f'covers/{section}.md depends on {", ".join(sorted(unknown))}, which the series does not have')
    patches = [patch for patch in everything if patch.section in (*need, section)]
    mine = [patch for patch in patches if patch.section == section]
    if not mine:
        die(f'the series has no section {section}: {", ".join(series.sections(everything))}')
    commit = trees.chain(base, patches)[-1][1]
    if base != 'custom':
        trees.chain('lts', [patch for patch in series.lts() if patch.section in (series.PRELUDE, *need, section)])
    wanted = new_symbols(patches)
    ours = new_symbols(mine)
    text = build.fragments(('common', *build.extra(base))) + '\n'
    text += ''.join(f'{name}={value}\n' for name, value in wanted.items())
    tree = git('rev-parse', f'{commit}^{{tree}}').strip()
    mark = verdict('alone', base, tree, text, build.compiler(), build.toolkey())
    after = f'after {", ".join(need)}' if need else 'on the bare base'
    if not mark.exists():
        log = LOGS / f'alone-{section}.log'
        log.unlink(missing_ok=True)
        say(f'{section} {after}: building, about a minute with a warm ccache')
        with locked(f'src-{base}'):
            src = build.checkout(base, commit)
            out = CACHE / 'build' / f'prefix-{base}'
            build.seed(base, out, text)
            got, _missed = build.configure(src, out, text, log)
            # Hidden symbols and tests need others; that nothing of a series takes effect is what must not be.
            if ours and not any(got.get(name, 'n') != 'n' for name in ours):
                die(f'none of its options takes effect {after}: {", ".join(sorted(ours))}')
            if not run_logged(build.make(src, out, 'vmlinux', 'modules'), log, env=build.environment(), append=True):
                die(f'does not build {after}:\n{tail(log)}\n  whole log: {log}')
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
    where = 'on both bases' if base != 'custom' else 'on that tree'
    return f'{len(mine)} patches apply {after} {where} and build ({clock})'


def alone(names):
    """Each section by itself."""
    # What stands on least first: the folder holds the first prefix, or the base.
    patches = series.mainline()
    every = sorted(series.sections(patches), key=lambda name: sum(
        patch.section in (name, *series.depends(name)) for patch in patches))
    good = True
    if not every:
        return record('alone', False, 'the series is empty')
    for section in names or every:
        try:
            good &= record(f'alone {section}', True, alone_one(section))
        except Failure as failure:
            good = record(f'alone {section}', False, str(failure))
    return good
