# SPDX-License-Identifier: GPL-2.0-only
"""Each gate passes what is right, finds a planted defect, and counts nothing as nothing."""

import contextlib
import os
import subprocess
import types

import pytest

from conftest import SCRIPTS
from dom0stack import build, compiled, gates, prefixes, series, util


def write(where, name, text):
    path = where / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_spdx(tmp_path):
    good = write(tmp_path, 'a.py', '#!/bin/sh\n# SPDX-License-Identifier: GPL-2.0-only\n')
    bad = write(tmp_path, 'b.c', '/* hello */\n')
    other = write(tmp_path, 'c.h', '/* SPDX-License-Identifier: Apache-2.0 */\n')
    assert not gates.spdx([good]).problems
    assert len(gates.spdx([good, bad, other]).problems) == 2


def test_shell(tmp_path):
    good = write(tmp_path, 'a', '#!/bin/bash\necho "$1"\n')
    bad = write(tmp_path, 'b', '#!/bin/sh\necho $1\n')
    plain = write(tmp_path, 'c', 'echo $1\n')
    assert gates.shell([good, plain]) == (1, 'scripts', [], '')
    assert gates.shell([bad]).problems
    assert gates.shell([plain]).count == 0


def test_codespell(tmp_path):
    ignore = write(tmp_path, 'ignore', 'sring\n')
    assert not gates.codespell([write(tmp_path, 'a', 'the sring is right\n')], ignore).problems
    assert gates.codespell([write(tmp_path, 'b', 'rec' + 'ieve it\n')], ignore).problems


def test_version_code(tmp_path):
    good = write(tmp_path, 'a', '--- a\n+++ b\n+int a;\n-#if LINUX_VERSION_CODE\n')
    bad = write(tmp_path, 'b', '+#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)\n')
    assert gates.version_code([good]) == (1, 'added lines', [], '')
    assert gates.version_code([bad]).problems


@pytest.mark.parametrize('text', ['see /' + 'work/main', '/root/' + '.cache/x', 'at /' + 'home/someone/', 'http://deb.' + 'debian.org/debian'])
def test_machine_names(tmp_path, text):
    assert gates.machine_names([write(tmp_path, 'a', text)]).problems


@pytest.mark.parametrize('text', ['scripts/work/x', '$CACHE/work/lts', 'mount /dev/vda /root', 'https://www.debian.org/'])
def test_machine_names_leaves_the_rest(tmp_path, text):
    assert not gates.machine_names([write(tmp_path, 'a', text)]).problems


CHECKPATCH = '''use strict; my $f = $ARGV[-1]; open(my $h, '<', $f) or die; local $/; my $t = <$h>;
print "$f:1: ERROR:MISSING_SIGN_OFF: Missing\\n"; print "$f:2: WARNING:LONG_LINE: long\\n" if $t =~ /long/;
print "$f:3: WARNING:FILE_PATH_CHANGES: MAINTAINERS\\n"; exit 1;'''


def test_checkpatch(tmp_path):
    script = write(tmp_path, 'scripts/checkpatch.pl', CHECKPATCH)
    good, bad = write(tmp_path, 'good', 'x'), write(tmp_path, 'bad', 'long')
    found = gates.checkpatch(script, [good], lambda _: [])
    assert (found.count, found.problems) == (1, []) and '1 wait for the Signed-off-by' in found.notes
    assert gates.checkpatch(script, [good], lambda _: ['x.c']).problems
    assert gates.checkpatch(script, [bad], lambda _: []).problems
    assert gates.checkpatch(tmp_path / 'scripts/none.pl', [good]).problems


def test_maintainers(tmp_path):
    patch = write(tmp_path, 'p', 'diff --git a/drivers/xen/a.c b/drivers/xen/a.c\nnew file mode 100644\n'
                                 'diff --git a/lib/b.c b/lib/b.c\nnew file mode 100644\n')
    assert gates.unowned('F:\tdrivers/xen/\nF:\t*\nF:\t*/\n', patch) == ['lib/b.c']
    assert gates.unowned('F:\tdrivers/xen/\nF:\tlib/?.c\n', patch) == []


