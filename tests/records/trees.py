"""Valid plain values of any record, and strategies that put odd values, keys and shapes anywhere into them."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from hwasc.records.blocks import Block

ODD: list[Any] = [
    None, True, False, 0, -1, 1, 3.5, 10**18, 10**30, 5e-324, 1e308, math.nan, math.inf, -math.inf, "", "x", "1", "nan", "1e999",
    "[bold]", "[/x]", "a\0b", "\ud800", "\udcff", "../x", "9" * 5000, [], {}, [[]], [1], [1, 2], ["a", "a"], {"a": 1},
    {"__class__": 1, "self": 2}, {1: 2}, {None: 3}, b"x", object,
]  # fmt: skip
KEYS = [
    "__class__",
    "__init__",
    "self",
    "cls",
    "int",
    "str",
    "a(b",
    "list[int]",
    "",
    "kind",
    "schema",
    "data",
    "[/x]",
    "x" * 500,
]


def example(of: Any) -> Any:
    """Plain values of a type, small and valid where the type alone decides that.

    Args:
        of: A record, or the type of a field.

    Returns:
        Plain values.
    """
    origin, inner = typing.get_origin(of), typing.get_args(of)
    if dataclasses.is_dataclass(of):
        hints = typing.get_type_hints(of)
        needed = [f.name for f in dataclasses.fields(of) if f.default is f.default_factory is dataclasses.MISSING]
        return {name: example(hints[name]) for name in needed}
    if origin in (typing.Union, types.UnionType):
        return example(inner[0])
    if origin is typing.Literal:
        return inner[0]
    if origin is dict:
        return {"k": example(inner[1])}
    if origin in (tuple, list):
        return [example(t) for t in inner if t is not Ellipsis]
    plain = {
        Block: {"kernel": 3, "expanded": 8, "channels": 8},
        int: 3,
        float: 0.5,
        str: "x",
        bool: True,
        Any: 1,
        Path: "x",
        type(None): None,
    }
    return plain[of]


def places(values: Any, steps: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The keys that lead to each of the values, the values as a whole included."""
    yield steps
    items = values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    for key, value in items:
        yield from places(value, (*steps, key))


@st.composite
def damaged(draw: st.DrawFn, values: Any) -> Any:
    """Plain values with one to three odd values, keys or shapes in them.

    Args:
        draw: Hypothesis'.
        values: Valid ones.

    Returns:
        Changed values.
    """
    for _ in range(draw(st.integers(1, 3))):
        steps = draw(st.sampled_from(list(places(values))))
        old = values
        for step in steps:
            old = old[step]
        kind = draw(st.sampled_from(["odd", "odd", "odd", "add", "remove", "wrap", "repeat", "text"]))
        new = copy.deepcopy(draw(st.sampled_from(ODD)))
        if kind == "add" and isinstance(old, dict):
            new = {**old, draw(st.sampled_from(KEYS)): new}
        elif kind == "remove" and isinstance(old, dict) and old:
            gone = draw(st.sampled_from(list(old)))
            new = {k: v for k, v in old.items() if k != gone}
        elif kind == "wrap":
            new = draw(st.sampled_from([[old], {"a": old}]))
        elif kind == "repeat":
            new = [old] * draw(st.integers(0, 3))
        elif kind == "text" and not isinstance(old, (dict, list)):
            new = json.dumps(old, default=str)
        values = _put(values, steps, new)
    return values


def _put(values: Any, steps: tuple[Any, ...], new: Any) -> Any:
    if not steps:
        return new
    values = copy.copy(values)
    values[steps[0]] = _put(values[steps[0]], steps[1:], new)
    return values
