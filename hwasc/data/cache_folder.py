"""Where the cache is by default."""

from __future__ import annotations

import os
from pathlib import Path


def default_cache() -> Path:
    """$HWASC_CACHE, or hwasc in the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("HWASC_CACHE") or Path(home) / "hwasc")
