# SPDX-License-Identifier: GPL-2.0-only
"""Kernel source packages from Debian, through apt and without root."""

import os
import re

from .util import CACHE, die, run, say

KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'
DOWNLOADS = CACHE / 'downloads'
APT = CACHE / 'apt'
SUITES = ('sid', 'experimental')


def newest(versions):
    """The newest of Debian's versions."""
    best = None
    for version in versions:
        if best is None or run(['dpkg', '--compare-versions', version, 'gt', best], check=False).returncode == 0:
            best = version
    return best


def mirror():
    """The URI of the Debian archive that this machine's own apt uses, whatever the form of its lists."""
    text = run(['apt-get', 'indextargets', '--format', '$(REPO_URI) $(ORIGIN) $(LABEL) $(RELEASE)',
                'Created-By: Packages'])
    rows = [line.split() for line in text.splitlines() if line.strip()]
    for uri, *words in rows:
        if words[:2] == ['Debian', 'Debian']:
            return uri
    # Before the first `apt-get update` apt knows no origin, only the place.
    for uri, *words in rows:
        if re.search(r'/debian/?$', uri) and not re.search(r'-(updates|backports|security)$', words[-1]):
            return uri
    return die('apt has no source for the Debian archive (see apt-get indextargets): add one, then run this again')


class Apt:
    """One set of apt lists: the machine's own, or a private one that leaves the machine's alone."""

    def __init__(self, suites=()):
        self.options = []
        if suites:
            self.options = self._private(suites)

    @staticmethod
    def _private(suites):
        if not os.path.exists(KEYRING):
            die(f'{KEYRING} is missing: install debian-archive-keyring')
        for part in ('etc/parts', 'lists/partial', 'cache/archives/partial'):
            (APT / part).mkdir(parents=True, exist_ok=True)
        uri = mirror()
        lines = [f'deb [signed-by={KEYRING}] {uri} {suite} main\n' for suite in suites]
        (APT / 'etc' / 'sources.list').write_text(''.join(lines))
        (APT / 'status').touch()
        return [
            '-o', f'Dir::Etc::SourceList={APT}/etc/sources.list', '-o', f'Dir::Etc::SourceParts={APT}/etc/parts',
            '-o', f'Dir::State::Lists={APT}/lists', '-o', f'Dir::Cache={APT}/cache',
            '-o', f'Dir::State::Status={APT}/status', '-o', 'Dir::Etc::Preferences=/dev/null',
            '-o', f'Dir::Etc::PreferencesParts={APT}/etc/parts', '-o', 'APT::Default-Release=',
            '-o', 'Acquire::Languages=none', '-o', 'APT::Sandbox::User=',
        ]

    def update(self):
        """Read the private lists again (the machine's own are the machine's business)."""
        done = run(['apt-get', *self.options, '-q', 'update'], check=False)
        if done.returncode or 'Failed to fetch' in done.stderr:
            die(f'apt cannot read the lists of {", ".join(SUITES)}:\n{done.stderr.strip()[-1500:]}')

    def versions(self, package):
        """Every version of a package that can be had."""
        text = run(['apt-cache', *self.options, 'madison', package])
        return [line.split('|')[1].strip() for line in text.splitlines() if '|' in line and 'Sources' not in line]

    def kernels(self):
        """The versioned linux-source packages on offer."""
        text = run(['apt-cache', *self.options, 'pkgnames', 'linux-source-'])
        return [name for name in text.split() if re.fullmatch(r'linux-source-\d+\.\d+', name)]

    def download(self, package, version):
        """The .deb in downloads/, fetched unless it is there, and checked by apt against the signed lists."""
        DOWNLOADS.mkdir(parents=True, exist_ok=True)
        wanted = DOWNLOADS / f'{package}_{version.replace(":", "%3a")}_all.deb'
        if wanted.exists():
            return wanted
        say(f'fetching {package} {version}, about 160 MB')
        options = [*self.options, '-o', 'APT::Sandbox::User=']
        done = run(['apt-get', *options, '-q', 'download', f'{package}={version}'], cwd=DOWNLOADS, check=False)
        if done.returncode or not wanted.exists():
            die(f'{package} {version} cannot be had:\n{(done.stderr or done.stdout).strip()[-1500:]}')
        return wanted


def find_lts(locked):
    """(apt, package, version) of the LTS base: the pinned version while Debian has it, else the newest."""
    apt, package = Apt(), locked.get('package', 'linux-source-6.12')
    versions = apt.versions(package)
    if not versions:
        die(f'apt knows no package {package}: it is part of Debian 12 (with its security updates). '
            'Run apt-get update, or add bookworm-security to apt\'s sources.')
    return apt, package, versions


def find_mainline(locked):
    """The same for the newest kernel of Debian's development suites."""
    apt = Apt(SUITES)
    say('reading the package lists of sid and experimental, about 20 s')
    apt.update()
    offers = {name: apt.versions(name) for name in apt.kernels()}
    if locked.get('version') in offers.get(locked.get('package'), ()):
        return apt, locked['package'], offers[locked['package']]
    best = max((name for name in offers if offers[name]),
               key=lambda name: [int(part) for part in name.rsplit('-', 1)[1].split('.')], default=None)
    if not best:
        die('neither sid nor experimental has a linux-source package')
    return apt, best, offers[best]
