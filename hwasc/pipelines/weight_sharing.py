"""The supernet of a search: trained once for a space, a budget and an ensemble, then kept in the cache."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from hwasc.cost.limits import feasible
from hwasc.cost.measure import Costs
from hwasc.data import logits as logit_files
from hwasc.data.features import Features
from hwasc.models import supernet as models
from hwasc.pipelines.workspace import Workspace
from hwasc.records import schema
from hwasc.records.architecture import Architecture
from hwasc.records.space import Point, SearchSpace
from hwasc.search.declare import random_point
from hwasc.search.job import Supernet
from hwasc.training.batches import Augment
from hwasc.training.loss import distillation_loss
from hwasc.training.sandwich import fit_supernet
from hwasc.training.weights import save_weights


def supernet(
    ws: Workspace, space: SearchSpace, limits: dict[str, float], count: Callable[[Architecture], Costs], targets: Path
) -> Supernet:
    """Where the weights of a supernet lie for the space's points within the limits, trained on the ensemble's targets."""
    s, classes = ws.settings, len(ws.dataset.classes)
    key = schema.digest(
        {
            "space": space,
            "limits": limits,
            "targets": targets.name,
            "supernet": s.search.supernet,
            "augment": s.augment,
            "alpha": s.distill.alpha,
            "temperature": s.distill.temperature,
            "seed": s.seed,
        }
    )
    path = ws.cache / "supernets" / f"{key}.safetensors"
    ready = Supernet(path.absolute(), space, s.data.seconds)  # a process may stand in another folder
    if path.is_file():
        return ready
    points = allowed_points(space, limits, count, s.search.supernet.points, classes, s.data.seconds, s.seed)
    heard: dict[Any, tuple[Features, Augment]] = {}

    def hear(point: Point) -> tuple[Features, Augment]:
        front_end = space.front_end_at(point, s.data.seconds)
        if front_end not in heard:
            heard[front_end] = ws.features(ws.dataset.train, front_end, "train"), ws.augment(front_end)
        return heard[front_end]

    for point in points:
        hear(point)
    train = hear(points[0])[0]
    logits = logit_files.load(targets, [c.id for c in train.clips], train.hashes)
    torch.manual_seed(s.seed)
    net = models.Supernet(space, classes, s.data.seconds)
    with ws.reporter.track("supernet", s.search.supernet.train.epochs) as update:
        fit_supernet(
            net,
            points,
            hear,
            logits,
            lambda y, labels, soft: distillation_loss(y, labels, soft, s.distill.alpha, s.distill.temperature),
            s.search.supernet,
            ws.device,
            s.seed,
            checkpoint=path.with_suffix(".ckpt"),
            on_epoch=lambda epoch, loss: update(epoch, f"loss {loss:.3f}"),
        )
    save_weights(path, net, {"space": space.name})
    path.with_suffix(".ckpt").unlink(missing_ok=True)
    return ready


def allowed_points(
    space: SearchSpace,
    limits: dict[str, float],
    count: Callable[[Architecture], Costs],
    number: int,
    classes: int,
    seconds: float,
    seed: int,
    tries: int = 20,
) -> list[dict[str, Any]]:
    """Up to `number` random points within the limits, by rising MACs; up to `tries` points are drawn for each."""
    rng, found = random.Random(seed), []
    for _ in range(number * tries):
        point = random_point(space, rng)
        costs = count(space.architecture(point, classes, seconds))
        if feasible(costs, limits):
            found.append((costs.macs.torchinfo, point))
        if len(found) == number:
            break
    return [point for _, point in sorted(found, key=lambda pair: pair[0])]
