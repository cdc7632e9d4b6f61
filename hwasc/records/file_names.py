"""File names as bytes: not every name is text in UTF-8, which some libraries want."""

from __future__ import annotations

import os
from pathlib import Path


def is_utf8(path: Path) -> bool:
    """Whether a path can be handed to a library that takes UTF-8 alone; otherwise it needs the file's content."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def for_c_library(path: Path) -> str | bytes:
    """A path as the system knows it: its bytes, where a name may be no text."""
    return str(path) if os.name == "nt" else os.fsencode(path)
