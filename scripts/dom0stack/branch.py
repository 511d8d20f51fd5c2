# SPDX-License-Identifier: GPL-2.0-only
"""The worktrees where people edit: patches to branch, branch to patches, and what is not exported yet."""

import re
import shutil
import tempfile
import time

from . import bases, series, trees
from .util import CACHE, LINUX_GIT, TOP, QUIET_GIT, die, git, need_space, run, say

MARKER_DATE = '2026-01-01T00:00:00 +0000'


def worktree(base):
    """Where a base's branch is checked out."""
    return CACHE / 'work' / base


def branch(base):
    return f'stack/{base}'


def commits(base):
    """[(section, commit)] of a branch, without the markers that open the sections."""
    out, section = [], None
    start = bases.commit(base)
    if git('merge-base', '--is-ancestor', start, branch(base), check=False).returncode:
        die(f'{branch(base)} does not stand on base/{base}: git rebase --onto base/{base} OLD {branch(base)}')
    for line in git('log', '--reverse', '--format=%H %T %P', f'{start}..{branch(base)}').splitlines():
        commit, tree, *parents = line.split()
        if len(parents) != 1:
            die(f'{commit[:12]} on {branch(base)} is a merge: rebase the branch')
        subject = git('log', '-1', '--format=%s', commit).strip()
        marker = series.MARKER.match(subject)
        empty = git('rev-parse', f'{parents[0]}^{{tree}}').strip() == tree
        if marker and not empty:
            die(f'{commit[:12]} "{subject}" is a marker, but it changes files')
        if marker:
            section = marker[1]
        elif empty:
            die(f'{commit[:12]} "{subject}" changes nothing')
        elif section is None:
            die(f'{commit[:12]} "{subject}" stands before the first marker: scripts/stack section NAME opens a section')
        else:
            if re.match(r'(fixup|squash|amend)!', subject):
                die(f'{commit[:12]} "{subject}": git rebase -i --autosquash base/{base} first')
            out.append((section, commit))
    order = list(dict.fromkeys(section for section, _ in out))
    runs = [section for index, (section, _) in enumerate(out) if not index or out[index - 1][0] != section]
    if order != runs:
        die(f'{branch(base)} opens a section twice: {", ".join(runs)}')
    return out


def message(commit, keep_signoff=False):
    """A commit's author, address, date and message, with no Signed-off-by: whoever posts signs."""
    author, email, date, body = git('log', '-1', '--format=%an%x00%ae%x00%aI%x00%B', commit).split('\0')
    if not keep_signoff:
        body = re.sub(r'^Signed-off-by:.*\n?', '', body, flags=re.M)
    return author, email, date, body.rstrip('\n') + '\n'


def plain_chain(base):
    """The branch without markers: [(section, commit)], deterministic."""
    parent, out = bases.commit(base), []
    for section, commit in commits(base):
        parent = trees.commit_tree(f'{commit}^{{tree}}', parent, message(commit, section == series.PRELUDE))
        out.append((section, parent))
    return out


def ensure_worktree(base, at):
    """A checkout of the branch, created at a commit when there is none."""
    where = worktree(base)
    if (where / '.git').exists():
        return where
    need_space(CACHE, 3, f'the {base} worktree')
    say(f'{base}: checking out {where}, about 20 s')
    git('worktree', 'prune')
    git('worktree', 'add', '-q', '-f', '-B', branch(base), str(where), at)
    return where


def mark(where, section):
    """Open a section: an empty commit, which a rebase keeps."""
    git('commit', '-q', '--allow-empty', '--no-verify', '-m', f'=== {section} ===', cwd=where,
        env={'GIT_AUTHOR_NAME': 'Dom0 for Linux', 'GIT_AUTHOR_EMAIL': 'dom0@localhost',
             'GIT_AUTHOR_DATE': MARKER_DATE, 'GIT_COMMITTER_DATE': MARKER_DATE})


def open_section(base, section):
    """scripts/stack section NAME."""
    where = worktree(base)
    if not (where / '.git').exists():
        die(f'there is no worktree: scripts/stack materialise {base}')
    staged = git('diff', '--cached', '--name-only', cwd=where).strip()
    if staged:
        die('the worktree has staged changes: commit them first')
    mark(where, section)
    say(f'{branch(base)}: what is committed now belongs to {section}')


