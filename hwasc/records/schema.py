"""Reading and writing records as JSON or YAML. Reading lists all mistakes at once, and suggests a key for an unknown one."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml

from hwasc.errors import UsageError
from hwasc.records import leftovers
from hwasc.suggestion import did_you_mean

T = TypeVar("T")
STRICT: dict[str, Any] = {"extra": "forbid"}  # set as __pydantic_config__ on every record


class _Loader(yaml.SafeLoader):
    """YAML that also reads 1e-5 as a number; YAML 1.1 requires 1.0e-5."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"^[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+|\.[0-9_]+(?:[eE][-+]?[0-9]+)?"
        r"|\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
    ),
    list("-+0123456789."),
)


def parse_yaml(text: str) -> Any:
    """Parse YAML text to plain values, without tags that make objects."""
    return yaml.load(text, Loader=_Loader)


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
    from pydantic import TypeAdapter, ValidationError

    if not isinstance(data, Mapping):
        raise UsageError(f"{where}: expected a mapping of keys to values, found {type(data).__name__}")
    try:
        return TypeAdapter(cls).validate_python(dict(data))
    except ValidationError as e:
        lines = [_explain(cls, m, data) for m in e.errors()]
        raise UsageError(f"{where}: " + "; ".join(dict.fromkeys(lines))) from None


def _explain(cls: type, mistake: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    steps = [
        s for s in mistake["loc"] if not (isinstance(s, str) and ("(" in s or "[" in s or s in ("int", "str")))
    ]  # drop pydantic's union tags
    key = ".".join(str(s) for s in steps) or "record"
    if mistake["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        known = _known_keys(cls, steps[:-1], data)
        suggestion = did_you_mean(str(steps[-1]), known) or (f" (known: {', '.join(known)})" if known else "")
        return f"unknown key '{key}'{suggestion}"
    if mistake["type"] in ("missing", "missing_argument"):
        return f"key '{key}' is missing"
    message = mistake["msg"].removeprefix("Value error, ")
    value = mistake.get("input")
    shown = f" (found {value!r})" if isinstance(value, (str, int, float, bool, type(None))) else ""
    return f"{key}: {message[:1].lower()}{message[1:]}{shown}"


def _known_keys(cls: Any, steps: list[Any], data: Any) -> list[str]:
    """The keys of the record at the end of the steps; records that come in kinds (`class_for`) go by what their values name."""
    import typing

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


def plain(record: Any) -> Any:
    """Convert a record to JSON-ready values: dataclasses to dicts, tuples to lists, paths to strings."""
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        values = {f.name: plain(getattr(record, f.name)) for f in dataclasses.fields(record)}
        # a record may leave out default values, or add its class's name
        return record.json_form(values) if hasattr(record, "json_form") else values
    if isinstance(record, Mapping):
        return {str(k): plain(v) for k, v in record.items()}
    if isinstance(record, (tuple, list)):
        return [plain(v) for v in record]
    return str(record) if isinstance(record, Path) else record


def canonical(record: Any) -> str:
    """Convert a record to canonical JSON text: sorted keys, no spaces. Equal records give equal texts."""
    return json.dumps(plain(record), sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(record: Any, length: int = 12) -> str:
    """Hash a record: SHA-256 of its canonical text.

    Args:
        record: A record, or JSON-ready values.
        length: Hexadecimal digits, 64 at most.

    Returns:
        The first digits of the hash.
    """
    return hashlib.sha256(canonical(record).encode()).hexdigest()[:length]


def read_text(path: Path, what: str) -> str:
    """Read a text file.

    Args:
        path: The file.
        what: What it is, for messages.

    Returns:
        The text.

    Raises:
        UsageError: The file is missing or cannot be read.
    """
    try:
        return Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no such {what}") from None
    except (OSError, UnicodeDecodeError) as e:
        raise UsageError(f"{path}: cannot be read as a {what} ({e})") from None


def read_json(path: Path, what: str) -> Any:
    """Read plain values from a JSON file.

    Args:
        path: The file.
        what: What it is, for messages.

    Returns:
        The values.

    Raises:
        UsageError: The file is missing, or is not JSON; it names the place of the mistake.
    """
    try:
        return json.loads(read_text(path, what))
    except ValueError as e:
        raise UsageError(f"{path}: not valid JSON ({e}); it may be truncated") from None


def read_yaml(path: Path, what: str) -> Any:
    """Read plain values from a YAML file.

    Args:
        path: The file.
        what: What it is, for messages.

    Returns:
        The values.

    Raises:
        UsageError: The file is missing, or is not YAML; it names the place of the mistake.
    """
    try:
        return parse_yaml(read_text(path, what))
    except yaml.YAMLError as e:
        raise UsageError(f"{path}: not valid YAML ({' '.join(str(e).split())})") from None


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file atomically: to a temporary file beside it, to disk, then renamed.

    Args:
        path: The file; missing folders are made.
        content: Text, written as UTF-8, or bytes.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # a name that is no UTF-8 is shown with \\udcXX in its place
    data = content.encode(errors="backslashreplace") if isinstance(content, str) else content
    handle, aside = leftovers.aside(path)
    try:
        with os.fdopen(handle, "wb") as f:
            f.write(data)
            f.flush()
            os.fsync(f.fileno())
        os.chmod(aside, 0o644)
        os.replace(aside, path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write values as indented JSON. The file appears only when it is complete.

    Args:
        path: The file.
        value: A record, or JSON-ready values.
    """
    write_whole(path, json.dumps(plain(value), indent=2) + "\n")
