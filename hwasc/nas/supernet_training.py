"""Training a supernet: each step trains a few candidates that are drawn from the points within the budget.

Candidates are drawn from a pool that grows from a few to all of them over the first half of the epochs.
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
from hwasc.records.front_end import FrontEnd
from hwasc.records.search_settings import SupernetSettings
from hwasc.records.space import Point
from hwasc.training.batches import Augment, Batch, count_batches
from hwasc.training.loop import batch_loss, optimize
from hwasc.training.loss import distillation_loss

OUTER = 0.1  # share of the points, by cost, that counts as cheap, and share that counts as expensive
ALL_POINTS_AFTER = 0.5  # share of the epochs after which the pool holds every point
SANDWICH = 3  # candidates of a step from which on the expensive and the cheap tenth have a place each
PARTS = 2  # the candidates of a step are split into two parts of about equal work, for two processes


@dataclass(frozen=True, kw_only=True)
class SupernetTrainingData:
    """What a supernet is trained on; can be pickled.

    Attributes:
        points: Feasible points of the space by rising cost.
        features_by_front_end: For the front end of each point, the log-mels of the n training clips and their augmentation.
        targets: Ensemble logits of the training clips, (n, classes).
        settings: Of the training.
        alpha: Share of the teachers in the loss, 0..1.
        temperature: Of the distillation loss.
        seed: Of weights, candidates, batches and augmentation.
        device: Where it is trained, as torch names it.
        reduction: Of the distillation loss, see `loss.distillation_loss`.
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
    data: SupernetTrainingData,
    *,
    checkpoint: Path | None = None,
    on_epoch: Callable[[int, float], None] | None = None,
) -> Supernet:
    """Train a supernet in place. Processes of one `gradient_accumulation.process_group` share each step.

    All candidates of a step (see `candidates_of_step`) are trained on the same clips, each through its own front end. A few
    of the more expensive candidates are trained first and the others follow, so that most of them start from useful features
    (progressive shrinking: Cai et al., 2020).

    Args:
        net: The supernet.
        data: What it is trained on.
        checkpoint: Written after each epoch; training resumes from it.
        on_epoch: Called with the epoch (from 1) and its mean loss.

    Returns:
        The same net.
    """
    c, device = data, pick_device(data.device)
    batch, count = c.settings.train.batch, len(c.targets)
    order = pool_order(len(c.points), c.seed)

    def parts(epoch: int) -> Iterator[PartialLosses]:
        rng = np.random.default_rng([c.seed, epoch])
        size = pool_size(len(order), c.settings.candidates, epoch / c.settings.train.epochs)
        points = [c.points[i] for i in np.sort(order[:size])]
        clips = rng.permutation(count)
        for start in range(0, count, batch):
            rows = clips[start : start + batch]
            if len(rows) < 2:
                return
            chosen = candidates_of_step(points, c.settings.candidates, rng)
            draws = rng.integers(2**62, size=len(chosen))
            candidates = list(zip(chosen, map(int, draws), strict=True))
            # of four, the expensive and the cheap one are about as much work as the two others
            middle = -(-len(candidates) // 2)
            yield [
                (loss(point, rows, draw) / len(chosen) for point, draw in part)
                for part in (candidates[:middle], candidates[middle:])
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
            lambda y, batch: distillation_loss(
                y, batch.labels, batch.teacher, alpha=c.alpha, temperature=c.temperature, reduction=c.reduction
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


def pool_order(count: int, seed: int) -> np.ndarray:
    """The order in which points enter the pool.

    Args:
        count: Points, which are sorted by rising cost.
        seed: Of the order within each half.

    Returns:
        (count,) indices of points: the more expensive half in random order, then the cheaper half in random order.
    """
    rng = np.random.default_rng([seed, 3])
    return np.concatenate([rng.permutation(np.arange(count // 2, count)), rng.permutation(count // 2)])


def pool_size(count: int, minimum: int, progress: float) -> int:
    """How many points the pool holds; it grows exponentially until `ALL_POINTS_AFTER`.

    Args:
        count: Points in all.
        minimum: Points at the start.
        progress: Share of the epochs that are done, 0..1.

    Returns:
        The number of points, `minimum` to `count`.
    """
    if progress >= ALL_POINTS_AFTER or count <= minimum:
        return count
    return int(minimum * (count / minimum) ** (progress / ALL_POINTS_AFTER))


def candidates_of_step(points: Sequence[Point], count: int, rng: np.random.Generator) -> list[Point]:
    """Draw the candidates of a step: one or two uniformly, three or more by the sandwich rule.

    Uniform draws follow Guo et al. (2020), "Single Path One-Shot Neural Architecture Search with Uniform Sampling". The sandwich
    rule of Yu and Huang (2019) trains the largest and the smallest net of the space in each step. Here the largest net is many
    times over the budget and is never searched, so the most expensive and the cheapest tenth of the points take their place.

    Args:
        points: By rising cost.
        count: Candidates to draw.
        rng: Of the draws.

    Returns:
        `count` points. Of three or more, the first is one of the most expensive tenth, the second one of the cheapest tenth.
    """
    outer = max(int(OUTER * len(points)), 1)
    ends = [int(rng.integers(len(points) - outer, len(points))), int(rng.integers(outer))] if count >= SANDWICH else []
    return [points[i] for i in (*ends, *map(int, rng.integers(len(points), size=count - len(ends))))]
