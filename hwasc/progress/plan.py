"""The stages of a command, and how long the rest of it takes: by their counted work, and by the time that was measured so far."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

AFTER_FIRST = 0.5  # a pace without the first step needs so much of the time that this step took
FIRST_TELLS = 0.05  # share of a stage from which its first step alone tells how long it takes


@dataclass(frozen=True)
class Stage:
    """A stage of a command.

    Attributes:
        name: For people.
        work: How much there is to do, in a unit that all stages of the command share, such as MACs; 0 where it hardly counts.
        parts: Work of the runs of steps (`Reporter.track`) that it has, one after the other, in any unit.
    """

    name: str
    work: float
    parts: tuple[float, ...] = (1.0,)


class Plan:
    """Where a command is, and what is left.

    What is left of the present stage follows from its own pace. Its first step may take long, as processes start and caches
    are filled, so the pace is counted from the end of this step as soon as enough time has passed. What is left of later
    stages is their work, at the seconds that a unit of work has taken so far. A stage in which nothing had to be done, as a
    cache had it, says nothing of the pace.

    Args:
        stages: In order.
        clock: Seconds.
    """

    def __init__(self, stages: Sequence[Stage], clock: Callable[[], float] = time.monotonic) -> None:
        self.stages, self._clock = tuple(stages), clock
        self._began = self._stage_began = clock()
        self._index = -1
        self._active = False
        self._expected: float | None = None  # s of the present stage
        self._fraction = self._before = 0.0  # of the present stage: what is done, and what of it an earlier run did
        self._first: tuple[float, float] | None = None  # end of the present stage's first step: s, share
        self._parts_done = 0
        self._measured = self._measured_work = 0.0  # of stages that are over
        self._percent = 0

    def begin(self, name: str) -> bool:
        """Begin a stage, and end the one before it.

        Args:
            name: Of the stage.

        Returns:
            Whether it is a later stage of the plan; if not, nothing changes.
        """
        index = next((i for i, s in enumerate(self.stages) if s.name == name and i > self._index), None)
        if index is None:
            return False
        self.end()
        self._index, self._stage_began, self._active = index, self._clock(), True
        return True

    def end(self) -> None:
        """End the present stage, if there is one."""
        if self._active and self._fraction > self._before:
            self._measured += self.seconds
            self._measured_work += self.stages[self._index].work * (1 - self._before)
        self._active, self._expected, self._first, self._parts_done = False, None, None, 0
        self._fraction = self._before = 0.0

    def expect(self, seconds: float) -> None:
        """State how long the present stage takes, as measured on its first steps.

        Args:
            seconds: From now on.
        """
        self._expected = self.seconds + seconds

    def skip(self, fraction: float) -> None:
        """State how much of the present part of the stage an earlier run did, before this run advances.

        Args:
            fraction: 0 to 1.
        """
        before = self._share(0.0)
        self.advance(fraction)
        self._before, self._first = min(self._before + self._share(fraction) - before, 1.0), None

    def advance(self, fraction: float) -> None:
        """State how much of the present part of the stage is done.

        Args:
            fraction: 0 to 1.
        """
        self._fraction = max(self._fraction, self._share(fraction))
        if self._first is None and self._fraction > self._before:
            self._first = self.seconds, self._fraction

    def _share(self, fraction: float) -> float:
        """Share of the stage that is done with so much of its present part."""
        parts, done = self.stages[self._index].parts, self._parts_done
        return min((sum(parts[:done]) + fraction * sum(parts[done : done + 1])) / sum(parts), 1.0)

    def end_part(self) -> None:
        """The present part of the stage is over."""
        self._parts_done += 1

    @property
    def title(self) -> str:
        """`stage 3/6 training`; empty between stages."""
        return f"stage {self._index + 1}/{len(self.stages)} {self.stages[self._index].name}" if self._active else ""

    @property
    def seconds(self) -> float:
        """Since the present stage began."""
        return self._clock() - self._stage_began

    @property
    def stage_seconds(self) -> float | None:
        """How long the present stage takes in all; None where that is not known yet."""
        if self._first is None or self._fraction <= self._before:
            return self._expected
        now, (ended, done) = self.seconds, self._first
        if self._fraction > done and now - ended >= AFTER_FIRST * ended:
            return ended + (now - ended) * (1 - done) / (self._fraction - done)
        if self._fraction - self._before >= FIRST_TELLS or self._fraction >= 1:
            return now * (1 - self._before) / (self._fraction - self._before)
        return self._expected

    @property
    def left(self) -> float | None:
        """Seconds until the command ends; None where that is not known yet."""
        whole = self.stage_seconds if self._active else 0.0
        present = self.stages[self._index].work * (1 - self._before) if self._active else 0.0
        spent = self._measured + (whole or 0.0)
        work = self._measured_work + (present if whole is not None else 0.0)
        ahead = sum(s.work for s in self.stages[self._index + 1 :])
        if work <= 0 and (ahead > 0 or whole is None):
            return None
        pace = spent / work if work > 0 else 0.0
        here = pace * present if whole is None else whole
        return (max(here - self.seconds, 0.0) if self._active else 0.0) + pace * ahead

    @property
    def percent(self) -> int:
        """Share of the command's time that is over, in percent; it never falls."""
        if (left := self.left) is not None:
            over = self._clock() - self._began
            self._percent = max(self._percent, min(int(100 * over / max(over + left, 1e-9)), 99))
        return self._percent

    def line(self) -> str:
        """`stage 3/6 training · 42 % · 1:20 left`, as far as it is known."""
        left = self.left
        parts = [self.title] if left is None else [self.title, f"{self.percent} %", f"{duration(left)} left"]
        return " · ".join(filter(None, parts))


def duration(seconds: float) -> str:
    """Format a duration: `0:07`, `1:20`, `2:05:00`."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
