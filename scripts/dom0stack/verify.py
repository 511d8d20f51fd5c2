# SPDX-License-Identifier: GPL-2.0-only
"""Prove, without a checkout, that patches, series and view say the same thing. Seconds."""

import filecmp
import os
import pathlib
import shutil
import tempfile

from . import bases, series, trees
from .util import QUIET_GIT, TOP, die, git, run


def same_set():
    """`series` and patches/ name the same patches, each once, and quilt finds the same list."""
    listed = [patch.name for patch in series.mainline()]
    if not listed:
        die('the series is empty: there is nothing to verify')
    double = {name for name in listed if listed.count(name) > 1}
    if double:
        die(f'series names a patch twice: {", ".join(sorted(double))}')
    there = {path.name for path in (TOP / 'patches').iterdir() if path.name != 'series'}
    for name in sorted(there - set(listed)):
        die(f'patches/{name} is not in series')
    for name in sorted(set(listed) - there):
        die(f'series names {name}, which is not in patches/')
    link = TOP / 'patches/series'
    if not link.is_symlink() or os.readlink(link) != '../series':
        die('patches/series is not the link to ../series')
    return len(listed)


def lts_series():
    """The LTS base's own list is the one that export would write."""
    wanted = TOP / 'bases/lts/series'
    if not wanted.exists() or wanted.read_text() != series.lts_series_text():
        die('bases/lts/series is not what scripts/stack export writes')


def canonical(base, made):
    """Writing the patches again from their trees gives the files byte for byte."""
    with tempfile.TemporaryDirectory() as where:
        names = trees.write_patches(bases.commit(base), made[-1][1], where)
        for (patch, _), name in zip(made, names):
            if name != patch.name:
                die(f'{patch.place}: by its place and subject this patch is called {name}')
            if not filecmp.cmp(patch.path, f'{where}/{name}', shallow=False):
                done = run(['diff', '-u', patch.path, f'{where}/{name}'], check=False)
                die(f'{patch.place} is not canonical (offset, context, index line or header):\n{done.stdout[:1500]}')


def with_git_am(where, patches):
    """git am in a repository of just the touched files."""
    git('init', '-q', cwd=where)
    git('add', '-Af', '.', cwd=where)
    author = {'GIT_AUTHOR_NAME': 'base', 'GIT_AUTHOR_EMAIL': 'base@localhost'}
    git('commit', '-q', '--allow-empty', '-m', 'base', cwd=where, env=author)
    done = git('am', '-q', '--no-3way', '--keep-cr', *(str(patch.path) for patch in patches), cwd=where, check=False)
    if done.returncode:
        die(f'git am stops: {(done.stdout + done.stderr).strip()[-1500:]}')
    shutil.rmtree(os.path.join(where, '.git'))


def with_patch(where, patches):
    """patch(1) with no fuzz."""
    for patch in patches:
        done = run(['patch', '-s', '-p1', '-F0', '-E', '--no-backup-if-mismatch', '-d', where, '-i', patch.path],
                   check=False)
        if done.returncode:
            die(f'patch -F0 refuses {patch.place}:\n{(done.stdout + done.stderr).strip()[-1500:]}')


def with_quilt(where, patches):
    """quilt with no fuzz, told the series as a distributor would tell it."""
    with tempfile.TemporaryDirectory() as aside:
        listed = pathlib.Path(aside, 'series')
        listed.write_text(''.join(patch.place + '\n' for patch in patches))
        env = {'QUILT_PATCHES': str(TOP), 'QUILT_SERIES': str(listed), 'QUILT_PC': aside + '/pc'}
        done = run(['quilt', '--quiltrc', '-', 'push', '-qa', '--fuzz=0'], cwd=where, env=env, check=False)
        if done.returncode:
            die(f'quilt push --fuzz=0 stops:\n{(done.stdout + done.stderr).strip()[-1500:]}')


