"""Reading records: text with a bound on its size, plain values, then a record. All mistakes are listed at once, with their keys.

The layers: `bounded` reads files, `plain_values` makes values of YAML or JSON, this module makes records of values, and `writing`
writes them. What is wrong or damaged is a UsageError in one line that names file, key and what is expected.
"""

from __future__ import annotations

import contextlib
import dataclasses
import typing
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from hwasc.errors import UsageError
from hwasc.records.bounded import JSON_BYTES, YAML_BYTES, read_text
from hwasc.records.plain_values import check_plain, named, parse_json, parse_yaml, shown
from hwasc.records.value_types import wrong_scalars
from hwasc.records.writing import canonical, digest, plain, write_json, write_whole
from hwasc.suggestion import did_you_mean

__all__ = [
    "STRICT",
    "canonical",
    "check_plain",
    "digest",
    "parse",
    "parse_json",
    "parse_yaml",
    "plain",
    "read_json",
    "read_text",
    "read_yaml",
    "write_json",
    "write_whole",
]

T = TypeVar("T")
STRICT: dict[str, Any] = {"extra": "forbid"}  # set as __pydantic_config__ on every record
SHOWN = 8  # mistakes that a message lists
LONG = 400  # characters of a mistake
KNOWN = 20  # known keys that a message lists


def parse(cls: type[T], data: Any, where: str) -> T:
    """Validate plain values as a record.

    Args:
        cls: Type of the record.
        data: A mapping of keys to plain values.
        where: Where they come from, for messages.

    Returns:
        The record.

    Raises:
        UsageError: Lists every mistake: the key, what is wrong, and for an unknown key the nearest key of the record.
    """
    from pydantic import ValidationError

    if not isinstance(data, Mapping):
        raise UsageError(f"{where}: expected a mapping of keys to values, found {named(data)}")
    check_plain(data, where)
    wrong = {".".join(map(str, steps)): message for steps, message in wrong_scalars(cls, data)}
    lines = [f"{key}: {message}" for key, message in wrong.items()]
    try:
        record: T = _adapter(cast(Any, cls)).validate_python(dict(data))
    except ValidationError as e:
        # no values and addresses in its mistakes: it would copy them for each
        for mistake in _of_nearest_members(e.errors(include_url=False, include_context=False), data):
            key = ".".join(map(str, _steps(mistake, data)))
            if key not in wrong:
                lines.append(_explain(cls, mistake, data))
    if lines:
        lines = list(dict.fromkeys(lines))
        more = f"; and {len(lines) - SHOWN:,} more" if len(lines) > SHOWN else ""
        raise UsageError(f"{where}: " + " ".join("; ".join(lines[:SHOWN]).split()) + more)
    return record


@cache
def _adapter(cls: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(cls)


def _of_nearest_members(mistakes: Sequence[Any], data: Any) -> list[Any]:
    """The mistakes without those of other members of a union than the one that the values come nearest to."""
    members: dict[tuple[Any, ...], dict[Any, int]] = {}
    places = []
    for mistake in mistakes:
        inner, place = data, None
        for i, step in enumerate(mistake["loc"]):
            if _leads_on(inner, step):
                inner = inner[step]
            elif i < len(mistake["loc"]) - 1:  # the name of a member
                place = (mistake["loc"][:i], step)
                counts = members.setdefault(place[0], {})
                counts[step] = counts.get(step, 0) + 1
                break
        places.append(place)
    return [
        m
        for m, place in zip(mistakes, places, strict=True)
        if place is None or place[1] == min(members[place[0]], key=members[place[0]].__getitem__)
    ]


def _leads_on(data: Any, step: Any) -> bool:
    """Whether a step of a mistake's place is a key or an index of the values."""
    if isinstance(data, Mapping):
        return step in data
    return isinstance(data, (list, tuple)) and isinstance(step, int) and 0 <= step < len(data)


def _steps(mistake: Mapping[str, Any], data: Any) -> list[Any]:
    """The keys that lead to a mistake. pydantic puts names of types between them, which the values do not have."""
    steps: list[Any] = []
    for step in mistake["loc"]:
        if _leads_on(data, step):
            data = data[step]
            steps.append(step)
    if mistake["type"] in ("missing", "missing_argument"):
        steps.append(mistake["loc"][-1])
    return steps


def _explain(cls: type, mistake: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    steps = _steps(mistake, data)
    key = ".".join(str(s) if len(str(s)) <= 60 else f"{str(s)[:50]}..." for s in steps)
    at = f"{key}: " if key else ""  # the record as a whole has no key
    if mistake["type"] in ("unexpected_keyword_argument", "extra_forbidden") and steps:
        known = _known_keys(cls, steps[:-1], data)
        listed = ", ".join(known[:KNOWN]) + ", ..." * (len(known) > KNOWN)
        suggestion = did_you_mean(str(steps[-1])[:60], known) or (f" (known: {listed})" if known else "")
        return f"unknown key '{key}'{suggestion}"
    if mistake["type"] in ("missing", "missing_argument"):
        return f"key '{key}' is missing"
    message = mistake["msg"].removeprefix("Value error, ")
    if mistake["type"] in ("dataclass_type", "dict_type"):
        return f"{at}expected a mapping of keys to values, found {named(mistake.get('input'))}"
    if mistake["type"] in ("tuple_type", "list_type"):
        return f"{at}expected a list, found {named(mistake.get('input'))}"
    found = shown(mistake.get("input"))
    if len(message) > LONG:
        message = f"{message[:LONG]}..."
    return f"{at}{message[:1].lower()}{message[1:]}" + (f" (found {found})" if found else "")


def _known_keys(cls: Any, steps: list[Any], data: Any) -> list[str]:
    """The keys of the record at the end of the steps; records that come in kinds (`class_for`) go by what their values name."""
    for step in [*steps, None]:
        # look through Optional, tuple[...] and dict[...]
        while not (dataclasses.is_dataclass(cls) or hasattr(cls, "class_for")):
            inner = [a for a in typing.get_args(cls) if a not in (type(None), Ellipsis, str)]
            if not inner:
                return []
            cls = inner[-1]
        if hasattr(cls, "class_for") and not isinstance(step, int):
            cls = cls.class_for(data)
        if step is None:
            return [f.name for f in dataclasses.fields(cls)]
        with contextlib.suppress(KeyError, IndexError, TypeError):  # a step that only names a member of a union
            data = data[step]
        cls = typing.get_type_hints(cls).get(step, cls) if not isinstance(step, int) else cls
    return []


def read_json(path: Path, what: str) -> Any:
    """Read plain values from a JSON file.

    Args:
        path: The file.
        what: What it is, for messages.

    Returns:
        The values.

    Raises:
        UsageError: The file is missing, is too large, is not JSON (it names the place of the mistake) or holds what is refused.
    """
    return parse_json(read_text(path, what, JSON_BYTES), str(path))


def read_yaml(path: Path, what: str) -> Any:
    """Read plain values from a YAML file.

    Args:
        path: The file.
        what: What it is, for messages.

    Returns:
        The values.

    Raises:
        UsageError: The file is missing, is too large, is not YAML (it names the place of the mistake) or holds what is refused.
    """
    return parse_yaml(read_text(path, what, YAML_BYTES), str(path))
