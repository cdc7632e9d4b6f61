"""What the docstring of a record says of each of its keys, and the values that a key may have."""

from __future__ import annotations

import dataclasses
import inspect
import re
import typing
from typing import Annotated, Any, Literal

from hwasc.registry import Registry


def docs_of(cls: type) -> tuple[str, dict[str, str]]:
    """Read a record's docstring.

    Args:
        cls: A dataclass.

    Returns:
        What it says before its keys, and of each key (`key, other: meaning`, in sections or in running text), each as one
        paragraph.
    """
    text = re.split(r"\n\s*(?:Raises|Returns):", inspect.getdoc(cls) or "")[0]
    text = re.sub(r"(?m)^\s*(?:Args|Attributes):\s*$", "", text)
    names = "|".join(field.name for field in dataclasses.fields(cls))
    found = list(re.finditer(rf"(?:^|(?<=[.;:)]\s)|(?<=\n)\s*)((?:{names})(?:, (?:{names}))*):\s", text))
    ends = [*(m.start() for m in found), len(text)][1:]
    meanings = {}
    for match, end in zip(found, ends, strict=True):
        for name in match[1].split(", "):
            meanings[name] = _paragraph(text[match.end() : end])
    return _paragraph(text[: found[0].start()] if found else text), meanings


def choices_of(hint: Any) -> list[str]:
    """The values that a key may have, where they are a list.

    Args:
        hint: The key's type, with what it is annotated by.

    Returns:
        The names; empty for types of other values.
    """
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is Annotated:
        names = [name for known in arguments[1:] if isinstance(known, Registry) for name in known.names()]
        return names or choices_of(arguments[0])
    return [str(a) for a in arguments] if typing.get_origin(hint) is Literal else []


def _paragraph(text: str) -> str:
    return " ".join(text.split())
