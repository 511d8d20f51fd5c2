# SPDX-License-Identifier: GPL-2.0-only
"""Folders that kernels are built in."""

import pytest

from dom0stack import build


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """(the folder of our kernel, another that is to start as a copy of it)"""
    monkeypatch.setattr(build, 'CACHE', tmp_path)
    ours = tmp_path / 'build/ours-lts'
    ours.mkdir(parents=True)
    for name in ('.config', '.built', 'a.o'):
        (ours / name).write_text('old')
    return ours, tmp_path / 'build/prefix-lts'


OPTION = 'CONFIG_A=y'


def test_folder_starts_as_a_copy(folders):
    ours, other = folders
    build.seed('lts', other)
    assert (other / 'a.o').read_text() == 'old' and not (other / '.built').exists()
    (other / 'a.o').write_text('own')
    for text in (None, ''):
        build.seed('lts', other, text)
        assert (other / 'a.o').read_text() == 'own'


def test_nothing_to_copy(folders):
    ours, other = folders
    (ours / '.built').unlink()
    build.seed('lts', other, '')
    assert not other.exists()


@pytest.mark.parametrize('text, config, marked, anew', [
    (OPTION, f'{OPTION}\n', True, True),
    (OPTION, f'{OPTION}\n', False, True),
    (None, f'{OPTION}\n', True, False),
    (OPTION, 'CONFIG_A=m\n', True, False),      # our kernel is an old one
    (OPTION, 'CONFIG_B=y\n', True, False),
    ('# CONFIG_Z is not set', 'CONFIG_B=y\n', True, True),
    ('', 'old', True, False),
    ('', 'old', False, True),                   # of before there were marks
])
def test_folder_of_another_configuration(folders, text, config, marked, anew):
    """It starts anew where that is asked for and of use."""
    ours, other = folders
    build.seed('lts', other)
    (other / 'mine').touch()
    if not marked:
        (other / '.seeded').unlink()
    (ours / '.config').write_text(config)
    (ours / 'a.o').write_text('new')
    build.seed('lts', other, text)
    assert ((other / 'a.o').read_text() == 'new') == anew and (other / 'mine').exists() != anew
