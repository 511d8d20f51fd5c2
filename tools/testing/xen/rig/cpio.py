# SPDX-License-Identifier: GPL-2.0-only
"""Write "newc" archives, the format of an initramfs.

Written here rather than with cpio(1) because an archive needs a console
device node, which an unprivileged user cannot create on disk.
"""

import gzip
import os
import stat
from pathlib import Path


class Archive:
    """Collects files in memory; write() lays them out."""

    def __init__(self):
        self._entries = {}

    def _parents(self, name):
        for parent in reversed(Path(name).parents):
            parent = str(parent)
            if parent != "." and parent not in self._entries:
                self._entries[parent] = (stat.S_IFDIR | 0o755, b"", 0)

    def _put(self, name, mode, data, rdev=0):
        name = str(name).strip("/")
        self._parents(name)
        self._entries[name] = (mode, data, rdev)

    def directory(self, name, mode=0o755):
        self._put(name, stat.S_IFDIR | mode, b"")

    def symlink(self, name, target):
        self._put(name, stat.S_IFLNK | 0o777, os.fsencode(target))

    def console(self):
        """The one node that must exist before devtmpfs is mounted."""
        self._put("dev/console", stat.S_IFCHR | 0o600, b"", os.makedev(5, 1))

    def data(self, name, data, mode=0o644):
        if isinstance(data, str):
            data = data.encode()
        self._put(name, stat.S_IFREG | mode, data)

    def file(self, name, source, mode=None):
        """Adds a file, following symbolic links."""
        source = Path(source)
        if mode is None:
            mode = 0o755 if os.access(source, os.X_OK) else 0o644
        self.data(name, source.read_bytes(), mode)

    def tree(self, name, source):
        """Adds a directory with all it contains, links kept as links."""
        source = Path(source)
        for path in sorted(source.rglob("*")):
            inside = Path(name) / path.relative_to(source)
            if path.is_symlink():
                self.symlink(inside, os.readlink(path))
            elif path.is_dir():
                self.directory(inside)
            else:
                self.file(inside, path)

    def bytes(self):
        parts = []
        for ino, (name, (mode, data, rdev)) in enumerate(
                self._entries.items(), 1):
            parts.append(_record(ino, name, mode, data, rdev))
        parts.append(_record(0, "TRAILER!!!", 0, b"", 0))
        return b"".join(parts)

    def write(self, path, level=1):
        Path(path).write_bytes(gzip.compress(self.bytes(), level))


def _record(ino, name, mode, data, rdev):
    encoded = os.fsencode(name) + b"\0"
    nlink = 2 if stat.S_ISDIR(mode) else 1
    fields = (ino, mode, 0, 0, nlink, 0, len(data), 0, 0,
              os.major(rdev), os.minor(rdev), len(encoded), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _pad(header + encoded) + _pad(data)


def _pad(data):
    return data + b"\0" * (-len(data) % 4)
