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


def test_folder_starts_as_a_copy(folders):
    ours, other = folders
    build.seed('lts', other)
    assert (other / 'a.o').read_text() == 'old' and not (other / '.built').exists()
    (other / 'a.o').write_text('own')
    for again in (True, False):
        build.seed('lts', other, again=again)
        assert (other / 'a.o').read_text() == 'own'


def test_nothing_to_copy(folders):
    ours, other = folders
    (ours / '.built').unlink()
    build.seed('lts', other, again=True)
    assert not other.exists()


@pytest.mark.parametrize('again', [True, False])
def test_folder_of_another_configuration(folders, again):
    """It starts anew only where that is asked for."""
    ours, other = folders
    build.seed('lts', other)
    (other / 'mine').touch()
    for name in ('.config', 'a.o'):
        (ours / name).write_text('new')
    build.seed('lts', other, again=again)
    assert ((other / 'a.o').read_text() == 'new') == again and (other / 'mine').exists() != again