def test_kernel_doc(tmp_path):
    write(tmp_path, 'a.c', '\n/**\n * f() - x\n */\n')
    write(tmp_path, 'b.c', 'int a;\n')
    good = write(tmp_path, 'good', '#!/bin/sh\nexit 0\n')
    bad = write(tmp_path, 'bad', '#!/bin/sh\necho "a.c:1 warning: no return" >&2\n')
    for path in (good, bad):
        path.chmod(0o755)
    assert gates.kernel_doc(str(good), tmp_path, ['a.c']) == (1, 'comments in 1 files', [], '')
    assert gates.kernel_doc(str(bad), tmp_path, ['a.c']).problems
    assert gates.kernel_doc(str(good), tmp_path, ['b.c']).count == 0


@pytest.mark.parametrize('peer', ['drivers/xen/privcmd.o', 'drivers/xen/xenfs/super.o', 'arch/x86/xen/vga.o',
                                  'drivers/block/xen-blkback/blkback.o', 'drivers/net/xen-netback/rx.o'])
def test_objects(peer):
    ours = {'arch/x86/xen/setup.o', 'drivers/xen/privcmd/device.o', 'drivers/xen/blkback/ring.o'}
    assert not gates.objects(ours).problems
    assert gates.objects(ours | {peer}).problems == [f'{peer} is linked']
    assert gates.objects({'a.o'}).problems


def test_instrumented(tmp_path):
    code = 'int first(int *from) { return *from; }'
    objects = {f'drivers/xen/blkback/{name}.o': flags
               for name, flags in (('good', ['-fsanitize=kernel-address']), ('bad', []), ('protocol_test', []))}
    for name, flags in objects.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(['gcc', *flags, '-xc', '-c', '-', '-o', tmp_path / name], input=code, text=True, check=True)
    wrong = [f'drivers/xen/blkback/{name}.o is not instrumented' for name in ('bad', 'protocol_test')]
    assert gates.instrumented(tmp_path, objects, []) == wrong[:1]
    assert gates.instrumented(tmp_path, objects, ['drivers/xen/%']) == wrong
    # What handles requests has to be, whatever is left out.
    assert gates.instrumented(tmp_path, objects, ['drivers/xen/%'], ['%/bad.o', '%/protocol_test.o']) == wrong[:1]
    good = {'drivers/xen/blkback/good.o'}
    assert not gates.instrumented(tmp_path, good, ['drivers/xen/%', 'drivers/xen/blkback/good.o'])
    assert gates.instrumented(tmp_path, good, ['lib/%']) == ['nothing of lib/% is linked']
    assert gates.instrumented(tmp_path, good, [], ['lib/a.o']) == ['nothing of lib/a.o is linked']
    assert gates.instrumented(tmp_path, {'drivers/xen/manage.o'}, [])


@pytest.mark.parametrize('how, wanted', [
    ({}, {'drivers/xen/blkback/ring.o', 'kernel/workqueue.o'}),
    ({'instrument': ()}, {'drivers/xen/blkback/ring.o', 'drivers/xen/events/events_fifo.o', 'kernel/workqueue.o', 'kernel/fork.o'}),
])
def test_what_kasan_instruments(tmp_path, monkeypatch, how, wanted):
    """By the object, through a make below a make, as kbuild does it."""
    monkeypatch.setattr(build, 'CACHE', tmp_path)
    names = 'drivers/xen/blkback/ring.o drivers/xen/p2m.o drivers/xen/events/events_fifo.o kernel/workqueue.o kernel/fork.o'
    write(tmp_path, 'Makefile', f'all: ; @$(MAKE) -f below {names}\n')
    write(tmp_path, 'below', """target-stem = $(basename $(notdir $@))
KASAN_SANITIZE_p2m.o := n
%.o: ; @echo $(if $(patsubst n%,,$(KASAN_SANITIZE_$(target-stem).o)$(KASAN_SANITIZE)y),$@)
""")
    said = subprocess.run(build.make(tmp_path, tmp_path, 'all', **how), env={'PATH': os.environ['PATH']},
                          stdout=subprocess.PIPE, text=True, check=True)
    assert set(said.stdout.split()) == wanted


