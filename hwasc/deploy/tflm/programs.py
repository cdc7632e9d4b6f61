"""The example, the self-test and the CMake file, which are copied with the model's name in the place of theirs."""

from __future__ import annotations

import re
from pathlib import Path

SOURCES = Path(__file__).parent / "sources"
NAME = "student"  # in the sources
FILES = ("CMakeLists.txt", "example/main.cc", "selftest/main.cc")


def program_files(name: str) -> dict[str, str]:
    """Make the files.

    Args:
        name: Of the model.

    Returns:
        Texts by path within the export.
    """
    return {file: named((SOURCES / file).read_text(), name) for file in FILES}


def named(text: str, name: str) -> str:
    """Put a model's name in the place of the sources' own.

    Args:
        text: Of a source.
        name: Of the model.

    Returns:
        The text.
    """
    text = re.sub(rf"(?<![A-Za-z0-9]){NAME.upper()}(?=_)", name.upper(), text)
    return re.sub(rf"\b{NAME}(?![A-Za-z0-9])", name, text)
