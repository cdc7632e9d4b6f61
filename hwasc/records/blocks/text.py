"""The one-line text of a block: its kind, then each field as letters and a value, e.g. `ir_k3_s2x1_e96_c32_skip`. No torch.

Fields are whole numbers, strides, flags or GRN. A flag is written as its letters, or not at all; so is GRN, where there is none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_args, get_type_hints

from hwasc.errors import UsageError
from hwasc.records.blocks.units import GRN, Stride


def write(kind: str, letters: Mapping[str, str], values: Mapping[str, Any]) -> str:
    """The text of a block with these fields.

    Args:
        kind: Name of the kind.
        letters: For each field the letters before its value, in the order of the text.
        values: Of each field.

    Returns:
        The text.
    """
    return "_".join([kind, *filter(None, (_written(lead, values[name]) for name, lead in letters.items()))])


def read(text: str, record: type, kind: str, letters: Mapping[str, str]) -> dict[str, Any]:
    """The fields that a text names, as plain values for `schema.parse`.

    Args:
        text: Of a block of this kind.
        record: The dataclass of the kind.
        kind: See `write`.
        letters: See `write`.

    Returns:
        Values by field.

    Raises:
        UsageError: The text has another form.
    """
    types = get_type_hints(record)
    forms = [_form(name, lead, types[name]) for name, lead in letters.items()]
    found = re.fullmatch(re.escape(kind) + "".join(pattern for pattern, _ in forms), text)
    if not found:
        raise UsageError(f"'{text}' is no block; expected {kind}{''.join(example for _, example in forms)}")
    values = {name: _read(found[name], types[name]) for name in letters}
    return {name: value for name, value in values.items() if value is not None}


def _written(lead: str, value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return lead if value else ""
    if isinstance(value, tuple):
        return f"{lead}{value[0]}" if value[0] == value[1] else f"{lead}{value[0]}x{value[1]}"
    if isinstance(value, GRN):
        return "-".join([lead, *(str(getattr(value, f.name)) for f in fields(value))])
    return f"{lead}{value}"


def _form(name: str, lead: str, of: Any) -> tuple[str, str]:
    """A regular expression for what `_written` gives, and how an error shows it."""
    if of is bool:
        return f"(?P<{name}>_{lead})?", f"[_{lead}]"
    if of is int:
        return rf"_{lead}(?P<{name}>[0-9]{{1,9}})", f"_{lead}.."
    if of == Stride:
        return rf"_{lead}(?P<{name}>[0-9](?:x[0-9])?)", f"_{lead}.."
    if GRN in get_args(of):
        return rf"(?:_{lead}-(?P<{name}>\w+-\w+-\w+))?", f"[_{lead}-..-..-..]"
    raise TypeError(f"field {name}: expected int, bool, Stride or GRN | None in the text of a block, found {of}")


def _read(text: str | None, of: Any) -> Any:
    if text is None:
        return None
    if of is bool:
        return True
    if of == Stride:
        parts = text.split("x")
        return (int(parts[0]), int(parts[-1]))
    if GRN in get_args(of):
        return dict(zip((f.name for f in fields(GRN)), text.split("-"), strict=True))
    return int(text)