class FakeTree:
    """What a compile printed and left behind, for the gates that read it."""

    def __init__(self, out, lines, built=('a',), done=True, units=('drivers/xen/a.c',)):
        self.out, self.src, self.lines, self.done, self.units, self.compiled = out, out, lines, done, units, []
        self.added = ['drivers/xen/a.c', 'drivers/xen/a.h', 'drivers/xen/kasan.c']
        self.changed = {'include/c.h': {3, 4}}
        for unit in units:
            write(out, unit, '#ifdef CONFIG_KASAN' if 'b.c' in unit else '')
        for name in built:
            write(out, f'drivers/xen/{name}.o', '')

    objects = compiled.Tree.objects
    ours = compiled.Tree.ours

    def compile(self, _log, *_flags, objects=None):
        self.compiled = objects
        return self.done, self.lines


def test_warnings(tmp_path):
    def judged(tree, **kasan):
        return compiled.warnings(tree, FakeTree(tree.out / 'kasan', **{'lines': [], **kasan}))

    bad = ['/src/drivers/xen/a.h:3:2: warning: unused [-Wunused]', '/src/include/b.h:3:2: warning: not ours']
    assert judged(FakeTree(tmp_path / '1', bad[1:])) == (1, 'files', [], '')
    assert len(judged(FakeTree(tmp_path / '2', bad)).problems) == 1
    others = ['/src/include/c.h:3:2: warning: in our line', '/src/include/c.h:5:2: warning: in theirs']
    assert judged(FakeTree(tmp_path / '5', others)).problems == others[:1]
    assert judged(FakeTree(tmp_path / '3', [], built=())).problems
    assert judged(FakeTree(tmp_path / '4', [], done=False)).problems


@pytest.mark.parametrize('here, there, more, wanted', [
    ('ab', ('kasan', 'b'), {}, (3, 0)),
    ('ab', ('kasan', 'b'), {'lines': ['/src/drivers/xen/a.h:3:2: warning: unused']}, (3, 1)),
    ('ab', ('kasan', 'b'), {'done': False}, (3, 1)),
    ('ab', ('b',), {}, (2, 1)),
    ('b', ('a', 'kasan', 'b'), {}, (2, 1)),
])
def test_warnings_with_kasan(tmp_path, here, there, more, wanted):
    """Each file is for the tree without, but for what is for KASAN; and those that know of it are for both."""
    units = [f'drivers/xen/{name}.c' for name in ('a', 'b', 'kasan')]
    tree = FakeTree(tmp_path / '1', [], built=here, units=units)
    kasan = FakeTree(tmp_path / '2', **{'lines': [], 'built': there, 'units': units, **more})
    found = compiled.warnings(tree, kasan)
    assert (found.count, len(found.problems)) == wanted
    assert tree.compiled == ['drivers/xen/a.o', 'drivers/xen/b.o']
    assert kasan.compiled == ['drivers/xen/b.o', 'drivers/xen/kasan.o']


def test_sparse(tmp_path):
    line = '  CHECK   /src/drivers/xen/a.c'
    assert compiled.sparse(FakeTree(tmp_path, [line])) == (1, 'files', [], '')
    assert compiled.sparse(FakeTree(tmp_path, [line, '/src/drivers/xen/a.c:3:2: warning: symbol'])).problems
    skipped = compiled.sparse(FakeTree(tmp_path, ['warning: sparse is too old']))
    assert skipped.count == 0 and 'was not checked' in skipped.problems[0]


COCCI = '''// Options: --no-includes
virtual report
virtual patch
@r depends on report@ position p; @@
 bad@p()
@script:python depends on report@ p << r.p; @@
coccilib.report.print_report(p[0], "bad is called")
'''