def agree(base, patches, final):
    """git am, patch -F0 and quilt --fuzz=0 on the touched files all give the blobs of the tree `final`."""
    start = bases.tree(base)
    touched = sorted({name for patch, before, after in final.steps
                      for name in trees.changed(before, after, only='ACDMRT')})
    ids = {}
    for line in git('ls-tree', '-r', '-z', final.tree, '--', *touched).split('\0'):
        if line:
            meta, _, name = line.partition('\t')
            ids[name] = meta
    for tool in (with_git_am, with_patch, with_quilt):
        with tempfile.TemporaryDirectory() as where:
            trees.archive(start, touched, where)
            tool(where, patches)
            for name, meta in ids.items():
                path = pathlib.Path(where, name)
                mode, _, wanted = meta.split(' ')
                if not path.exists() or git('hash-object', '--no-filters', str(path), cwd=where).strip() != wanted \
                        or (mode == '100755') != os.access(path, os.X_OK):
                    die(f'{tool.__name__[5:]} gives another {name} than git apply')
            stray = [str(path.relative_to(where)) for path in pathlib.Path(where).rglob('*')
                     if path.is_file() and str(path.relative_to(where)) not in ids]
            if stray:
                die(f'{tool.__name__[5:]} leaves {", ".join(stray[:5])}, which the tree does not have')
    return len(touched)


class Final:
    """The steps of a stack on a base and the tree they end in."""

    def __init__(self, base, patches):
        self.steps = list(trees.walk(base, patches))
        self.tree = self.steps[-1][2] if self.steps else bases.tree(base)

    def last_to_change(self, name):
        """The patch that wrote a file last."""
        for patch, before, after in reversed(self.steps):
            if trees.changed(before, after, name, only='ACDMRT'):
                return patch.place
        return 'no patch'


def view(base, final):
    """Every file under the view's roots equals the tree; nothing is missing, nothing stray."""
    roots = series.view_roots()
    # On a base newer than the pin, files that mainline has too may rightly differ: compare those that are ours alone.
    kinds = 'ACMRT' if bases.is_pinned(base) else 'A'
    wanted = set(trees.changed(bases.tree(base), final.tree, *roots, only=kinds))
    have = {str(path.relative_to(TOP)) for root in roots for path in (TOP / root).rglob('*')
            if path.is_symlink() or path.is_file()}
    for name in sorted(wanted - have):
        die(f'{name} is missing from the view ({final.last_to_change(name)} writes it): scripts/stack export')
    if bases.is_pinned(base):
        for name in sorted(have - wanted):
            die(f'{name} stands in the view, but no patch makes it: put it into the worktree, or remove it')
    ids = {}
    for line in git('ls-tree', '-r', '-z', final.tree, '--', *roots).split('\0'):
        meta, _, name = line.partition('\t')
        ids[name] = meta.split(' ')[-1]
    for name in sorted(wanted):
        if series.blob(TOP / name) != ids[name]:
            die(f'{name} in the view differs from the tree; the last to write it is {final.last_to_change(name)}. '
                'Edit the worktree, not the view, then scripts/stack export')
    return len(wanted)


def verify(base):
    """All of it for one base; a sentence about what was checked."""
    count = same_set()
    if base == 'lts':
        lts_series()
    patches = series.for_base(base)
    final = Final(base, patches)
    touched = agree(base, patches, final)
    text = f'{len(patches)} patches, {touched} files: git am, patch -F0 and quilt give tree {final.tree[:12]}'
    over = [patch for patch in patches if patch.overrides]
    if base != 'mainline' and len(patches) - len(series.prelude()) not in (count, count + len(series.prelude())):
        die(f'{base}: {len(patches)} patches stand for {count}')
    if base == 'mainline':
        if bases.is_pinned(base):
            canonical(base, trees.chain(base, patches))
            text += ', canonical'
        text += f', view of {view(base, final)} files equal'
    else:
        text += f', {len(over)} overrides'
    if base in bases.NAMES and not bases.is_pinned(base):
        text += f'; base is {bases.package_version(base) or bases.kernel_version(base)}, ' \
                f'the pin {bases.pin(base).get("version")}: it applies all the same'
    return text
