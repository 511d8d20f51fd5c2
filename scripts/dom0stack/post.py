# SPDX-License-Identifier: GPL-2.0-only
"""The mails of one series, as they would be sent: cover letter, numbering, base, sign-off of whoever posts."""

import pathlib

from . import bases, series, trees
from .util import LINUX_GIT, die, identity, run, say

PLACE = '*** BLURB HERE ***'


def cover(section):
    """(subject, body) of a cover letter."""
    path = series.cover(section)
    if not path.exists():
        die(f'covers/{section}.md is missing: a series is not posted without a cover letter')
    lines = path.read_text().splitlines()
    subject = lines[0].lstrip('# ').strip() if lines else ''
    body = '\n'.join(line for line in lines[1:] if not line.startswith('Depends:')).strip()
    if not subject or not body:
        die(f'covers/{section}.md: the first line is the subject, the rest the letter')
    return subject, body


def post(section, version, out):
    """Write the mails; nothing is sent."""
    subject, body = cover(section)
    everything = series.mainline()
    need = series.depends(section)
    mine = [patch for patch in everything if patch.section == section]
    if not mine:
        die(f'the series has no section {section}: {", ".join(series.sections(everything))}')
    before = [patch for patch in everything if patch.section in need]
    start = trees.chain('mainline', before)[-1][1] if before else bases.commit('mainline')
    last = trees.chain('mainline', mine, parent=start)[-1][1]
    where = pathlib.Path(out, section).absolute()
    where.mkdir(parents=True, exist_ok=True)
    for old in where.glob('*.patch'):
        old.unlink()
    name, email = identity()
    env = {'GIT_COMMITTER_NAME': name, 'GIT_COMMITTER_EMAIL': email}
    text = run(['git', '--git-dir', LINUX_GIT, '-c', 'format.signature=', 'format-patch', '-n', '--signoff',
                '--cover-letter', '--thread=shallow', f'-v{version}', f'--base={start}', '-o', where,
                f'{start}..{last}'], env=env)
    letter = pathlib.Path(text.splitlines()[0])
    letter.write_text(letter.read_text().replace('*** SUBJECT HERE ***', subject).replace(PLACE, body))
    say(f'{len(text.splitlines())} mails in {where}, signed off by {name} <{email}>; nothing was sent.'
        + (f' They stand on {", ".join(need)}.' if need else ''))