def test_coccinelle(tmp_path):
    write(tmp_path, 'scripts/coccinelle/x/bad.cocci', COCCI)
    write(tmp_path, 'a.c', 'int f(void) { return good(); }\n')
    write(tmp_path, 'b.c', 'int f(void) { return bad(); }\n')
    assert compiled.coccinelle(tmp_path, ['a.c'], {}) == (1, 'semantic patches on 1 files', [], '')
    assert 'b.c:1' in compiled.coccinelle(tmp_path, ['b.c'], {}).problems[0]
    assert compiled.coccinelle(tmp_path, [], {}).count == 0
    assert not compiled.coccinelle(tmp_path, [], {'b.c': {2}}).problems
    assert compiled.coccinelle(tmp_path, [], {'b.c': {1}}).problems


@pytest.fixture
def configured(tmp_path, monkeypatch):
    """(folder of a source tree, a function that configures it and gives what did not take effect and the steps)."""
    src, out = tmp_path / 'src', tmp_path / 'out'
    made = []

    def fake(argv, _log, **_kw):
        made.append(argv[-1])
        if argv[-1] == 'olddefconfig':
            (out / '.config').write_text('CONFIG_A=y\nCONFIG_B=m\n# CONFIG_C is not set\n')
        else:
            (out / '.config').write_text('')
        return True

    def configure(text='CONFIG_A=y\nCONFIG_B=y\nCONFIG_C=y\n# CONFIG_D is not set\n'):
        del made[:]
        return build.configure(src, out, text, None)[1], made

    monkeypatch.setattr(build, 'run_logged', fake)
    for name in ('drivers/Kconfig', 'drivers/a.c'):
        write(src, name, 'one')
    util.git('init', '-q', cwd=src)
    util.git('add', '.', cwd=src)
    return src, configure


def test_option_that_took_no_effect(configured):
    _, configure = configured
    assert configure()[0] == {'CONFIG_B': ('y', 'm'), 'CONFIG_C': ('y', 'n')}
    assert not configure('CONFIG_A=y')[0]


def test_configures_only_what_changed(configured, monkeypatch):
    src, configure = configured
    assert configure()[1] == ['tinyconfig', 'olddefconfig']
    assert configure() == ({'CONFIG_B': ('y', 'm'), 'CONFIG_C': ('y', 'n')}, [])
    write(src, 'drivers/a.c', 'two')
    util.git('add', '.', cwd=src)
    assert not configure()[1]
    # While it is edited, each time; then once.
    write(src, 'drivers/Kconfig', 'two')
    assert configure()[1] and configure()[1]
    util.git('add', '.', cwd=src)
    assert configure()[1] and not configure()[1]
    write(src, 'drivers/new/Kconfig', 'one')
    assert configure()[1] and configure()[1]
    util.git('add', '.', cwd=src)
    assert configure()[1] and not configure()[1]
    assert configure('CONFIG_A=y')[1] and not configure('CONFIG_A=y')[1]
    (src.parent / 'out/.config').write_text('')
    assert configure('CONFIG_A=y')[1] and not configure('CONFIG_A=y')[1]
    monkeypatch.setattr(build, 'toolkey', lambda: 'another')
    assert configure('CONFIG_A=y')[1]


def test_compiler_cache_and_incbin(tmp_path, monkeypatch):
    """What is included as it is gets into the object, also the second time; C files come from the cache."""
    monkeypatch.setattr(build, 'CACHE', tmp_path / 'cache')
    environment = {**os.environ, **build.environment(), 'CCACHE_DIR': str(tmp_path / 'ccache')}

    def compiled(name, *more):
        subprocess.run([build.cc(), '-Wp,-MMD,' + name + '.d', *more, '-c', '-o', name + '.o', name],
                       cwd=tmp_path, env=environment, check=True)
        return (tmp_path / (name + '.o')).read_bytes()

    write(tmp_path, 'a.S', '.data\n.incbin "blob"\n')
    write(tmp_path, 'b.c', 'int b;\n')
    for blob in ('old blob', 'new blob'):
        write(tmp_path, 'blob', blob)
        assert blob.encode() in compiled('a.S')
        compiled('b.c')
    said = subprocess.run(['ccache', '--print-stats'], env=environment, text=True, capture_output=True, check=True).stdout
    assert 'direct_cache_hit\t1\n' in said, said


