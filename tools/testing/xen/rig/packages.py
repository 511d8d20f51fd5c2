# SPDX-License-Identifier: GPL-2.0-only
"""Debian packages by name: resolved, downloaded and unpacked without root.

Nothing is installed.  apt resolves the names against an empty package
database, with the machine's own sources, into the cache folder; the
archives are then unpacked side by side.  Maintainer scripts do not run, so
neither a chroot nor a user namespace is needed.
"""

import os
import re
import subprocess
from pathlib import Path
from urllib.parse import unquote

from . import paths


class PackageError(Exception):
    """A package cannot be had; the message says which and why."""


def section(name):
    """The package names under [name] in packages.txt."""
    names, current = [], None
    for line in (paths.HERE / "packages.txt").read_text().splitlines():
        line = line.split("#")[0].strip()
        if re.fullmatch(r"\[.*\]", line):
            current = line[1:-1]
        elif line and current == name:
            names.append(line)
    if not names:
        raise PackageError(f"packages.txt lists nothing under [{name}]")
    return names


class Apt:
    """apt with its state in the cache folder and nothing installed."""

    def __init__(self, lists=None):
        self.home = paths.rig_cache() / "apt"
        self.archives = self.home / "archives"
        (self.archives / "partial").mkdir(parents=True, exist_ok=True)
        (self.home / "status").write_text("")
        self.lists = lists

    def _run(self, *args, cwd=None):
        command = [
            "apt-get", "-q",
            "-o", f"Dir::State::status={self.home}/status",
            "-o", f"Dir::State::extended_states={self.home}/extended",
            "-o", f"Dir::Cache::archives={self.archives}",
            "-o", f"Dir::Cache::pkgcache={self.home}/pkgcache.bin",
            "-o", f"Dir::Cache::srcpkgcache={self.home}/srcpkgcache.bin",
            "-o", "APT::Install-Recommends=false",
            "-o", "APT::Architecture=amd64",
            "-o", "APT::Sandbox::User=",
            "-o", "Debug::NoLocking=true",
            "-o", "Acquire::Retries=3",
        ]
        if self.lists:
            command += ["-o", f"Dir::State::lists={self.lists}"]
        done = subprocess.run(command + list(args), text=True, cwd=cwd,
                              stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            raise PackageError(f"apt-get {args[0]} failed:\n" +
                               _tail(done.stdout))
        return done.stdout

    def with_fresh_lists(self):
        """The same, on package lists fetched now into the cache folder."""
        lists = self.home / "lists"
        (lists / "partial").mkdir(parents=True, exist_ok=True)
        fresh = Apt(lists)
        fresh._run("update")
        return fresh

    def plan(self, names):
        """What installing @names would unpack: (name, version, arch)."""
        plan = self._run("install", "--simulate", "--yes", *names)
        found = re.findall(r"^Inst (\S+) \((\S+) .*\[(\S+)\]\)", plan, re.M)
        if not found:
            raise PackageError("apt resolved nothing for: " + " ".join(names))
        return sorted(found)

    def download(self, names):
        """Downloads what satisfies @names; returns the archives' paths."""
        self._run("install", "--download-only", "--yes", *names)
        return self._kept(self.plan(names))

    def download_some(self, names, wanted):
        """The same, but only of those packages that are @wanted."""
        plan = [package for package in self.plan(names) if wanted(package[0])]
        self._run("download", *(f"{name}={version}"
                                for name, version, _ in plan),
                  cwd=self.archives)
        return self._kept(plan)

    def _kept(self, plan):
        """The archives of the packages of a plan, all of which are there."""
        kept = {unquote(p.name): p for p in self.archives.glob("*.deb")}
        missing, files = [], []
        for name, version, arch in plan:
            file = f"{name.split(':')[0]}_{version}_{arch}.deb"
            if file in kept:
                files.append(kept[file])
            else:
                missing.append(file)
        if missing or not files:
            raise PackageError("not downloaded: " + " ".join(missing))
        return files


def _either(action):
    """Does it with the machine's package lists, else with fresh ones."""
    try:
        return action(Apt())
    except PackageError:
        return action(Apt().with_fresh_lists())


def download(names):
    """Downloads what @names need; returns the archives' paths."""
    return _either(lambda apt: apt.download(names))


def download_some(names, wanted):
    """Downloads those packages of what @names need that are @wanted."""
    return _either(lambda apt: apt.download_some(names, wanted))


def plan(names):
    """What @names need, one line a package, for use in a cache key."""
    return [" ".join(package)
            for package in _either(lambda apt: apt.plan(names))]


def unpack(archive, directory):
    Path(directory).mkdir(parents=True, exist_ok=True)
    subprocess.run(["dpkg-deb", "-x", str(archive), str(directory)],
                   check=True, env={**os.environ, "LC_ALL": "C"})


def _tail(text, lines=15):
    return "\n".join(text.rstrip().splitlines()[-lines:])
