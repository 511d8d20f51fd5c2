# SPDX-License-Identifier: GPL-2.0-only
"""A kernel source package, or any directory, as a commit of the kernel repository."""

import os
import subprocess
import tarfile

from .util import CACHE, LINUX_GIT, QUIET_GIT, die, git, need_space, run

STAMP = '2026-01-01T00:00:00Z'
AUTHOR = {'GIT_AUTHOR_NAME': 'base', 'GIT_AUTHOR_EMAIL': 'base@localhost', 'GIT_AUTHOR_DATE': STAMP,
          'GIT_COMMITTER_NAME': 'base', 'GIT_COMMITTER_EMAIL': 'base@localhost', 'GIT_COMMITTER_DATE': STAMP}


def commit_tree(tree, name):
    """The same tree gives the same commit, whoever imports it."""
    return git('commit-tree', '-m', f'base {name}', tree, env=AUTHOR).strip()


def _members(tar, out, skipped):
    """Write fast-import commands for each file of a tar stream."""
    count = 0
    for member in tar:
        path = member.name.partition('/')[2]
        if member.isdir() or not path:
            continue
        if path in skipped:
            continue
        if member.issym():
            mode, data = '120000', os.fsencode(member.linkname)
        elif member.isreg():
            mode, data = ('100755' if member.mode & 0o100 else '100644'), tar.extractfile(member).read()
        else:
            die(f'{member.name}: neither a file nor a symbolic link')
        out.write(b'M %s inline ' % mode.encode() + _quoted(path) + b'\ndata %d\n' % len(data))
        out.write(data)
        out.write(b'\n')
        count += 1
    return count


def _quoted(path):
    raw = os.fsencode(path)
    return b'"' + raw.replace(b'\\', b'\\\\').replace(b'"', b'\\"').replace(b'\n', b'\\n') + b'"'


def import_deb(deb, package, name):
    """
    The tree inside a linux-source package, straight into one pack: nothing is unpacked to disk.

    Debian's top-level .gitignore ignores everything, which makes `git add` drop new files without a word: it is left out.
    """
    need_space(CACHE, 3, f'importing {package}')
    inside = f'./usr/src/{package}.tar.xz'
    pipeline = f'dpkg-deb --fsys-tarfile "$1" | tar -xO "$2" | xz -dc -T0'
    env = {**os.environ, **QUIET_GIT}
    with subprocess.Popen(['bash', '-o', 'pipefail', '-c', pipeline, 'unpack', str(deb), inside],
                          stdout=subprocess.PIPE) as source, \
         subprocess.Popen(['git', '--git-dir', str(LINUX_GIT), '-c', 'core.compression=1', '-c', 'pack.threads=0',
                           'fast-import', '--quiet', '--force', '--depth=0'],
                          stdin=subprocess.PIPE, env=env) as sink:
        out = sink.stdin
        out.write(b'commit refs/heads/import/%s\ncommitter base <base@localhost> 1767225600 +0000\n' % name.encode())
        out.write(b'data 0\n\ndeleteall\n')
        try:
            with tarfile.open(fileobj=source.stdout, mode='r|') as tar:
                count = _members(tar, out, {'.gitignore'})
        except (tarfile.TarError, BrokenPipeError) as error:
            source.kill()
            sink.kill()
            die(f'{deb} cannot be unpacked: {error}. Remove it and run this again.')
        out.close()
        if source.wait() or sink.wait() or not count:
            die(f'{deb} cannot be imported (see above). Remove it and run this again.')
    tree = git('rev-parse', f'refs/heads/import/{name}^{{tree}}').strip()
    git('update-ref', '-d', f'refs/heads/import/{name}')
    return commit_tree(tree, name)


def import_directory(where):
    """LINUX=<dir>: the commit that is checked out there, or every file when it is no repository."""
    where = os.path.abspath(where)
    if not os.path.exists(os.path.join(where, 'Kconfig')):
        die(f'LINUX={where} is no kernel tree: it has no Kconfig')
    need_space(CACHE, 3, f'importing {where}')
    if os.path.exists(os.path.join(where, '.git')):
        dirty = run(['git', '-C', where, 'status', '--porcelain', '-uno'])
        if dirty.strip():
            die(f'LINUX={where} has changes that are not committed: commit or stash them')
        git('fetch', '-q', '--depth=1', '--update-shallow', 'file://' + where, '+HEAD:refs/import/custom')
        return commit_tree(git('rev-parse', 'refs/import/custom^{tree}').strip(), 'custom')
    index = CACHE / 'custom.index'
    index.unlink(missing_ok=True)
    env = {'GIT_INDEX_FILE': str(index), 'GIT_WORK_TREE': where}
    git('add', '-Af', '.', env=env, cwd=None)
    git('rm', '-q', '--cached', '--ignore-unmatch', '.gitignore', env=env)
    tree = git('write-tree', env=env).strip()
    index.unlink()
    return commit_tree(tree, 'custom')
