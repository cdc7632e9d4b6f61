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
        named: Whether the user named the data set.
    """

    def __init__(
        self,
        name: str,
        open_it: Callable[[], Dataset],
        classes: tuple[str, ...] | None = None,
        *,
        named: bool = True,
    ) -> None:
        self.name, self._open, self._classes, self.named = name, open_it, classes, named

    @classmethod
    def of(cls, source: DataSource, dataset: Dataset) -> DataSource:
        """The same data set with other splits.

        Args:
            source: The data set.
            dataset: Its clips in these splits.

        Returns:
            The new source, which is open.
        """
        return cls(source.name, lambda: dataset, source._classes, named=source.named)

    @cached_property
    def dataset(self) -> Dataset:
        """The data set, opened by the first access."""
        return self._open()

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the scenes in alphabetical order; the data set is opened only if they are not known in advance."""
        return self._classes or self.dataset.classes
