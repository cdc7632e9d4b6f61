"""Files that the program wrote for itself and that may be damaged since: what cannot be read is set aside and made anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hwasc.errors import DataError

SUFFIX = ".damaged"


def usable(path: Path, read: Callable[[Path], object], say: Callable[[str], None]) -> bool:
    """Whether a file is there and can be read; a damaged one is renamed, so that it is made anew.

    Args:
        path: The file.
        read: Reads it and compares its checksum; raises DataError if it is damaged, with advice after a semicolon.
        say: Called with a line for the user where the file is damaged.

    Returns:
        Whether it can be used.
    """
    if not path.is_file():
        return False
    try:
        read(path)
    except DataError as e:
        path.replace(path.with_name(path.name + SUFFIX))
        say(f"{str(e).partition(';')[0]}; it is renamed to {path.name}{SUFFIX} and made anew")
        return False
    return True
