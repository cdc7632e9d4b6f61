"""Operators that an interpreter runs over patches of the frequency axis, one patch after the other."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

PATCHES = "patches"  # the entry of a model file's description
MOST_PATCHES = 10  # inputs of TensorFlow Lite Micro's CONCATENATION
MOST_OPERATORS = 100_000


@dataclass(frozen=True)
class Stretch:
    """Operators that follow each other and run once for each patch.

    Attributes:
        count: Number of patches, at least 2.
        start: Index of the first operator, in the deployment graph without patches.
        stop: Index after the last.
    """

    count: int
    start: int
    stop: int

    def __post_init__(self) -> None:
        if not 2 <= self.count <= MOST_PATCHES:
            raise ValueError(f"count: expected 2 to {MOST_PATCHES}, found {self.count}")
        if not 0 <= self.start < self.stop <= MOST_OPERATORS:
            raise ValueError(f"start, stop: expected a range of operators, found {self.start} to {self.stop}")

    def __str__(self) -> str:
        return f"operators {self.start + 1} to {self.stop} in {self.count} patches"


@dataclass(frozen=True)
class Patches:
    """Frequency patches of a net.

    Attributes:
        stretches: In the order of the operators; they do not overlap.
    """

    stretches: tuple[Stretch, ...]

    def __post_init__(self) -> None:
        if not self.stretches:
            raise ValueError("stretches: expected at least one")
        if any(a.stop > b.start for a, b in pairwise(self.stretches)):
            raise ValueError("stretches: expected rising ranges of operators that do not overlap")

    def __str__(self) -> str:
        return ", ".join(map(str, self.stretches))
