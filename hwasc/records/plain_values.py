"""Text to plain values (mappings, lists, text, numbers, true or false, nothing), as YAML or JSON, and checks of such values.

What is refused, each in one line with its key: a repeated key, a key that is not text, a number that is not finite or beyond 64
bits, text with a null character, nesting or size beyond a bound, and in YAML tags, anchors, aliases and merge keys.
"""

from __future__ import annotations

import dataclasses
import json
import math
import numbers
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from hwasc.errors import UsageError
from hwasc.records.bounded import YAML_BYTES

DEPTH = 32  # levels of nesting; records have 8
VALUES = 4_000_000  # values in a file
TEXT = 4 << 20  # characters of one text
NUMBER = 100  # characters of one number
BITS = 64  # of a whole number, its sign included

# U+DC80 to U+DCFF stand for the bytes of a file name that is no UTF-8, and may be there
_HALF = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_BOOLEANS = {
    **dict.fromkeys(("yes", "true", "on"), True),
    **dict.fromkeys(("no", "false", "off"), False),
}


class _Loader(yaml.SafeLoader):
    """Nodes of YAML 1.1, without dates, numbers in base 60 and merge keys; 1e-5 is a number, too (YAML 1.1: 1.0e-5)."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise _refusal(
                "anchors (&) and aliases (*) are not read; write the value out, or put text in quotes", event
            )
        if event.tag is not None:
            raise _refusal("tags (!) are not read; put text in quotes", event)
        self._depth += 1
        if self._depth > DEPTH:
            raise _refusal(f"nested deeper than {DEPTH} levels", event)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


_PATTERNS = {
    "bool": (r"yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF", "yYnNtTfFoO"),
    "float": (
        r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?"
        r"|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)",
        "-+0123456789.",
    ),
    "int": (r"[-+]?(?:0b[0-1_]*[01]|0x[0-9a-fA-F_]*[0-9a-fA-F]|0|[1-9][0-9_]*|0[0-7_]+)", "-+0123456789"),
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
}
_Loader.yaml_implicit_resolvers = {}  # instead of those of SafeLoader
for _kind, (_pattern, _first) in _PATTERNS.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(f"^(?:{_pattern})$"), list(_first))


def parse_yaml(text: str, where: str = "YAML") -> Any:
    """Read YAML text.

    Args:
        text: One document.
        where: Where it comes from, for messages.

    Returns:
        Plain values.

    Raises:
        UsageError: It is not YAML, or holds what is refused.
    """
    if len(text) > YAML_BYTES:
        raise UsageError(f"{where}: is too long (expected at most {YAML_BYTES:,} characters)")
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        values = None if node is None else _value(node, where, "")
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise UsageError(f"{where}: not valid YAML ({place}{_flat(e.problem or str(e))})") from None
    except (yaml.YAMLError, ValueError, OverflowError) as e:  # also a character number that does not exist
        raise UsageError(f"{where}: not valid YAML ({_flat(str(e))})") from None
    finally:
        if loader is not None:
            loader.dispose()
    check_plain(values, where)
    return values


def parse_json(text: str | bytes, where: str = "JSON") -> Any:
    """Read JSON text.

    Args:
        text: The text.
        where: Where it comes from, for messages.

    Returns:
        Plain values.

    Raises:
        UsageError: It is not JSON, or holds what is refused.
    """
    try:
        values = json.loads(text, object_pairs_hook=_pairs, parse_int=_whole, parse_float=float, parse_constant=float)
    except _RepeatedKey as e:
        raise UsageError(f"{where}: key {_quoted(str(e))} is given twice; delete one") from None
    except RecursionError:
        raise UsageError(f"{where}: is nested deeper than {DEPTH} levels") from None
    except ValueError as e:
        raise UsageError(f"{where}: not valid JSON ({_flat(str(e))}); it may be truncated") from None
    check_plain(values, where)
    return values


def check_plain(values: Any, where: str) -> None:
    """Check plain values, which may hold records.

    Args:
        values: Any value.
        where: Where they come from, for messages.

    Raises:
        UsageError: Names the first key with a value that no record may have.
    """
    stack: list[tuple[Any, tuple[Any, ...]]] = [(values, ())]
    count = 0
    while stack:
        value, steps = stack.pop()
        count += 1
        if len(steps) > DEPTH:
            raise UsageError(f"{where}: is nested deeper than {DEPTH} levels")
        if count > VALUES:
            raise UsageError(f"{where}: holds more than {VALUES:,} values")
        if isinstance(value, Mapping):
            for key in value:
                if not isinstance(key, str):
                    raise UsageError(f"{_at(where, steps)}: key {key!r} is not text; put it in quotes"[:300])
                if wrong := _wrong_text(key):
                    raise UsageError(f"{_at(where, steps)}: a key {wrong}")
            stack.extend((v, (*steps, k)) for k, v in value.items())
        elif isinstance(value, (list, tuple)):
            stack.extend((v, (*steps, i)) for i, v in enumerate(value))
        elif wrong := _wrong(value):
            raise UsageError(f"{_at(where, steps)}: {wrong}")


def named(value: Any) -> str:
    """A plain value's kind in words, for messages."""
    kinds: tuple[tuple[Any, str], ...] = (
        (type(None), "nothing"),
        (bool, "true or false"),
        ((int, float), "a number"),
        (str, "text"),
        (Mapping, "a mapping"),
        ((list, tuple), "a list"),
    )
    return next((words for kind, words in kinds if isinstance(value, kind)), type(value).__name__)


