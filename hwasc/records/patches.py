"""How the first operators of a net are run: over patches of the frequency axis, one after the other."""

from __future__ import annotations

from dataclasses import dataclass

MOST_PATCHES = 64
MOST_OPERATORS = 100_000


@dataclass(frozen=True)
class Patches:
    """Frequency patches of the first operators.

    Attributes:
        count: Number of patches, at least 2.
        operators: Number of operators of the deployment graph, from the first, that run once for each patch.
    """

    count: int
    operators: int

    def __post_init__(self) -> None:
        if not 2 <= self.count <= MOST_PATCHES:
            raise ValueError(f"count: expected 2 to {MOST_PATCHES}, found {self.count}")
        if not 1 <= self.operators <= MOST_OPERATORS:
            raise ValueError(f"operators: expected 1 to {MOST_OPERATORS:,}, found {self.operators}")

    def __str__(self) -> str:
        return f"{self.count} patches of the first {self.operators} operators"