def test_new_symbols(tmp_path):
    write(tmp_path, 'p', '+config XEN_A\n+\ttristate "A"\n+\n+config XEN_B\n+\tbool\n context\n')
    patch = types.SimpleNamespace(path=tmp_path / 'p')
    assert prefixes.new_symbols([patch]) == {'CONFIG_XEN_A': 'm', 'CONFIG_XEN_B': 'y'}


def test_disk_too_small(tmp_path):
    with pytest.raises(util.Failure, match='this needs about 1'):
        util.need_space(tmp_path / 'not/there', 1e8, 'this')


def test_setup_names_the_missing_package(tmp_path):
    lacking = write(tmp_path, 'list', '# comment\nbash\n[image]\nnot-for-the-host\n[host]\nno-such-package-here\n')
    done = subprocess.run([SCRIPTS / 'setup', '--check'], text=True, capture_output=True, check=False,
                          env={**os.environ, 'DOM0_PACKAGES': str(lacking), 'DOM0_CACHE': str(tmp_path)})
    assert done.returncode == 1 and 'no-such-package-here' in done.stdout and 'not-for-the-host' not in done.stdout


@pytest.mark.parametrize('sections, overrides, wanted', (
    ('aab', (), [(0, 2), (2, 3)]),
    ('aaa', (1,), [(0, 1), (1, 3)]),
    ('aab', (2, 3), [(0, 2), (2, 3)]),
    ('a', (), [(0, 1)]),
    ('', (), []),
))
def test_stages(sections, overrides, wanted):
    """Where a series ends, or an override, is built; or else after each patch."""
    patches = [series.Patch(f'bases/lts/{"override" if number in overrides else "prelude"}/x', section)
               for number, section in enumerate(sections, 1)]
    assert prefixes.stages(patches, True) == wanted
    every = prefixes.stages(patches, False)
    assert every == [(number, number + 1) for number in range(len(sections))]


@pytest.mark.parametrize('bad, ends, named', [
    ((), False, None),
    ((2, 3, 4), False, 'patch 2'),
    ((3,), False, 'patch 3'),
    ((1, 2, 3, 4), False, 'patch 1'),
    ((), True, None),
    ((3, 4), True, 'patch 3 to patch 4'),
    ((2, 3, 4), True, 'patch 1 to patch 2'),
])
def test_prefix_to_blame(monkeypatch, tmp_path, bad, ends, named):
    tried, said = [], []

    def build_one(_base, commit, _text, before, after, _log):
        tried.append(commit)
        assert after == f'tree of {commit}^{{tree}}'
        assert before == f'tree of {commit - 1 - ends if commit > 1 + ends else "lts"}^{{tree}}'
        if commit in bad:
            raise util.Failure('does not build')
        return 0
    patches = [series.Patch(f'patch {number}', 'aabb'[number - 1]) for number in (1, 2, 3, 4)]
    monkeypatch.setattr(prefixes, 'VERDICTS', tmp_path)
    monkeypatch.setattr(prefixes, 'LOGS', tmp_path)
    monkeypatch.setattr(prefixes, 'build_one', build_one)
    monkeypatch.setattr(prefixes, 'git', lambda _what, revision: f'tree of {revision}')
    monkeypatch.setattr(prefixes, 'locked', lambda _name: contextlib.nullcontext())
    monkeypatch.setattr(prefixes, 'record', lambda _gate, ok, text: said.append(text) or ok)
    monkeypatch.setattr(prefixes.bases, 'commit', lambda base: base)
    monkeypatch.setattr(prefixes.series, 'for_base', lambda _base: patches)
    monkeypatch.setattr(prefixes.trees, 'chain', lambda _base, steps: list(zip(steps, (1, 2, 3, 4))))
    assert prefixes.build_prefixes('lts', ends) == (not bad)
    assert not named or said[0].startswith(f'{named} does')
    # Its verdicts are kept.
    tried.clear()
    prefixes.build_prefixes('lts', ends)
    assert not bad or tried[0] == bad[-1]
    assert bad or not tried
