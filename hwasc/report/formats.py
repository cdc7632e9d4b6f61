"""Formats of numbers and foreign text in a report: thousands separated, bytes also as KiB, accuracies in per cent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import PurePath

ABSENT, MINUS, TIMES = "\u2013", "\u2212", "\u00d7"


def clean(text: object) -> str:
    """Text that XML and UTF-8 can hold: control characters and lone surrogates (odd file names) become U+FFFD."""
    replaced = (c if c in "\n\t" or ((c.isprintable() or c.isspace()) and ord(c) > 31) else "\ufffd" for c in str(text))
    return "".join(replaced)


def short(text: object, width: int) -> str:
    """Clean text on one line.

    Args:
        text: Any text.
        width: The most characters; longer text is cut.

    Returns:
        The line.
    """
    line = " ".join(clean(text).split())
    return line if len(line) <= width else line[: width - 1] + "…"


def count(value: float | None) -> str:
    """A count, e.g. `29,419,156`."""
    return ABSENT if value is None else f"{value:,.0f}".replace("-", MINUS)


def data_name(data: object) -> str:
    """A data set in a title: the folder's own name, where the user named a path."""
    return short(PurePath(str(data)).name or data, 60)


def plural(number: int, noun: str) -> str:
    """A count with its noun, e.g. `1 trial`, `60 trials`.

    Args:
        number: The count.
        noun: In the singular; the plural adds an s.

    Returns:
        The text.
    """
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def millions(value: float) -> str:
    """A count in short, e.g. `29.4 M`, `331 k`."""
    if value >= 1e6:
        return f"{value / 1e6:,.3g} M" if value < 1e9 else f"{value / 1e9:,.3g} G"
    return f"{value / 1e3:,.3g} k" if value >= 1e3 else f"{value:,.0f}"


def kib(value: float) -> str:
    """Bytes in short, e.g. `206.0 KiB`; below one KiB in bytes."""
    return f"{value / 1024:,.1f} KiB" if abs(value) >= 1024 or not value else f"{value:,.0f} B"


def size(value: float | None) -> str:
    """Bytes exactly and in KiB, e.g. `210,944 B (206.0 KiB)`."""
    if value is None:
        return ABSENT
    exact = f"{value:,.0f} B".replace("-", MINUS)
    return exact if abs(value) < 1024 else f"{exact} ({kib(abs(value))})"


def percent(share: float | None, digits: int = 1) -> str:
    """A share in per cent, e.g. `57.0 %`.

    Args:
        share: 0..1; None and NaN become a dash.
        digits: After the decimal point.

    Returns:
        The text.
    """
    return ABSENT if share is None or not math.isfinite(share) else f"{100 * share:.{digits}f} %"


def points(difference: float | None) -> str:
    """A difference of two shares in percentage points, signed, e.g. `-0.4` with a true minus."""
    if difference is None or not math.isfinite(difference):
        return ABSENT
    return f"{100 * difference:+.1f}".replace("-", MINUS)


def decimal(value: float | None, digits: int = 3) -> str:
    """A plain figure such as a log loss.

    Args:
        value: The figure; None and NaN become a dash.
        digits: After the decimal point.

    Returns:
        The text.
    """
    return ABSENT if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def milliseconds(value: float) -> str:
    """A time in three digits, e.g. `38.2 ms`, `1,154 ms`."""
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.3g} ms"


def amount(name: str, value: float | None) -> str:
    """A cost in its unit: bytes for memories, milliseconds for a latency, a count for the rest.

    Args:
        name: Dotted name of the cost.
        value: The cost; None becomes a dash.

    Returns:
        The text.
    """
    if name == "latency_ms":
        return ABSENT if value is None else milliseconds(value)
    return size(value) if unit(name) == "B" else count(value)


def unit(name: str) -> str:
    """The unit of a cost by its dotted name: `B`, `ms`, or none for a count."""
    if name == "latency_ms":
        return "ms"
    return "B" if "memory" in name or name in ("flash", "arena", "ram") else ""


def shape(sizes: Sequence[int]) -> str:
    """Sizes of a tensor, kernel or stride, e.g. `64 x 33` with a true multiplication sign, without spaces."""
    return TIMES.join(map(str, sizes))
