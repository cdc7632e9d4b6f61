"""What every tracker is: figures by name and step, and the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping


class Tracker:
    """Takes figures of a run. This one leaves them alone; worker processes get it in place of any other.

    Args:
        say: Prints a line where figures cannot be taken.
    """

    def __init__(self, say: Callable[[str], None] = print) -> None:
        self.say = say
        self._failed = False

    def __reduce__(self) -> tuple[type[Tracker], tuple[()]]:
        return Tracker, ()

    def log(self, step: int, values: Mapping[str, float | None]) -> None:
        """Take figures.

        Args:
            step: Number of the trial, or of the epoch.
            values: Figures by name, `stage/figure`; None is left out.
        """
        present = {name: float(value) for name, value in values.items() if value is not None}
        try:
            self._log(step, present)
        except Exception as e:  # a server that is away must not end a search
            if not self._failed:
                self._failed = True
                reason = str(e).strip().partition("\n")[0]
                self.say(f"tracking: figures are not taken ({type(e).__name__}: {reason}); the run folder has them all")

    def close(self) -> None:
        """Write what is still in memory."""

    def _log(self, step: int, values: Mapping[str, float]) -> None:
        """Take figures; may raise anything."""


class Prefixed(Tracker):
    """A tracker whose figures have a prefix, for parts of a run that have the same names.

    Args:
        tracker: Takes the figures.
        prefix: Before each name.
    """

    def __init__(self, tracker: Tracker, prefix: str) -> None:
        super().__init__()
        self._tracker, self._prefix = tracker, prefix

    def log(self, step: int, values: Mapping[str, float | None]) -> None:
        """See `Tracker`."""
        self._tracker.log(step, {f"{self._prefix}/{name}": value for name, value in values.items()})