def materialise(base, force=False, resume=False):
    """The patches as a branch in a worktree, through git am."""
    bases.create_repository()
    start = bases.commit(base)
    where = ensure_worktree(base, start)
    if not resume:
        _ready_to_replace(base, where, force)
        git('checkout', '-q', '-B', branch(base), start, cwd=where)
    elif git('rev-parse', '-q', '--verify', 'REBASE_HEAD', cwd=where, check=False).returncode == 0 \
            or _am_running(where):
        die(f'git am still stands in {where}: resolve, git add, git am --continue')
    patches = series.for_base(base) if base != 'lts' else _lts_lenient()
    done = commits(base)
    last = done[-1][0] if done else None
    merged = 0
    for patch in patches[len(done):]:
        if patch.section != last:
            mark(where, patch.section)
            last = patch.section
        merged += _am(base, where, patch)
    say(f'{base}: {len(patches)} patches on {branch(base)} in {where}'
        + (f', {merged} of them by 3-way merge: look at them, then scripts/stack export {base}' if merged else ''))


def _lts_lenient():
    """The stack for the LTS base, where a stale override gives way to the patch it stood for."""
    table = series.overrides()
    names = {name: place for place, name in table.values()}
    out = series.prelude()
    for patch in series.mainline():
        key = series.blob(patch.path)
        if key in table:
            patch = series.Patch(table[key][0], patch.section)
        elif patch.name in names:
            say(f'{names[patch.name]} is stale: trying {patch.place} itself')
        out.append(patch)
    return out


def _am_running(where):
    state = git('rev-parse', '--git-path', 'rebase-apply', cwd=where).strip()
    return (where / state).exists()


def _am(base, where, patch):
    """git am of one patch; 1 when it took a 3-way merge."""
    if not patch.path.exists():
        die(f'{patch.place} is in the series but not in the repository')
    common = ('-c', 'rerere.enabled=true', 'am', '-q', '--keep-cr', '--committer-date-is-author-date')
    if not git(*common, '--no-3way', str(patch.path), cwd=where, check=False).returncode:
        return 0
    git('am', '--abort', cwd=where, check=False)
    done = git(*common, '--3way', str(patch.path), cwd=where, check=False)
    if done.returncode:
        die(f'{patch.place} does not apply to {bases.describe(base)}:\n{(done.stdout + done.stderr).strip()[-1200:]}\n'
            f'In {where}: resolve, git add, git am --continue, then scripts/stack materialise {base} --continue')
    say(f'{patch.place}: merged')
    return 1


def _ready_to_replace(base, where, force):
    """Refuse to replace a branch with work that is nowhere else; a forced replacement keeps the old one."""
    if git('rev-parse', branch(base)).strip() == bases.commit(base) and not dirty(base):
        return
    lost = unexported(base)
    if lost and not force:
        die(f'{branch(base)} holds work that is not exported:\n' + '\n'.join('  ' + line for line in lost)
            + f'\nExport it, or --force (the branch is kept under another name).')
    if dirty(base):
        die(f'{where} has changes that are not committed: commit or stash them')
    if lost:
        name = f'old/{base}-{time.strftime("%Y%m%d-%H%M%S")}'
        git('branch', '-f', name, branch(base))
        say(f'the old branch is kept as {name}')


def dirty(base):
    """What git status says about the worktree."""
    where = worktree(base)
    if not (where / '.git').exists():
        return []
    return git('status', '--porcelain', cwd=where).splitlines()


def unexported(base):
    """Lines that say what the worktree holds and the patches do not."""
    if git('rev-parse', '-q', '--verify', f'refs/heads/{branch(base)}', check=False).returncode:
        return []
    out = [f'not committed: {line}' for line in dirty(base)]
    made = plain_chain(base)
    if not made:
        return out
    patches = series.mainline() if base == 'mainline' else _lts_lenient()
    kept = {}
    for patch in patches:
        kept.setdefault(patch.section, []).append(_essence(series.mail(patch.path), patch.path.read_text(errors='replace')))
    with tempfile.TemporaryDirectory() as where:
        names = trees.write_patches(bases.commit(base), made[-1][1], where)
        for (section, commit), name in zip(made, names):
            path = f'{where}/{name}'
            with open(path, encoding='utf-8', errors='replace') as file:
                mine = _essence(series.mail(path), file.read(), base)
            if not any(_same(mine, other, base) for other in kept.get(section, ())):
                subject = git('log', '-1', '--format=%s', commit).strip()
                out.append(f'not exported: "{subject}" ({section})')
    return out


def _essence(mail, text, _base=None):
    """Message and diff of a patch; for the LTS base without what an offset changes."""
    diff = 'diff --git ' + text.partition('\ndiff --git ')[2]
    return mail, diff.rstrip('\n')


def _same(one, two, base):
    if base == 'mainline':
        return one == two
    loose = [re.sub(r'^(index .*|@@ .*)$', '', diff, flags=re.M) for _, diff in (one, two)]
    return one[0][3].split('\n')[0] == two[0][3].split('\n')[0] and loose[0] == loose[1]


