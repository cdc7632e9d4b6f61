"""One odd file of the corpus, and what reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Case:
    """A small file that once did harm.

    Attributes:
        name: File name; its suffix decides how it is read.
        content: Its bytes.
        read: Reads the file at a path, as the commands do.
        fine: Whether it can be used; otherwise it must be refused in a line that names it.
    """

    name: str
    content: bytes
    read: Callable[[Path], object]
    fine: bool = False
