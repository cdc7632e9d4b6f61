"""Training a supernet by the sandwich rule: each step a dear candidate, a cheap one and some from anywhere, of those allowed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hwasc.data.features import Features
from hwasc.models.supernet import Supernet
from hwasc.records.settings import SupernetSettings
from hwasc.records.space import Point
from hwasc.training.batches import Augment, steps
from hwasc.training.loop import Loss, batch_loss, optimize

OUTER = 0.1  # the share of the points, by cost, that counts as cheap and as dear

Hear = Callable[[Point], tuple[Features, Augment | None]]  # the training clips through a point's front end


def fit_supernet(
    net: Supernet,
    points: Sequence[Point],
    hear: Hear,
    targets: np.ndarray,
    loss: Loss,
    settings: SupernetSettings,
    device: torch.device,
    seed: int,
    *,
    checkpoint: Path | None = None,
    on_epoch: Callable[[int, float], None] | None = None,
) -> Supernet:
    """Train in place; resumes from the checkpoint.

    points: candidates by rising cost, those that a search may come to. Yu and Huang (2019) take the largest and the smallest
    net of the space at each step; the largest here is many times beyond the budget and never asked for, so that the dearest and
    the cheapest tenth of the points take their place. All candidates of a step hear the same clips, each through its front end.
    targets: (n, classes) ensemble logits of the n training clips.
    """
    count = len(hear(points[0])[0])

    def losses(epoch: int) -> Iterator[Iterator[Tensor]]:
        rng = np.random.default_rng([seed, epoch])
        order = rng.permutation(count)
        for start in range(0, count, settings.train.batch):
            rows = order[start : start + settings.train.batch]
            if len(rows) < 2:
                return
            yield _step_losses(rows, sandwich(points, settings.candidates, rng), rng)

    def _step_losses(rows: np.ndarray, chosen: list[Point], rng: np.random.Generator) -> Iterator[Tensor]:
        for point in chosen:
            features, augment = hear(point)
            x = features.batch(rows)
            if augment is not None:
                generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
                x = augment(x, features.devices[rows], generator)
            batch = x, torch.from_numpy(features.labels[rows]), torch.from_numpy(targets[rows])
            yield batch_loss(lambda x: net(x, point), batch, loss, device) / len(chosen)  # noqa: B023 - used at once

    optimize(
        net, losses, steps(count, settings.train.batch), settings.train, device, seed,
        checkpoint=checkpoint, on_epoch=on_epoch,
    )  # fmt: skip
    return net


def sandwich(points: Sequence[Point], count: int, rng: np.random.Generator) -> list[Point]:
    """`count` of the points, which stand by rising cost: one of the dearest, one of the cheapest, the rest from anywhere."""
    outer = max(int(OUTER * len(points)), 1)
    dear, cheap = int(rng.integers(len(points) - outer, len(points))), int(rng.integers(outer))
    return [points[i] for i in (dear, cheap, *map(int, rng.integers(len(points), size=max(count - 2, 0))))][:count]
