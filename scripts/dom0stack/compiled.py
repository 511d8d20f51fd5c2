# SPDX-License-Identifier: GPL-2.0-only
"""Gates that need a configured kernel: W=1, sparse, coccinelle."""

import concurrent.futures
import pathlib
import re
import subprocess

from . import build
from .gates import Found
from .util import CACHE, JOBS, LOGS, die, run, run_logged, tail

# Debian's sparse 0.6.4 lacks this operator, and 7.3 then skips sparse with one line and a good exit status.
SPARSE = 'CHECK=sparse -D__typeof_unqual__=__typeof__'
DIAGNOSIS = re.compile(r'^(\S+?):(\d+):(?:\d+:)? (?:warning|error|fatal error|note): ')


class Tree:
    """A configured output folder for the gates, our files in it, and our lines in files of others ({name: numbers})."""

    def __init__(self, name, src, text, added, changed):
        self.src = src
        self.out = CACHE / 'build' / f'lint-{name}'
        self.log = LOGS / f'lint-{name}.log'
        self.log.unlink(missing_ok=True)
        build.configure(src, self.out, text, self.log)
        self.added = added
        self.changed = changed
        self.units = [name for name in (*added, *changed) if name.endswith('.c') and not name.startswith('tools/')]
        if not run_logged(build.make(src, self.out, 'prepare'), self.log, env=build.environment(), append=True):
            die(f'make prepare fails:\n{tail(self.log)}\n  whole log: {self.log}')

    def objects(self):
        """The object of each of our .c files."""
        return [name[:-2] + '.o' for name in self.units]

    def compile(self, log, *flags, objects=None):
        """Compile each of our files by itself, or some, from nothing, with everything it prints in a log."""
        pathlib.Path(log).unlink(missing_ok=True)
        done = build.compile_single(self.src, self.out, flags, objects or self.objects(), log, whole=True)
        return done, pathlib.Path(log).read_text(errors='replace').splitlines()

    def ours(self, line):
        """True for a diagnosis that points into one of our files, or at one of our lines."""
        match = DIAGNOSIS.match(line)
        return match is not None and (any(match[1].endswith(name) for name in self.added) or
                                      any(match[1].endswith(name) and int(match[2]) in lines
                                          for name, lines in self.changed.items()))


def for_kasan(src, name):
    """(is for KASAN alone, is another file with it), of the file that an object is made of."""
    return pathlib.Path(name).name.startswith('kasan'), 'kasan' in (src / name).with_suffix('.c').read_text().lower()


def warnings(tree, kasan):
    """W=1: no diagnosis in our files, and an object of each; of those that KASAN changes in a tree with that too."""
    log = LOGS / 'lint-w1.log'
    parts = ((tree, log, [name for name in tree.objects() if not for_kasan(tree.src, name)[0]]),
             (kasan, log.with_stem('lint-w1-kasan'), [name for name in kasan.objects() if any(for_kasan(kasan.src, name))]))
    built, problems = set(), []
    for where, log, objects in parts:
        if not objects:
            continue
        done, lines = where.compile(log, 'W=1', objects=objects)
        missing = sorted(name for name in set(objects) if not (where.out / name).exists())
        wrong = [line for line in lines if DIAGNOSIS.match(line) and ' note: ' not in line and where.ours(line)]
        wrong += [f'{name} was not built (whole log: {log})' for name in missing]
        if not done and not wrong:
            wrong.append(f'make fails:\n{tail(log)}')
        problems += wrong
        built |= set(objects) - set(missing)
    return Found(len(built), 'files', problems)


def sparse(tree):
    """sparse on each of our files; the CHECK lines are counted, for a sparse that is skipped says so just once."""
    if not tree.units:
        return Found(0, 'files', [])
    log = LOGS / 'lint-sparse.log'
    done, lines = tree.compile(log, 'C=2', SPARSE, 'quiet=quiet_')
    checked = {line.split()[1] for line in lines if re.match(r'\s*CHECK\s', line)}
    checked = {name for name in tree.units if any(one.endswith(name) for one in checked)}
    problems = [line for line in lines if tree.ours(line) and 'bad constant expression' not in line]
    problems += [f'{name} was not checked (whole log: {log})' for name in sorted(set(tree.units) - checked)]
    if not done and not problems:
        problems.append(f'make fails:\n{tail(log)}')
    return Found(len(checked), 'files', problems)


def semantic_patches(src):
    """[(script, options)] of the kernel's own, those that can report."""
    out = []
    for path in sorted((pathlib.Path(src) / 'scripts/coccinelle').rglob('*.cocci')):
        text = path.read_text(errors='replace')
        if not re.search(r'^virtual\b.*\breport\b', text, re.M):
            continue
        options = re.search(r'^//+\s*Options:(.*)$', text, re.M)
        out.append((path, options[1].split() if options else []))
    return out


def _spatch(src, script, options, files):
    argv = ['spatch', '-D', 'report', '--very-quiet', '--no-show-diff', *options, '--cocci-file', script, '-I', 'include',
            '-I', 'arch/x86/include', *files]
    try:
        done = run(argv, cwd=src, check=False, timeout=300)
    except subprocess.TimeoutExpired:
        return [f'{script.name}: no end after 300 s']
    lines = [line for line in done.stdout.splitlines() if re.match(r'\S+:\d+', line)]
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ['no message'])[-1]
        lines.append(f'{script.name}: spatch ends with {done.returncode}: {last[:200]}')
    return lines


def coccinelle(src, files, changed):
    """Every semantic patch of the kernel on our files, and on those of others for our lines in them."""
    files = [*files, *(name for name in changed if name.endswith('.c'))]
    scripts = semantic_patches(src)
    if not scripts or not files:
        return Found(0, 'semantic patches', [])
    with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, JOBS - 1)) as pool:
        found = list(pool.map(lambda one: _spatch(src, one[0], one[1], files), scripts))
    return Found(len(scripts), f'semantic patches on {len(files)} files',
                 sorted({line for lines in found for line in lines if not _elsewhere(line, changed)}))


def _elsewhere(line, changed):
    """True for a finding in a file of others that is not at one of our lines."""
    name, number = (line.split(':') + [''])[:2]
    return name in changed and number.isdigit() and int(number) not in changed[name]
