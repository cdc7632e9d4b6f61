"""Names in an export: of its files, its namespace and its C functions. All carry the model's, so that two fit one program."""

from __future__ import annotations

import re
from pathlib import Path

from hwasc.errors import UsageError

FORMAT = "_tflm"  # the end of the default folder's name, which says nothing of the model
KEYWORDS = (
    "alignas alignof and asm auto bool break case catch char class const constexpr continue default delete do double else enum "
    "explicit export extern false float for friend goto if inline int long main mutable namespace new noexcept not nullptr "
    "operator or private protected public register return short signed sizeof static std struct switch template this throw true "
    "try typedef typename union unsigned using virtual void volatile while xor tflite scene model int8 int16 int32"
)
LONGEST = 40


def identifier(text: str) -> str:
    """Make a name for C and C++ of any text: lower-case letters, digits, single underscores.

    Args:
        text: Such as the name of a folder.

    Returns:
        The name.

    Raises:
        UsageError: There is no letter or digit in it.
    """
    name = re.sub("[^a-z0-9]+", "_", text.lower()).strip("_")[:LONGEST].strip("_")
    if not name:
        raise UsageError(f"'{text}' has no letter from a to z and no digit for names in C++; give one with --name")
    return f"model_{name}" if name[0].isdigit() or f" {name} " in f" {KEYWORDS} " else name


def name_of(out: Path) -> str:
    """The model's name from the folder that is written.

    Args:
        out: The folder.

    Returns:
        A name for C and C++.

    Raises:
        UsageError: There is no letter or digit in the folder's name.
    """
    text = out.resolve().name
    return identifier(text.removesuffix(FORMAT) or text)
