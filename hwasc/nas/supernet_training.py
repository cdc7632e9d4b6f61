"""Training a supernet by the sandwich rule: each step a dear candidate, a cheap one and some from anywhere, of those that
have joined; few at first, all of the allowed ones from half of the epochs on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from hwasc.data.features import Features
from hwasc.models.supernet import Supernet
from hwasc.parallel.device import pick_device
from hwasc.parallel.gradient_accumulation import PartialLosses
from hwasc.records.architecture import FrontEnd
from hwasc.records.settings import SupernetSettings
from hwasc.records.space import Point
from hwasc.training.batches import Augment, Batch, count_batches
from hwasc.training.loop import batch_loss, optimize
from hwasc.training.loss import distillation_loss

OUTER = 0.1  # the share of the points, by cost, that counts as cheap and as dear
ALL_POINTS_AFTER = 0.5  # the share of the epochs after which every point has joined
PARTS = 2  # a step's candidates in two parts of about equal work, which two processes can share


@dataclass(frozen=True)
class SupernetTrainingData:
    """What a supernet learns from, picklable.

    points: candidates by rising cost, those that a search may come to. heard: the training clips through each of their front
    ends. targets: (n, classes) ensemble logits of the n training clips. alpha, temperature, reduction: of
    `loss.distillation_loss`.
    """

    points: Sequence[Point]
    features_by_front_end: Mapping[FrontEnd, tuple[Features, Augment | None]]
    targets: np.ndarray
    settings: SupernetSettings
    alpha: float
    temperature: float
    seed: int
    device: str
    reduction: Literal["batchmean", "mean"] = "batchmean"


def fit_supernet(
    net: Supernet,
    course: SupernetTrainingData,
    *,
    checkpoint: Path | None = None,
    on_epoch: Callable[[int, float], None] | None = None,
) -> Supernet:
    """Train in place; resumes from the checkpoint; processes that are `lanes.together` share each step.

    Yu and Huang (2019) take the largest and the smallest net of the space at each step; the largest here is many times beyond
    the budget and never asked for, so that the dearest and the cheapest tenth of the points take their place. All candidates
    of a step hear the same clips, each through its own front end. A few of the dearer ones learn first and the rest join them by
    and by, so that most start from features that are good for something (progressive shrinking: Cai et al., 2020).
    """
    c, device = course, pick_device(course.device)
    batch, count = c.settings.train.batch, len(c.targets)
    order = joining(len(c.points), c.seed)

    def parts(epoch: int) -> Iterator[PartialLosses]:
        rng = np.random.default_rng([c.seed, epoch])
        members = order[: joined(len(order), c.settings.candidates, epoch / c.settings.train.epochs)]
        points = [c.points[i] for i in np.sort(members)]
        clips = rng.permutation(count)
        for start in range(0, count, batch):
            rows = clips[start : start + batch]
            if len(rows) < 2:
                return
            chosen = sandwich(points, c.settings.candidates, rng)
            draws = rng.integers(2**62, size=len(chosen))
            each = list(zip(chosen, map(int, draws), strict=True))
            half = -(-len(each) // 2)  # the dear and the cheap one are about as much work as two from anywhere
            yield [
                (loss(point, rows, draw) / len(chosen) for point, draw in part) for part in (each[:half], each[half:])
            ]

    def loss(point: Point, rows: np.ndarray, draw: int) -> Tensor:
        features, augment = c.features_by_front_end[net.space.front_end_at(point, net.seconds)]
        labels, soft = torch.from_numpy(features.labels[rows]), torch.from_numpy(c.targets[rows])
        made = Batch(features.batch(rows), labels, soft)
        if augment is not None:
            generator = torch.Generator().manual_seed(draw)
            made = augment.batch(
                made, features.devices[rows], generator, classes=len(features.classes), temperature=c.temperature
            )
        return batch_loss(
            lambda x: net(x, point),
            made,
            lambda y, labels, soft: distillation_loss(
                y, labels, soft, alpha=c.alpha, temperature=c.temperature, reduction=c.reduction
            ),
            device,
        )

    optimize(
        net,
        parts,
        steps_per_epoch=count_batches(count, batch),
        settings=c.settings.train,
        device=device,
        seed=c.seed,
        checkpoint=checkpoint,
        on_epoch=on_epoch,
    )
    return net


def joining(count: int, seed: int) -> np.ndarray:
    """The order in which points, which stand by rising cost, join: the dearer half first, each half by the seed."""
    rng = np.random.default_rng([seed, 3])
    return np.concatenate([rng.permutation(np.arange(count // 2, count)), rng.permutation(count // 2)])


def joined(count: int, least: int, progress: float) -> int:
    """How many of `count` points take part at this share of the training: from `least` on by equal factors to all."""
    if progress >= ALL_POINTS_AFTER or count <= least:
        return count
    return int(least * (count / least) ** (progress / ALL_POINTS_AFTER))


def sandwich(points: Sequence[Point], count: int, rng: np.random.Generator) -> list[Point]:
    """`count` of the points, which stand by rising cost: one of the dearest, one of the cheapest, the rest from anywhere."""
    outer = max(int(OUTER * len(points)), 1)
    dear, cheap = int(rng.integers(len(points) - outer, len(points))), int(rng.integers(outer))
    return [points[i] for i in (dear, cheap, *map(int, rng.integers(len(points), size=max(count - 2, 0))))][:count]
