"""Tables and lines that fit the terminal: headings become shorter, then columns go, in an order that the table states."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its heading.
        short: Its heading where there is less room; empty: the same.
        drop: When it is left out for lack of room: 1 goes first, then 2, and so on; 0 stays.
    """

    name: str
    short: str = ""
    drop: int = 0


def show(value: object) -> str:
    """Format a value for a table: thousands separated by commas, four digits of a float."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def width_of(console: Console) -> int | None:
    """The width that output has to fit: that of a terminal, or of COLUMNS; None for files and pipes, which take any.

    Args:
        console: Where to print.

    Returns:
        Characters.
    """
    return console.width if console.is_terminal or os.environ.get("COLUMNS", "").isdigit() else None


def wrapped(console: Console, text: str) -> str:
    """A line of text, broken between words where it is longer than the terminal is wide; what follows is indented.

    Args:
        console: Where it will be printed.
        text: One line.

    Returns:
        The lines.
    """
    width = width_of(console)
    if width is None or cell_len(text) <= width:
        return text
    indent = " " * (len(text) - len(text.lstrip()))
    return textwrap.fill(
        text.strip(),
        max(width, 20),
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def print_table(
    console: Console, columns: Sequence[str | Column], rows: Sequence[Sequence[object]], title: str = ""
) -> None:
    """Print a table: with rules in a terminal that has the room, one plain aligned line a row elsewhere.

    No cell is cut. Where a terminal is too narrow, headings become shorter, then columns are left out in their order, and a line
    says which. A table whose columns all stay has long texts and headings wrapped, numbers not; if it still does not fit it is
    printed as plain lines.

    Args:
        console: Where to print.
        columns: Names of the columns, or more of them. Columns of numbers are aligned to the right.
        rows: Cells of each row, as many as there are columns.
        title: Line above the table.
    """
    heads = [c if isinstance(c, Column) else Column(c) for c in columns]
    width = width_of(console)
    whole = _Cells.of(heads, rows)
    if console.is_terminal and width is not None:
        ruled = whole.ruled(title)
        measured = Measurement.get(console, console.options.update(width=10_000), ruled)
        wrapping = not any(head.drop or head.short for head in heads)
        if (measured.minimum if wrapping else measured.maximum) <= width:
            console.print(ruled)
            return
    if title:
        console.print(wrapped(console, title), markup=False, soft_wrap=True)
    forms = [whole] if width is None else list(whole.narrower())
    chosen = next((form for form in forms if width is None or form.width <= width), forms[-1])
    for line in chosen.lines():
        console.print(line, markup=False, soft_wrap=True)
    if left_out := [head.name for head in heads if head.name not in {h.name for h in chosen.heads}]:
        note = f"(no room for: {', '.join(left_out)}; a wider terminal, or | cat, shows them)"
        console.print(wrapped(console, note), markup=False, soft_wrap=True)


@dataclass(frozen=True)
class _Cells:
    """Formatted cells.

    Attributes:
        heads: The columns.
        names: Their headings, in full or short.
        numeric: Which are numbers.
        rows: Texts.
    """

    heads: list[Column]
    names: list[str]
    numeric: list[bool]
    rows: list[list[str]]

    @classmethod
    def of(cls, heads: list[Column], rows: Sequence[Sequence[object]]) -> _Cells:
        numeric = [bool(rows) and all(isinstance(row[i], (int, float)) for row in rows) for i in range(len(heads))]
        return cls(heads, [head.name for head in heads], numeric, [[show(value) for value in row] for row in rows])

    def narrower(self) -> Iterator[_Cells]:
        """This table, the one with short headings, and then those with one column less each."""
        yield self
        cells = _Cells(self.heads, [h.short or h.name for h in self.heads], self.numeric, self.rows)
        yield cells
        for head in sorted((h for h in self.heads if h.drop), key=lambda h: h.drop):
            cells = cells._without(head)
            yield cells

    def _without(self, head: Column) -> _Cells:
        keep = [i for i, other in enumerate(self.heads) if other is not head]
        heads, names, numeric = ([part[i] for i in keep] for part in (self.heads, self.names, self.numeric))
        return _Cells(heads, names, numeric, [[row[i] for i in keep] for row in self.rows])  # type: ignore[arg-type]

    @property
    def widths(self) -> list[int]:
        return [max(map(cell_len, column)) for column in zip(self.names, *self.rows, strict=True)]

    @property
    def width(self) -> int:
        return sum(self.widths) + 2 * (len(self.heads) - 1)

    def lines(self) -> Iterator[str]:
        for row in (self.names, *self.rows):
            padded = [
                " " * (width - cell_len(cell)) + cell if number else cell + " " * (width - cell_len(cell))
                for cell, width, number in zip(row, self.widths, self.numeric, strict=True)
            ]
            yield "  ".join(padded).rstrip()

    def ruled(self, title: str) -> Table:
        table = Table(title=Text(title) if title else None, title_justify="left", title_style="bold")
        for name, number in zip(self.names, self.numeric, strict=True):
            heading = Text(name.replace(" ", "\n") if number else name)  # numbers set the width of their column
            table.add_column(heading, justify="right" if number else "left", no_wrap=number, overflow="fold")
        for row in self.rows:
            table.add_row(*map(Text, row))
        return table