def shown(value: Any) -> str:
    """A single value as messages show it, at most 60 characters; empty for mappings and lists."""
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    if not isinstance(value, (str, int, float)):
        return ""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:50]}..."


def listed(names: Iterable[str], most: int = 20) -> str:
    """Names with commas, for messages: at most so many of them, each at most 60 characters.

    Args:
        names: The names.
        most: How many are listed.

    Returns:
        One line.
    """
    all_names = [_flat(name, 60) for name in names]
    return ", ".join(all_names[:most]) + (f" and {len(all_names) - most:,} more" if len(all_names) > most else "")


class _RepeatedKey(Exception):
    """A mapping has a key twice."""


def _pairs(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) < len(pairs):
        keys = [k for k, _ in pairs]
        raise _RepeatedKey(next(k for k in keys if keys.count(k) > 1))
    return out


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= NUMBER else math.inf


def _value(node: yaml.Node, where: str, key: str) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node, f"{where}: {key}" if key else where)
    if isinstance(node, yaml.SequenceNode):
        return [_value(v, where, f"{key}.{i}" if key else str(i)) for i, v in enumerate(node.value)]
    out: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise _refusal("a key must be text, found a list or mapping", key_node)
        name = _scalar(key_node, where)
        if name == "<<" and key_node.style is None:
            raise _refusal("merge keys (<<) are not read; write the keys out", key_node)
        inner = f"{key}.{name}" if key else str(name)
        if name in out:
            line = key_node.start_mark.line + 1
            raise UsageError(f"{where}: key {_quoted(inner)} is given twice, again in line {line}; delete one")
        out[name] = _value(value_node, where, inner)
    return out


def _scalar(node: yaml.ScalarNode, where: str) -> Any:
    kind, text = node.tag.rpartition(":")[2], node.value
    if kind == "bool":
        return _BOOLEANS[text.lower()]
    if kind == "null":
        return None
    if kind not in ("int", "float"):
        return text
    if len(text) > NUMBER:
        raise UsageError(f"{where}: expected a number of at most {NUMBER} characters, found {len(text):,}")
    digits = text.replace("_", "")
    if kind == "int":
        sign, bare = (digits[0], digits[1:]) if digits[0] in "+-" else ("", digits)
        base = {"0b": 2, "0x": 16}.get(bare[:2], 8 if bare.startswith("0") and len(bare) > 1 else 10)
        return int(sign + (bare[2:] if base in (2, 16) else bare), base)
    number = math.inf if digits[-1] in "fFnN" else float(digits)  # .inf and .nan
    if not math.isfinite(number):
        raise UsageError(f"{where}: expected a finite number, found {text}")
    return number


def _refusal(problem: str, at: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=at.start_mark)


def _wrong(value: Any) -> str:
    """What is wrong with a single value; empty where nothing is."""
    if value is None or isinstance(value, (bool, Path)) or dataclasses.is_dataclass(value):
        return ""
    if isinstance(value, str):
        wrong = _wrong_text(value)
        return f"the text {wrong}" if wrong else ""
    if isinstance(value, int):
        bits = value.bit_length()
        return "" if bits < BITS else f"expected a whole number of {BITS} bits, found one of {bits + 1:,}"
    if isinstance(value, numbers.Real):  # numpy's are, too
        return "" if math.isfinite(value) else f"expected a finite number, found {value}"
    return f"expected text, a number, true, false, a list or a mapping, found {type(value).__name__}"


def _wrong_text(text: str) -> str:
    if len(text) > TEXT:
        return f"is longer than {TEXT:,} characters"
    if "\0" in text:
        return "holds a null character"
    if _HALF.search(text):
        return "holds half a character (a lone surrogate)"
    return ""


def _at(where: str, steps: Sequence[Any]) -> str:
    return f"{where}: {_flat('.'.join(map(str, steps)))}" if steps else where


def _quoted(key: str) -> str:
    return f"'{_flat(key)}'"


def _flat(text: str, most: int = 200) -> str:
    """One line, at most so many characters."""
    line = " ".join(str(text).split())
    return line if len(line) <= most else f"{line[: most - 10]}..."
