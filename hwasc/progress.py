"""Output while a command runs: lines, tables, and progress bars (plain lines where there is no terminal)."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

PLAIN_EVERY = 20.0  # seconds between plain progress lines


class Update(Protocol):
    """A function that updates a progress bar."""

    def __call__(self, done: int, note: str = "") -> None:
        """Set the number of steps done, and a short note beside the bar."""


class Reporter:
    """Prints progress to standard error; standard output is reserved for results.

    Args:
        quiet: Print nothing.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self._said: set[str] = set()
        self.console = Console(file=sys.stderr, quiet=quiet, highlight=False, emoji=False, soft_wrap=True)

    def __reduce__(self) -> tuple[type[Reporter], tuple[bool]]:
        return Reporter, (True,)  # worker processes are quiet

    def say(self, text: str) -> None:
        """Print one line."""
        self.console.print(text, markup=False)

    def say_once(self, text: str) -> None:
        """Print one line, unless another line that is equal up to its first semicolon was printed before."""
        key = text.partition(";")[0]
        if key not in self._said:
            self._said.add(key)
            self.say(text)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Print a table; columns of numbers are aligned to the right.

        Args:
            title: Line above the table.
            columns: Names of the columns.
            rows: Cells of each row, as many as there are columns.
        """
        print_table(self.console, columns, rows, title)

    @contextlib.contextmanager
    def track(self, what: str, total: int) -> Iterator[Update]:
        """Show a progress bar with the time left.

        Args:
            what: Description of the work.
            total: Number of steps.

        Yields:
            A function that takes the number of steps done, and optionally a short note.
        """
        if self.quiet or total < 1:
            yield _no_update
        elif self.console.is_terminal:
            columns = (
                TextColumn("{task.description}", markup=False),  # it may hold names
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[note]}", markup=False),
            )
            with Progress(*columns, console=self.console) as bar:
                task = bar.add_task(what, total=total, note="")

                def update(done: int, note: str = "") -> None:
                    bar.update(task, completed=done, note=note)

                yield update
        else:
            yield _plain_lines(self.say, what, total)


def _no_update(done: int, note: str = "") -> None:
    """Show nothing."""


def _plain_lines(say: Callable[[str], None], what: str, total: int) -> Update:
    start = last = time.monotonic()

    def update(done: int, note: str = "") -> None:
        nonlocal last
        now = time.monotonic()
        # Short work prints nothing. The last line is printed only if there was one before it.
        if now - last < PLAIN_EVERY and not (done >= total and last > start):
            return
        last = now
        left = (now - start) / max(done, 1) * (total - done)
        say(f"{what}: {done}/{total}, {left:.0f} s left{', ' + note if note else ''}")

    return update


def show(value: object) -> str:
    """Format a value for a table: thousands separated by commas, four digits of a float."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def print_table(console: Console, columns: Sequence[str], rows: Sequence[Sequence[object]], title: str = "") -> None:
    """Print a table: with rules in a terminal, one plain aligned line a row elsewhere.

    No cell is cut. In a terminal, long texts and headings are wrapped, numbers are not; a table that still does not fit is
    printed as plain lines.

    Args:
        console: Where to print.
        columns: Names of the columns. Columns of numbers are aligned to the right.
        rows: Cells of each row, as many as there are columns.
        title: Line above the table.
    """
    numeric = [bool(rows) and all(isinstance(row[i], (int, float)) for row in rows) for i in range(len(columns))]
    cells = [[show(value) for value in row] for row in rows]
    if console.is_terminal:
        table = Table(title=Text(title) if title else None, title_justify="left", title_style="bold")
        for name, number in zip(columns, numeric, strict=True):
            heading = Text(name.replace(" ", "\n") if number else name)  # numbers set the width of their column
            table.add_column(heading, justify="right" if number else "left", no_wrap=number, overflow="fold")
        for row in cells:
            table.add_row(*map(Text, row))
        least = Measurement.get(console, console.options.update(width=10_000), table).minimum
        if least <= console.width:
            console.print(table)
            return
    if title:
        console.print(title, markup=False, soft_wrap=True)
    widths = [max(map(cell_len, column)) for column in zip(columns, *cells, strict=True)]
    for row in ([*columns], *cells):
        padded = [
            " " * (width - cell_len(cell)) + cell if number else cell + " " * (width - cell_len(cell))
            for cell, width, number in zip(row, widths, numeric, strict=True)
        ]
        console.print("  ".join(padded).rstrip(), markup=False, soft_wrap=True)
