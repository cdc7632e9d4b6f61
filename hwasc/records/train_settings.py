"""Settings of one training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from hwasc.records.schema import STRICT


@dataclass(frozen=True)
class TrainSettings:
    """A training by AdamW, with a learning rate that rises linearly over the first tenth and falls to zero as a cosine.

    The default rate suits small nets and few steps; `experiments/search/learning_rate.md` has the figures.

    Attributes:
        epochs: 1 at least.
        batch: Clips in a batch, 2 at least.
        lr: Highest learning rate.
        weight_decay: Of AdamW.
        average: Epochs over which weights are averaged, exponentially; the averages are the result, with batch norm's statistics
            set anew. 0: the last weights are the result.
    """

    epochs: int = 40
    batch: int = 32
    lr: float = 1e-2
    weight_decay: float = 1e-3
    average: float = 0.0

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 2 or self.lr <= 0:
            raise ValueError(f"need epochs >= 1, batch >= 2 and lr > 0, found {self.epochs}, {self.batch}, {self.lr}")
        if not 0 <= self.average < 1e6:
            raise ValueError(f"average: need a number of epochs, 0 at least, found {self.average}")
