"""The supernet of a search: trained once for a space, a budget and an ensemble, then kept in the cache."""

from __future__ import annotations

import math
import multiprocessing
import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from hwasc.cost.limits import counter, feasible, resolve
from hwasc.cost.measure import Costs
from hwasc.data import logits as logit_files
from hwasc.errors import HwascError, UsageError
from hwasc.models import supernet as models
from hwasc.nas.declare import random_point
from hwasc.nas.job import Supernet
from hwasc.nas.supernet_training import ALL_POINTS_AFTER, PARTS, SupernetTrainingData, fit_supernet
from hwasc.parallel.gradient_accumulation import process_group
from hwasc.parallel.processes import start_worker
from hwasc.records import schema
from hwasc.records.architecture import Architecture
from hwasc.records.budget import Budget
from hwasc.records.space import SearchSpace
from hwasc.training.weights import save_weights
from hwasc.workspace import Workspace


def supernet(
    ws: Workspace, space: SearchSpace, limits: dict[str, float], count: Callable[[Architecture], Costs], targets: Path
) -> Supernet:
    """Where the weights of a supernet lie for the space's points within the limits, trained on the ensemble's targets.

    The limits are those of `search.supernet.budget` where that is named; UsageError where it is the tighter one.
    """
    s, classes = ws.settings, len(ws.dataset.classes)
    limits, count = _widened(s.search.supernet.budget, limits, count)
    key = schema.digest(
        {
            "space": space,
            "limits": limits,
            "targets": targets.name,
            "supernet": replace(s.search.supernet, budget=None),  # the limits say it
            "growing": ALL_POINTS_AFTER,
            "augment": s.distill.augment or s.augment,
            "alpha": s.distill.alpha,
            "temperature": s.distill.temperature,
            "seed": s.seed,
            **({"reduction": s.distill.reduction} if s.distill.reduction != "batchmean" else {}),
        }
    )
    path = ws.cache / "supernets" / f"{key}.safetensors"
    ready = Supernet(path.absolute(), space, s.data.seconds)  # a process may stand in another folder
    if path.is_file():
        return ready
    data = _training_data(ws, space, limits, count, targets)
    checkpoint = path.with_suffix(".ckpt")
    with (
        ws.reporter.track("supernet", s.search.supernet.train.epochs) as update,
        _helped(ws, space, data, checkpoint),
    ):
        net = _new(space, classes, s.data.seconds, s.seed)
        fit_supernet(
            net,
            data,
            checkpoint=checkpoint,
            on_epoch=lambda epoch, loss: update(epoch, f"loss {loss:.3f}"),
        )
    save_weights(path, net, {"space": space.name})
    checkpoint.unlink(missing_ok=True)
    return ready


def _widened(
    name: str | None, limits: dict[str, float], count: Callable[[Architecture], Costs]
) -> tuple[dict[str, float], Callable[[Architecture], Costs]]:
    if name is None:
        return limits, count
    budget = Budget.load(name)
    wide = resolve(budget)
    for key, most in wide.items():
        if limits.get(key, math.inf) > most:
            raise UsageError(
                f"search.supernet.budget: '{name}' has {key} at most {most:,.0f}, which is tighter than the search's budget; "
                "name one that holds all that is searched"
            )
    return wide, counter(budget, wide)


def _training_data(
    ws: Workspace, space: SearchSpace, limits: dict[str, float], count: Callable[[Architecture], Costs], targets: Path
) -> SupernetTrainingData:
    s, classes = ws.settings, len(ws.dataset.classes)
    points = allowed_points(space, limits, count, s.search.supernet.points, classes, s.data.seconds, s.seed)
    front_ends = list(dict.fromkeys(space.front_end_at(p, s.data.seconds) for p in points))
    ws.prepare(front_ends)
    features_by_front_end = {
        fe: (
            ws.features(ws.dataset.train, fe, "train"),
            ws.augment(fe, s.distill.augment) if s.search.supernet.augment else None,
        )
        for fe in front_ends
    }
    train = next(iter(features_by_front_end.values()))[0]
    logits = logit_files.load(targets, [c.id for c in train.clips], train.hashes)
    d = s.distill
    return SupernetTrainingData(
        points,
        features_by_front_end,
        logits,
        s.search.supernet,
        d.alpha,
        d.temperature,
        s.seed,
        str(ws.device),
        d.reduction,
    )


def _new(space: SearchSpace, classes: int, seconds: float, seed: int) -> models.Supernet:
    torch.manual_seed(seed)
    return models.Supernet(space, classes, seconds)


@contextmanager
def _helped(ws: Workspace, space: SearchSpace, data: SupernetTrainingData, checkpoint: Path) -> Iterator[None]:
    """With two workers or more a second process takes half of every step; the weights are the same to the bit."""
    if ws.workers < PARTS or ws.device.type != "cpu":
        yield
        return
    with tempfile.TemporaryDirectory() as folder:
        meeting = Path(folder) / "processes"
        work = (meeting, space, len(ws.dataset.classes), ws.settings.data.seconds, data, checkpoint)
        process = multiprocessing.get_context("spawn").Process(target=_second, args=work, daemon=True)
        process.start()
        try:
            with process_group(meeting, 0, PARTS):
                yield
            process.join()
        except RuntimeError as e:
            if process.is_alive() or process.exitcode == 0:
                raise
            raise HwascError(
                f"supernet: the second training process ended with status {process.exitcode} ({e}); run the same command "
                "again: it goes on after the last epoch"
            ) from None
        finally:
            process.terminate()


def _second(
    meeting: Path, space: SearchSpace, classes: int, seconds: float, data: SupernetTrainingData, checkpoint: Path
) -> None:
    start_worker()
    with process_group(meeting, 1, PARTS):
        fit_supernet(_new(space, classes, seconds, data.seed), data, checkpoint=checkpoint)


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
