# SPDX-License-Identifier: GPL-2.0-only
"""Gates on text: each takes what it checks and gives (how much it checked, what is wrong). None needs a kernel build."""

import collections
import fnmatch
import pathlib
import re

from .util import TOP, run

Found = collections.namedtuple('Found', 'count what problems notes', defaults=('',))

SPDX = re.compile(r'SPDX-License-Identifier: (.+?)\s*(?:\*/)?\s*$')
KERNEL_LICENCES = {'GPL-2.0-only', 'GPL-2.0', 'MIT', 'GPL-2.0-only OR MIT', '(GPL-2.0 OR MIT)',
                   '((GPL-2.0 WITH Linux-syscall-note) OR MIT)', 'GPL-2.0 WITH Linux-syscall-note'}
MACHINE = re.compile(
    r'(?<![\w.$}~-])/(?:work/|root/\.|farm/|home/[a-z])\w|'
    r'\b(?:deb|ftp|security|snapshot|archive)\.(?:[a-z]{2}\.)?debian\.org\b|'
    r'\b[\w-]+\.(?:internal|lan)\b(?!\.)')


def checkpatch(script, files, owners=None):
    """checkpatch --strict on each patch. A missing sign-off is open until someone posts; anything else is wrong."""
    problems, unsigned = [], 0
    for path in files:
        done = run(['perl', script, '--strict', '--show-types', '--terse', '--no-summary', path],
                   cwd=pathlib.Path(script).parents[1], check=False)
        for line in (done.stdout + done.stderr).splitlines():
            if 'MISSING_SIGN_OFF' in line:
                unsigned += 1
            elif 'FILE_PATH_CHANGES' in line and owners and not owners(path):
                continue
            elif 'COMMIT_MESSAGE' in line and described(path):
                continue
            elif conventional(path, line):
                continue
            elif re.search(r'(ERROR|WARNING|CHECK):', line):
                problems.append(line.replace(str(TOP) + '/', ''))
            elif done.returncode > 1 or 'No such file' in line or 'syntax error' in line:
                problems.append(f'checkpatch itself: {line}')
    notes = f'{unsigned} wait for the Signed-off-by of whoever posts them' if unsigned else ''
    return Found(len(files), 'patches', problems, notes)


def conventional(patch, line):
    """True for what the kernel itself does against checkpatch: xenbus' state names, and how TRACE_EVENT() is laid out."""
    if re.search(r'CAMELCASE: .*<Xenbus\w+>', line):
        return True
    where = re.search(r':(\d+): CHECK:(?:OPEN_ENDED_LINE|PARENTHESIS_ALIGNMENT):', line)
    if not where:
        return False
    above = pathlib.Path(patch).read_text(errors='replace').split('\n')[:int(where[1])]
    names = [text[6:] for text in above if text.startswith('+++ b/')]
    return bool(names) and (names[-1].endswith('/trace.h') or names[-1].startswith('include/trace/events/'))


def described(patch):
    """True when a patch has a body: checkpatch counts the sign-off as one of the two lines that it wants."""
    head = pathlib.Path(patch).read_text(errors='replace').partition('\n---\n')[0]
    return bool(head.partition('\n\n')[2].strip())


def unowned(maintainers, patch):
    """The files a patch adds that no F: line of MAINTAINERS covers."""
    text = pathlib.Path(patch).read_text(errors='replace')
    added = re.findall(r'^diff --git a/\S+ b/(\S+)\nnew file mode', text, re.M)
    globs = re.findall(r'^F:\s+(\S+)', maintainers, re.M)
    return [name for name in added if not any(_covers(one, name) for one in globs)]


def _covers(pattern, name):
    if pattern in ('*', '*/'):
        return False
    regex = re.escape(pattern).replace(r'\*', '[^/]*').replace(r'\?', '[^/]')
    return re.match(regex + ('' if pattern.endswith('/') else '$'), name) is not None


def spdx(files):
    """A licence on line 1 (2 after a #!), one of those the kernel and this project use."""
    problems = []
    for path in files:
        lines = pathlib.Path(path).read_text(errors='replace').splitlines()[:2]
        lines = lines[1:] if lines and lines[0].startswith('#!') else lines[:1]
        match = SPDX.search(lines[0]) if lines else None
        if not match:
            problems.append(f'{path}: no SPDX-License-Identifier on its first line')
        elif match[1] not in KERNEL_LICENCES:
            problems.append(f'{path}: licence {match[1]}')
    return Found(len(files), 'files', problems)


