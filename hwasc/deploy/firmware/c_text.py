"""Python values as C99 text: tables of integers, structs, floating-point literals."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import numpy as np

WIDTH = 120  # columns of a line
TYPES = {np.dtype(np.int8): "int8_t", np.dtype(np.int32): "int32_t"}


def table(name: str, values: np.ndarray) -> str:
    """A constant table of integers.

    Args:
        name: Of the table.
        values: int8 or int32, flat, at least one.

    Returns:
        Its definition.
    """
    text = ", ".join(map(str, values.tolist()))
    body = "\n".join(textwrap.wrap(text, WIDTH - 4, initial_indent="    ", subsequent_indent="    "))
    return f"static const {TYPES[values.dtype]} {name}[{len(values)}] = {{\n{body},\n}};\n"


def struct(fields: Mapping[str, object]) -> str:
    """A struct's initialiser.

    Args:
        fields: Values by name: integers, texts that are C expressions, or mappings, which are structs in it.

    Returns:
        The text in braces.
    """
    return "{" + ", ".join(f".{name} = {_value(value)}" for name, value in fields.items()) + "}"


def wrapped(text: str, *, indent: str = "") -> str:
    """Break a definition into lines, each after a comma.

    Args:
        text: The definition.
        indent: Of its first line; the others have four more spaces.

    Returns:
        The lines.
    """
    lines = [indent]
    for word in text.replace(", ", ", \n").split("\n"):
        if len(lines[-1]) + len(word.rstrip()) > WIDTH:
            lines.append(f"{indent}    ")
        lines[-1] += word
    return "\n".join(line.rstrip() for line in lines)


def floating(value: float) -> str:
    """A single-precision literal that is read back as the same number."""
    text = f"{np.float32(value):.9g}"
    return f"{text}f" if any(c in text for c in ".e") else f"{text}.0f"


def _value(value: object) -> str:
    return struct(value) if isinstance(value, Mapping) else str(value)


def string(text: str) -> str:
    """A C string literal in ASCII: whatever could end it, continue a line or begin a trigraph is escaped.

    Three octal digits each, because a hexadecimal escape would run on into the next character.

    Args:
        text: Any text.

    Returns:
        The literal.
    """
    escaped = (
        chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}" for b in text.encode(errors="replace")
    )
    return f'"{"".join(escaped)}"'
