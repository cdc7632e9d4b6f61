"""A data set that is opened at its first use: the embedded scenes take a minute to simulate."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from hwasc.data.clips import Dataset


class DataSource:
    """A data set that is opened at its first use.

    Args:
        name: Name given by the user: a folder, or `synthetic`.
        open_it: Opens the data set; called at most once.
        classes: Names of the scenes in alphabetical order, if they are known in advance.
    """

    def __init__(self, name: str, open_it: Callable[[], Dataset], classes: tuple[str, ...] | None = None) -> None:
        self.name, self._open, self._classes = name, open_it, classes

    @cached_property
    def dataset(self) -> Dataset:
        """The data set, opened by the first access."""
        return self._open()

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the scenes in alphabetical order; the data set is opened only if they are not known in advance."""
        return self._classes or self.dataset.classes