def version_code(patches):
    """No added line asks for the kernel's version: bases differ by patches, not by #if."""
    count, problems = 0, []
    for path in patches:
        for number, line in enumerate(pathlib.Path(path).read_text(errors='replace').splitlines(), 1):
            if line.startswith('+') and not line.startswith('+++'):
                count += 1
                if re.search(r'LINUX_VERSION_CODE|KERNEL_VERSION\s*\(', line):
                    problems.append(f'{path}:{number}: {line[1:].strip()}')
    return Found(count, 'added lines', problems)


def machine_names(files):
    """No path of one machine and no download host in anything that is kept."""
    problems = []
    for path in files:
        try:
            text = pathlib.Path(path).read_text(encoding='utf-8')
        except (UnicodeDecodeError, FileNotFoundError):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            match = MACHINE.search(line)
            if match:
                problems.append(f'{path}:{number}: {match[0]}')
    return Found(len(files), 'files', problems)


def codespell(files, ignore):
    """Spelling."""
    if not files:
        return Found(0, 'files', [])
    done = run(['codespell', '-I', ignore, *files], check=False)
    return Found(len(files), 'files', (done.stdout + done.stderr).splitlines())


def shell(files):
    """shellcheck on every shell script."""
    scripts = [path for path in files if is_shell(path)]
    if not scripts:
        return Found(0, 'scripts', [])
    done = run(['shellcheck', '-f', 'gcc', *scripts], check=False)
    return Found(len(scripts), 'scripts', (done.stdout + done.stderr).splitlines())


def is_shell(path):
    """True for a file that says a shell runs it."""
    with open(path, 'rb') as file:
        first = file.readline(80)
    return re.match(rb'#!\s*\S*/(env\s+)?(ba|da)?sh\b', first) is not None


def kernel_doc(script, root, files):
    """kernel-doc is silent about every comment of ours, and there are some."""
    blocks = sum(pathlib.Path(root, name).read_text(errors='replace').count('\n/**\n') for name in files)
    if not blocks:
        return Found(0, 'comments', [])
    done = run([script, '-none', '-Wall', *files], cwd=root, check=False)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    if done.returncode and not lines:
        lines = [f'{script} ended with {done.returncode}']
    return Found(blocks, f'comments in {len(files)} files', lines)


# What the in-tree Dom0 code is compiled to; a kernel of ours links none of it.
PEER = re.compile(
    r'^(drivers/xen/(privcmd|privcmd-buf|xen-privcmd|pci|acpi|pcpu|xen-acpi-pad|dbgp|xen-acpi-processor|mcelog)\.o'
    r'|drivers/xen/xenfs/.*\.o|arch/x86/xen/vga\.o'
    r'|drivers/block/xen-blkback/.*\.o|drivers/net/xen-netback/.*\.o)$')


def objects(linked):
    """Of all that a kernel links, nothing is in-tree Dom0 code; and it does link Xen, or the list is no list."""
    problems = [f'{name} is linked' for name in sorted(linked) if PEER.match(name)]
    if not any(name.startswith('arch/x86/xen/') for name in linked):
        problems.append('the list of linked objects has nothing from arch/x86/xen')
    return Found(len(linked), 'objects', problems)


# What handles a guest's requests; and what calls others, or returns, and no more.
HANDLES = re.compile(r'^drivers/xen/(blkback|netback|xenbus)/(?!.*test)[\w-]+\.o$')
INNOCENT = 'drivers/base/firmware_loader/builtin/main.o', 'drivers/base/init.o'


def instrumented(out, linked, patterns, without=()):
    """KASAN sees what our code does, and all that @patterns (with a % each at the most) are for but those @without."""
    def matching(some):
        return {name for pattern in some for name in fnmatch.filter(linked, pattern.replace('%', '*'))}

    handles = set(filter(HANDLES.match, linked))
    wanted = handles | (matching(patterns) - matching(without) - set(INNOCENT))
    problems = [f'{name} is not instrumented' for name in sorted(wanted)
                if '__asan_' not in run(['nm', '-u', pathlib.Path(out) / name])]
    problems += [f'nothing of {pattern} is linked' for pattern in (*patterns, *without) if not matching([pattern])]
    return problems if handles else ['no object of a backend is linked']
