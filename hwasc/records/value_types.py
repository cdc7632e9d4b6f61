"""Numbers and flags in plain values: a flag is no number, and text is neither. pydantic alone would take `true` as 1."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from hwasc.records.plain_values import shown

_SCALARS = (bool, int, float, str)
_WORDS = {int: "a whole number", float: "a number", bool: "true or false"}


def wrong_scalars(of: Any, value: Any, steps: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Find the values that are not of the number, flag or text that a type asks for.

    Args:
        of: The type of a record or of a field.
        value: Plain values. Records among them were checked when they were made.
        steps: Keys that lead to the value.

    Yields:
        The keys that lead to a wrong value, and what is wrong.
    """
    members = _members(of)
    if isinstance(value, Mapping):
        found = [list(_in_mapping(m, value, steps)) for m in members if _takes_mapping(m)]
        yield from min(found, key=len, default=[])
    elif isinstance(value, (list, tuple)):
        found = [list(_in_list(m, value, steps)) for m in members if typing.get_origin(m) in (tuple, list)]
        yield from min(found, key=len, default=[])
    elif isinstance(value, _SCALARS) and not any(_accepts(m, value) for m in members):
        wanted = [m for m in (bool, int, float) if m in members]
        if wanted:
            others = ["text"] * (str in members) + ["nothing"] * (type(None) in members)
            # where text or nothing would do, too, a form of text was given that the record itself explains
            words = " or ".join([_WORDS[m] for m in wanted] + others)
            yield steps, f"expected {words}, found {shown(value)}"


def _in_mapping(of: Any, value: Mapping[str, Any], steps: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], str]]:
    if typing.get_origin(of) is dict:
        inner = typing.get_args(of)[1]
        for key, item in value.items():
            yield from wrong_scalars(inner, item, (*steps, key))
        return
    if hasattr(of, "class_for"):  # records that come in kinds
        try:
            of = of.class_for(value)
        except Exception:  # an unknown kind, which the record itself explains
            return
    for name, hint in _hints(of).items():
        if name in value:
            yield from wrong_scalars(hint, value[name], (*steps, name))


def _in_list(of: Any, value: Sequence[Any], steps: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], str]]:
    inner = typing.get_args(of)
    for i, item in enumerate(value):
        if len(inner) == 1 or inner[-1] is Ellipsis:
            yield from wrong_scalars(inner[0], item, (*steps, i))
        elif i < len(inner):
            yield from wrong_scalars(inner[i], item, (*steps, i))


def _takes_mapping(of: Any) -> bool:
    return dataclasses.is_dataclass(of) or hasattr(of, "class_for") or typing.get_origin(of) is dict


def _accepts(of: Any, value: Any) -> bool:
    """Whether a member of a type takes a single value, as far as numbers and flags go."""
    if of is bool:
        return isinstance(value, bool)
    if of is int:
        return (isinstance(value, int) and not isinstance(value, bool)) or (
            isinstance(value, float) and value.is_integer()
        )
    if of is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if of is str:
        return isinstance(value, str)
    return not (of is type(None) or _takes_mapping(of) or typing.get_origin(of) in (tuple, list))


@cache
def _hints(record: Any) -> dict[str, Any]:
    if not dataclasses.is_dataclass(record):
        return {}
    hints = typing.get_type_hints(record, include_extras=True)
    return {f.name: hints[f.name] for f in dataclasses.fields(record)}


def _members(of: Any) -> tuple[Any, ...]:
    """The types of a union, or the type alone."""
    if typing.get_origin(of) is typing.Annotated:
        return _members(typing.get_args(of)[0])
    if typing.get_origin(of) in (typing.Union, types.UnionType):
        return tuple(m for inner in typing.get_args(of) for m in _members(inner))
    return (of,)
