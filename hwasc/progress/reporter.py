"""Lines, tables and the progress of a command on standard error; plain lines where there is no terminal."""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from hwasc.progress.plan import Plan, Stage, duration
from hwasc.progress.tables import Column, print_table, wrapped

PLAIN_EVERY = 10.0  # seconds between plain progress lines
MEASURED = 3.0  # seconds of work from which a time is estimated: the first steps also start processes and load code
LONG = 60.0  # seconds; how long a stage takes is said if it takes longer
LOG = logging.getLogger("hwasc")


class Update(Protocol):
    """A function that updates a progress bar."""

    def __call__(self, done: int, note: str = "") -> None:
        """Set the number of steps done, and a short note beside the bar."""


class Reporter:
    """Prints progress to standard error; standard output is reserved for results.

    A command with a plan (`plan`, `stage`) has one line for all of its stages, with the time left for the whole. What single runs
    of steps (`track`) took is logged at the level INFO of the logger `hwasc`, which `--verbose` shows. Without a plan each run of
    steps has a bar.

    Args:
        quiet: Print nothing.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self._said: set[str] = set()
        self.console = Console(file=sys.stderr, quiet=quiet, highlight=False, emoji=False, soft_wrap=True)
        self._plan: Plan | None = None
        self._what = self._note = ""  # what goes on within the stage
        self._stated = False  # whether it was said how long the stage takes
        self._last = 0.0  # when a plain line was printed

    def __reduce__(self) -> tuple[type[Reporter], tuple[bool]]:
        return Reporter, (True,)  # worker processes are quiet

    def say(self, text: str) -> None:
        """Print one line."""
        self.console.print(wrapped(self.console, text), markup=False)

    def say_once(self, text: str) -> None:
        """Print one line, unless another line that is equal up to its first semicolon was printed before."""
        key = text.partition(";")[0]
        if key not in self._said:
            self._said.add(key)
            self.say(text)

    def table(self, title: str, columns: Sequence[str | Column], rows: Sequence[Sequence[object]]) -> None:
        """Print a table; columns of numbers are aligned to the right.

        Args:
            title: Line above the table.
            columns: Names of the columns.
            rows: Cells of each row, as many as there are columns.
        """
        print_table(self.console, columns, rows, title)

    @contextlib.contextmanager
    def plan(self, stages: Sequence[Stage]) -> Iterator[None]:
        """Show one line of progress for all stages of a command, in this block.

        Args:
            stages: In order; `stage` begins each by its name.

        Yields:
            None.
        """
        if self.quiet or self._plan is not None:
            yield
            return
        self._plan = Plan(stages)
        live = Live(console=self.console, get_renderable=self._line, transient=True, auto_refresh=True)
        try:
            with live if self.console.is_terminal else contextlib.nullcontext():
                yield
        finally:
            self._plan = None

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Do a stage of the plan in this block. A name that the plan does not have, or has behind it, changes nothing.

        Args:
            name: Of the stage.

        Yields:
            None.
        """
        plan = self._plan
        if plan is None or not plan.begin(name):
            yield
            return
        self._what = self._note = ""
        self._stated = False
        self._last = time.monotonic()
        plain, title = not self.console.is_terminal, plan.title
        if plain:
            self.say(title)
        yield
        took = duration(plan.seconds)
        plan.end()
        if plain:
            self.say(f"{title}: done in {took}")
        LOG.info("%s took %s", title, took)

    def expect(self, seconds: float) -> None:
        """State how long the present stage takes, as measured on its first steps; it is said if that is more than a minute.

        Args:
            seconds: From now on.
        """
        if self._plan is not None and self._plan.title:
            self._plan.expect(seconds)
            self._say_duration(self._plan)

    @contextlib.contextmanager
    def track(self, what: str, total: int, *, done: int = 0, minor: bool = False) -> Iterator[Update]:
        """Show how far a run of steps is, within the plan's line or as a bar of its own.

        Args:
            what: Description of the work.
            total: Number of steps.
            done: Steps that an earlier run did. They say nothing of the pace.
            minor: It is not what the present stage consists of, such as features that are not in the cache yet.

        Yields:
            A function that takes the number of steps done, and optionally a short note.
        """
        if self.quiet or total < 1:
            yield _no_update
            return
        began = time.monotonic()
        shown = (
            self._within(self._plan, what, total, done, minor=minor) if self._plan else self._alone(what, total, done)
        )
        with shown as update:
            yield update
        LOG.info("%s: %s in %.1f s", what, f"{total:,}", time.monotonic() - began)

    @contextlib.contextmanager
    def _within(self, plan: Plan, what: str, total: int, before: int, *, minor: bool) -> Iterator[Update]:
        def update(done: int, note: str = "") -> None:
            self._what, self._note = f"{what} {done:,}/{total:,}", note
            if not minor and plan.title:
                plan.advance(done / total)
                self._say_duration(plan)
            if not self.console.is_terminal and time.monotonic() - self._last >= PLAIN_EVERY:
                self._last = time.monotonic()
                self.say(str(self._line()))

        if before and not minor and plan.title:
            plan.skip(before / total)
        yield update
        if not minor:
            plan.end_part()
        self._what = self._note = ""

    @contextlib.contextmanager
    def _alone(self, what: str, total: int, before: int) -> Iterator[Update]:
        """Steps outside of a plan: a bar that goes when they are done, or plain lines."""
        if not self.console.is_terminal:
            yield _plain_lines(self.say, what, total, before)
            return
        columns = (
            TextColumn("{task.description}", markup=False),  # it may hold names
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
        )
        with Progress(*columns, console=self.console, transient=True) as bar:
            task = bar.add_task(what, total=total, completed=before, note="")
            yield lambda done, note="": bar.update(task, completed=done, note=note)

    def _say_duration(self, plan: Plan) -> None:
        if not self._stated and plan.stage_seconds is not None:
            self._stated = True
            if plan.stage_seconds > LONG:
                self.say(f"{plan.title}: takes about {duration(plan.stage_seconds)} on this machine")

    def _line(self) -> Text:
        plan = self._plan
        parts = [plan.line() if plan else "", self._what, self._note]
        return Text(" · ".join(part for part in parts if part), no_wrap=True, overflow="ellipsis")


def _no_update(done: int, note: str = "") -> None:
    """Show nothing."""


def _plain_lines(say: Callable[[str], None], what: str, total: int, before: int) -> Update:
    start = last = time.monotonic()
    stated = False

    def update(done: int, note: str = "") -> None:
        nonlocal last, stated
        now = time.monotonic()
        whole = (now - start) / max(done - before, 1) * (total - before)
        if done > before and not stated and now - start >= MEASURED:
            stated = True
            if whole > LONG:
                say(f"{what}: takes about {duration(whole)} on this machine")
        # Short work prints nothing. The last line is printed only if there was one before it.
        if now - last < PLAIN_EVERY and not (done >= total and last > start):
            return
        last = now
        say(f"{what}: {done}/{total}, {duration(whole - (now - start))} left{', ' + note if note else ''}")

    return update
