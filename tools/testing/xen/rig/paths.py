# SPDX-License-Identifier: GPL-2.0-only
"""Where the rig keeps what it builds, and where it finds its own files."""

import os
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent


def cache_dir():
    """The cache folder: DOM0_CACHE, or the user's own cache directory."""
    given = os.environ.get("DOM0_CACHE")
    if given:
        return Path(given).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "dom0-linux"


def rig_cache():
    """The rig's own part of the cache folder, made on first use."""
    path = cache_dir() / "rig"
    path.mkdir(parents=True, exist_ok=True)
    return path
