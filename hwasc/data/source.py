"""A data set that is opened when it is first needed: the embedded scenes take a minute to simulate."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from hwasc.data.clips import Dataset


class DataSource:
    """A data set by name.

    Attributes:
        name: As the user named it: a folder, or `synthetic`.
    """

    def __init__(self, name: str, open_it: Callable[[], Dataset], classes: tuple[str, ...] | None = None) -> None:
        """A source.

        Args:
            name: As the user named it.
            open_it: Opens the data set; called once at most.
            classes: The scenes, where they are known without opening it.
        """
        self.name, self._open, self._classes = name, open_it, classes

    @cached_property
    def dataset(self) -> Dataset:
        """The clips and splits, opened at the first call."""
        return self._open()

    @property
    def classes(self) -> tuple[str, ...]:
        """The scenes, alphabetical."""
        return self._classes or self.dataset.classes
