# SPDX-License-Identifier: GPL-2.0-only
"""Round trips, and every kind of drift that verify has to name."""

import subprocess

import pytest

from conftest import FILES


def test_everything_agrees(toy):
    said = toy.stack('verify')
    assert 'verify lts: 3 patches' in said and '1 overrides' in said
    assert 'canonical, view of 4 files equal' in said
    assert 'everything is exported' in toy.stack('unexported')


def test_an_empty_series_is_no_success(empty):
    assert 'nothing to verify' in empty.stack('verify', good=False)


def test_round_trip_repeats_ids_and_bytes(toy):
    before = {path.name: path.read_bytes() for path in (toy.top / 'patches').iterdir()}
    for _ in range(2):
        toy.stack('materialise')
        first = toy.git('rev-parse', 'stack/mainline')
        toy.stack('materialise', '--force')
        assert toy.git('rev-parse', 'stack/mainline') == first
    toy.stack('export')
    assert {path.name: path.read_bytes() for path in (toy.top / 'patches').iterdir()} == before
    assert '## 20-two\n0003-xen-Add-second.patch' in (toy.top / 'series').read_text()


def test_no_sign_off_is_stored(toy):
    toy.commit('xen: Add third\n\nWhy.\n\nSigned-off-by: A <a@localhost>', {'drivers/xen/third.c': '3\n'})
    toy.stack('export')
    assert 'Signed-off-by' not in toy.patch(4).read_text()


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def swap(toy):
    one, three = toy.patch(1).name, toy.patch(3).name
    text = (toy.top / 'series').read_text()
    (toy.top / 'series').write_text(text.replace(one, 'X').replace(three, one).replace('X', three))


DRIFTS = {
    'edited view': (lambda t: edit(t.top / 'drivers/xen/first.c', 'first', 'last'),
                    'drivers/xen/first.c in the view differs', '0001-xen-Add-first.patch'),
    'stray file': (lambda t: (t.top / 'drivers/xen/stray.c').write_text('x\n'), 'drivers/xen/stray.c', 'no patch makes it'),
    'missing file': (lambda t: (t.top / 'drivers/xen/two/second.c').unlink(),
                     'drivers/xen/two/second.c is missing', '0003-xen-Add-second.patch'),
    'not in series': (lambda t: edit(t.top / 'series', '0002-xen-Change-core.patch\n', ''),
                      'patches/0002-xen-Change-core.patch is not in series', ''),
    'not in patches': (lambda t: t.patch(2).unlink(), '0002-xen-Change-core.patch', 'not in patches/'),
    'twice in series': (lambda t: edit(t.top / 'series', t.patch(1).name, t.patch(1).name + '\n' + t.patch(1).name),
                        'twice', '0001-xen-Add-first.patch'),
    'wrong context': (lambda t: edit(t.patch(2), ' line 29\n', ' line 2x\n'), '0002-xen-Change-core.patch', 'does not apply'),
    'wrong offset': (lambda t: edit(t.patch(3), '@@ -18,6 +18,7 @@', '@@ -16,6 +16,7 @@'),
                     '0003-xen-Add-second.patch is not canonical', ''),
    'trailing blank': (lambda t: edit(t.patch(1), '+first', '+first '), '0001-xen-Add-first.patch', 'trailing whitespace'),
    'changed message': (lambda t: edit(t.patch(1), 'Subject: [PATCH] xen: Add first', 'Subject: [PATCH] xen: Add  it'),
                        'this patch is called', '0001-xen-Add-first.patch'),
    'swapped order': (swap, 'by its place and subject this patch is called', 'patch'),
    'no link for quilt': (lambda t: (t.top / 'patches/series').unlink(), 'patches/series', 'link'),
}


@pytest.mark.parametrize('name', DRIFTS)
def test_drift_is_named(toy, name):
    plant, *expected = DRIFTS[name]
    plant(toy)
    said = toy.stack('verify', 'mainline', good=False)
    for text in expected:
        assert text in said


def test_stale_override_is_named(toy):
    edit(toy.patch(2), 'Body.', 'Another body.')
    said = toy.stack('verify', 'lts', good=False)
    assert 'bases/lts/override/0002-xen-Change-core.patch overrides' in said and 'has changed since' in said


def test_override_follows_a_new_number(toy):
    where = toy.cache / 'work/mainline'
    toy.stack('materialise')
    toy.git('update-ref', 'refs/heads/stack/old', 'refs/heads/stack/mainline')
    # A patch in front of the others moves all their numbers.
    rows = toy.git('log', '--reverse', '--format=%H', 'base/mainline..stack/mainline').split()
    run = subprocess.run
    run(['git', '-C', where, 'reset', '-q', '--hard', rows[0]], check=True, env=toy.env)
    toy.commit('xen: Add zeroth', {'drivers/xen/zeroth.c': '0\n'})
    run(['git', '-C', where, 'cherry-pick', '--allow-empty', *rows[1:]], check=True, env=toy.env)
    toy.stack('export')
    assert (toy.top / 'bases/lts/override/0003-xen-Change-core.patch').exists()
    assert 'ok   verify lts: 4 patches' in toy.stack('verify')


def test_unexported_work_is_told_and_kept(toy):
    toy.commit('xen: Add third', {'drivers/xen/third.c': '3\n'})
    (toy.cache / 'work/mainline/drivers/xen/core.c').write_text('edited\n')
    said = toy.stack('unexported', good=False)
    assert 'not exported: "xen: Add third" (20-two)' in said and 'not committed:  M drivers/xen/core.c' in said
    assert 'not exported' in toy.stack('materialise', good=False)


def test_commit_before_any_section_is_refused(empty):
    empty.stack('materialise')
    empty.commit('xen: Add first', {'drivers/xen/first.c': 'first\n'})
    assert 'stands before the first marker' in empty.stack('export', good=False)


def test_newer_base_takes_the_series_and_says_so(toy):
    newer = {**FILES, 'drivers/xen/Kconfig': 'new line\n' + FILES['drivers/xen/Kconfig']}
    toy.base('mainline', newer, pin=False)
    assert 'it applies all the same' in toy.stack('verify', 'mainline')


def test_newer_base_fails_where_a_patch_no_longer_applies(toy):
    newer = {**FILES, 'drivers/xen/core.c': FILES['drivers/xen/core.c'].replace('line 30\n', '')}
    toy.base('mainline', newer, pin=False)
    assert '0002-xen-Change-core.patch does not apply' in toy.stack('verify', 'mainline', good=False)


def test_post_signs_and_uses_the_cover(toy):
    (toy.top / 'covers').mkdir()
    (toy.top / 'covers/20-two.md').write_text('xen: the second\nDepends: 10-one\n\nWhy two.\n')
    toy.stack('post', '20-two', '--out', str(toy.top / 'outgoing'))
    mails = sorted((toy.top / 'outgoing/20-two').iterdir())
    assert len(mails) == 2
    assert 'xen: the second' in mails[0].read_text() and 'Why two.' in mails[0].read_text()
    assert 'Signed-off-by: ' in mails[1].read_text() and 'base-commit' in mails[0].read_text()
