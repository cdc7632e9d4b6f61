"""Batches of clips with their teachers' logits, on which the fusion heads are trained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hwasc.data.features import Features
from hwasc.data.splits import hold_out
from hwasc.ensemble.best_epoch import Batch
from hwasc.progress import Update
from hwasc.training.batches import Augment
from hwasc.workspace import Workspace

BATCH = 256  # clips that are evaluated at a time
TRAINED = 64  # clips of a step


@dataclass(frozen=True, kw_only=True)
class ClipBatches:
    """Training clips with out-of-fold logits, some locations held out.

    Attributes:
        train: The clips, n of them.
        logits: (n, K, C), on the CPU.
        held_out: Which clips the heads are not trained on, (n,) booleans.
        augment: Of the log-mels.
        device: Where batches go.
        seed: Of order and augmentation.
        update: Is told each epoch that is over.
    """

    train: Features
    logits: Tensor
    held_out: np.ndarray
    augment: Augment
    device: torch.device
    seed: int
    update: Update

    def batch(self, rows: np.ndarray, logmel: Tensor) -> Batch:
        """Put together a batch.

        Args:
            rows: The clips, (B,).
            logmel: Theirs, (B, 1, F, T).

        Returns:
            Log-mel, logits (B, K, C) and labels (B,), on the device.
        """
        labels = torch.from_numpy(self.train.labels[rows])
        return logmel.to(self.device), self.logits[rows].to(self.device), labels.to(self.device)

    def epoch(self, number: int) -> Iterator[Batch]:
        """Give the batches of an epoch: the clips that are not held out, augmented, in an order of their own.

        Args:
            number: Of the epoch, from 0.

        Yields:
            Batches.
        """
        rng = np.random.default_rng([self.seed, number])
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        for rows in chunks(rng.permutation(np.flatnonzero(~self.held_out)), TRAINED):
            if len(rows) > 1:
                yield self.batch(rows, self.augment(self.train.batch(rows), self.train.devices[rows], generator))
        self.update(number + 1)

    def validation(self) -> Iterator[Batch]:
        """Give the held-out clips as they are.

        Yields:
            Batches.
        """
        for rows in chunks(np.flatnonzero(self.held_out)):
            yield self.batch(rows, self.train.batch(rows))


def chunks(rows: np.ndarray, size: int = BATCH) -> Iterator[np.ndarray]:
    """Divide rows into parts.

    Args:
        rows: (n,).
        size: Of each part but the last.

    Yields:
        The parts in order.
    """
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def held_out_clips(ws: Workspace, train: Features) -> np.ndarray:
    """Which training clips are held out: all clips of some locations, by `fusion.hold_out`.

    Args:
        ws: Settings.
        train: The clips, n of them.

    Returns:
        (n,) booleans.
    """
    held_out = {c.id for c in hold_out(train.clips, ws.settings.fusion.hold_out, ws.settings.seed)[1]}
    return np.array([c.id in held_out for c in train.clips])