def export_mainline(base='mainline'):
    """Branch to patches/, series and view."""
    made = plain_chain(base)
    if not made:
        die(f'{branch(base)} holds no patches')
    old = {series.blob(patch.path): patch.name for patch in series.mainline() if patch.path.exists()}
    with tempfile.TemporaryDirectory() as where:
        names = trees.write_patches(bases.commit(base), made[-1][1], where)
        target = TOP / 'patches'
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        for name in names:
            shutil.copyfile(f'{where}/{name}', target / name)
    (target / 'series').symlink_to('../series')
    rows = [(section, name) for (section, _), name in zip(made, names)]
    (TOP / 'series').write_text(series.series_text(rows, 'Order of patches/; "## name" opens a series of its own.'))
    _rename_overrides(old)
    files = write_view(base, made[-1][1])
    new = sum(1 for name in names if series.blob(target / name) not in old)
    say(f'{len(names)} patches in {len(series.sections(series.mainline()))} series ({new} new or changed), '
        f'{files} files in the view')
    write_lts_series()


def write_lts_series():
    """bases/lts/series, unless an override has gone stale; then say so."""
    from .util import Failure  # pylint: disable=import-outside-toplevel
    path = TOP / 'bases/lts/series'
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.write_text(series.lts_series_text())
    except Failure as stale:
        say(f'NOTE: {stale}')


def _rename_overrides(old):
    """Patches whose content stayed and whose number moved take their overrides along."""
    now = {series.blob(patch.path): patch.name for patch in series.mainline()}
    for key, (place, name) in series.overrides().items():
        if now.get(key, name) != name:
            text = (TOP / place).read_text(errors='surrogateescape')
            text = text.replace(f'Overrides: patches/{name} blob', f'Overrides: patches/{now[key]} blob', 1)
            (TOP / place).unlink()
            (TOP / 'bases/lts/override' / now[key]).write_text(text, errors='surrogateescape')
    del old


def write_view(base, commit):
    """Every file under the roots that the stack adds or changes."""
    names = trees.changed(bases.tree(base), f'{commit}^{{tree}}', *series.view_roots())
    for root in series.view_roots():
        shutil.rmtree(TOP / root, ignore_errors=True)
    trees.archive(f'{commit}^{{tree}}', names, TOP)
    return len(names)


def export_lts():
    """What differs on the LTS branch becomes prelude and overrides."""
    made = plain_chain('lts')
    ours = [(section, commit) for section, commit in made if section != series.PRELUDE]
    main = series.mainline()
    if len(ours) != len(main):
        die(f'{branch("lts")} has {len(ours)} patches, the series {len(main)}: they must stand for one another one by one')
    for folder in ('override', 'prelude'):
        shutil.rmtree(TOP / 'bases/lts' / folder, ignore_errors=True)
    with tempfile.TemporaryDirectory() as where:
        names = trees.write_patches(bases.commit('lts'), made[-1][1], where)
        before = len(made) - len(ours)
        for name in names[:before]:
            (TOP / 'bases/lts/prelude').mkdir(parents=True, exist_ok=True)
            shutil.copyfile(f'{where}/{name}', TOP / 'bases/lts/prelude' / name)
        start = made[before - 1][1] if before else bases.commit('lts')
        count = 0
        for patch, (_section, commit), name in zip(main, ours, names[before:]):
            if _applies_to(start, patch, commit):
                start = commit
                continue
            start = commit
            count += 1
            with open(f'{where}/{name}', encoding='utf-8', errors='surrogateescape') as file:
                head, mark_, rest = file.read().partition('\n---\n')
            text = f'{head}\n---\nOverrides: {patch.place} blob {series.blob(patch.path)}\n{rest}' if mark_ else head
            target = TOP / 'bases/lts/override' / patch.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, errors='surrogateescape')
    write_lts_series()
    say(f'lts: {before} patches of prelude, {count} overrides')


def _applies_to(parent, patch, commit):
    """True when a mainline patch gives exactly this commit's tree."""
    with tempfile.TemporaryDirectory() as where:
        env = {'GIT_INDEX_FILE': f'{where}/index'}
        git('read-tree', parent, env=env)
        if git('apply', '--cached', '--whitespace=error-all', str(patch.path), env=env, check=False).returncode:
            return False
        return git('write-tree', env=env).strip() == git('rev-parse', f'{commit}^{{tree}}').strip()


def range_diff():
    """The port to the LTS base as reviewers read it."""
    one, two = trees.tip('mainline'), trees.tip('lts')
    return run(['git', '--git-dir', LINUX_GIT, 'range-diff', f'{bases.commit("mainline")}..{one}',
                f'{bases.commit("lts")}..{two}'], env=QUIET_GIT)
