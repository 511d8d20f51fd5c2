# SPDX-License-Identifier: GPL-2.0-only
"""Patches applied without a checkout: an index, one tree per prefix, one chain of commits."""

import re
import tempfile

from . import bases, series
from .util import die, git, run, QUIET_GIT, LINUX_GIT

# What `export` writes and `verify` writes again to compare: nothing in it depends on who runs it or when.
FORMAT_PATCH = (
    'format-patch', '-N', '--zero-commit', '--no-signature', '--no-stat', '--full-index', '--no-renames',
    '--diff-algorithm=histogram', '--no-add-header', '--no-thread', '--no-base', '--no-signoff', '--no-notes',
    '--filename-max-length=72', '--subject-prefix=PATCH', '--no-cover-letter',
)


def apply_error(patch, done, base):
    """What to say about a patch that does not apply."""
    return f'{patch.place} does not apply to {bases.describe(base)}:\n{done.stderr.strip()[-1500:]}'


def walk(base, patches, start=None):
    """Yield (patch, tree before, tree after) with exact context and no whitespace error."""
    with tempfile.TemporaryDirectory() as where:
        env = {'GIT_INDEX_FILE': f'{where}/index'}
        before = start or bases.tree(base) or die(f'the {base} base is not there: run scripts/base {base}')
        git('read-tree', before, env=env)
        for patch in patches:
            if not patch.path.exists():
                die(f'{patch.place} is in the series but not in the repository')
            done = git('apply', '--cached', '--whitespace=error-all', str(patch.path), env=env, check=False)
            if done.returncode:
                die(apply_error(patch, done, base))
            after = git('write-tree', env=env).strip()
            if after == before:
                die(f'{patch.place} changes nothing')
            yield patch, before, after
            before = after


def applies(base, patches):
    """True when all of them apply to the base."""
    with tempfile.TemporaryDirectory() as where:
        env = {'GIT_INDEX_FILE': f'{where}/index'}
        git('read-tree', bases.tree(base), env=env)
        return all(not git('apply', '--cached', str(patch.path), env=env, check=False).returncode for patch in patches)


def commit_tree(tree, parent, mail):
    """A commit with a patch's author, date and message, the same whoever makes it."""
    author, email, date, message = mail
    env = {'GIT_AUTHOR_NAME': author, 'GIT_AUTHOR_EMAIL': email, 'GIT_AUTHOR_DATE': date, 'GIT_COMMITTER_DATE': date}
    return git('commit-tree', tree, '-p', parent, env=env, stdin=message).strip()


def chain(base, patches, parent=None):
    """The patches as commits on the base: [(patch, commit)]."""
    parent, out = parent or bases.commit(base), []
    for patch, _before, after in walk(base, patches, start=f'{parent}^{{tree}}' if parent else None):
        parent = commit_tree(after, parent, series.mail(patch.path))
        out.append((patch, parent))
    return out


def tip(base):
    """The commit of the whole stack on a base."""
    made = chain(base, series.for_base(base))
    return made[-1][1] if made else bases.commit(base)


def changed(before, after, *paths, only='ACMRT'):
    """The files that differ between two trees."""
    text = git('diff-tree', '-r', '-z', '--name-only', '--no-renames', f'--diff-filter={only}', before, after,
               '--', *paths)
    return [name for name in text.split('\0') if name]


def added_lines(before, after, name):
    """The numbers of the lines in a file that are not there before."""
    found = set()
    for start, count in re.findall(r'^@@ -\S+ \+(\d+)(?:,(\d+))? @@', git('diff', '-U0', before, after, '--', name), re.M):
        found.update(range(int(start), int(start) + int(count or 1)))
    return found


def write_patches(first, last, where):
    """Write the commits first..last as patches numbered from 1; their names in order."""
    text = git(*FORMAT_PATCH, '-o', str(where), f'{first}..{last}')
    paths = text.splitlines()
    for path in paths:
        # With no diffstat git leaves out the line that ends the message for people and for checkpatch.
        with open(path, encoding='utf-8', errors='surrogateescape', newline='') as file:
            mail = file.read()
        with open(path, 'w', encoding='utf-8', errors='surrogateescape', newline='') as file:
            file.write(mail.replace('\n\ndiff --git ', '\n---\n\ndiff --git ', 1))
    return [path.rsplit('/', 1)[1] for path in paths]


def archive(tree, paths, where):
    """Unpack some files of a tree into a directory."""
    listed = git('ls-tree', '-r', '-z', '--name-only', tree, '--', *paths) if paths else ''
    there = [name for name in listed.split('\0') if name]
    if there:
        run(['bash', '-o', 'pipefail', '-c', 'git --git-dir "$1" archive "$2" -- "${@:4}" | tar -x -C "$3"', 'unpack',
             LINUX_GIT, tree, where, *there], env=QUIET_GIT)
    return there
