"""A choice among ranked candidates that keeps several sizes of the log-mel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from hwasc.records.space import Point


class HasPoint(Protocol):
    """A candidate, scored or not."""

    @property
    def point(self) -> Point:
        """The point of the space."""


T = TypeVar("T", bound=HasPoint)


def diverse(ranked: Sequence[T], count: int) -> list[T]:
    """Choose the first candidates of a ranking, with at most a third of them (rounded up) of one log-mel size.

    First scores compare nets of one log-mel size better than nets of different sizes: nets with many frames learn slowest.

    Args:
        ranked: Candidates, the most promising first.
        count: Candidates to choose.

    Returns:
        The chosen candidates in the order of `ranked`. Where too few have other sizes, more than a third have one size.
    """
    share, seen, by_size = -(-count // 3), Counter[tuple[Any, Any]](), []
    for i, candidate in enumerate(ranked):
        size = (candidate.point["mels"], candidate.point["frames"])
        by_size.append((seen[size] >= share, i))
        seen[size] += 1
    return [ranked[i] for i in sorted(i for _, i in sorted(by_size)[:count])]
