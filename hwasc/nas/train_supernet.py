"""The supernet of a search: trained once for a space, a budget and an ensemble, then kept in the cache."""

from __future__ import annotations

import math
import multiprocessing
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from hwasc.cost.limits import resolve
from hwasc.data import logits as logit_files
from hwasc.errors import HwascError, UsageError
from hwasc.models import supernet as models
from hwasc.nas.job import Supernet
from hwasc.nas.problem import Problem
from hwasc.nas.supernet_training import ALL_POINTS_AFTER, PARTS, SupernetTrainingData, fit_supernet
from hwasc.parallel.gradient_accumulation import process_group
from hwasc.parallel.processes import start_worker
from hwasc.records import schema
from hwasc.records.budget import Budget
from hwasc.training.weights import save_weights
from hwasc.workspace import Workspace


def train_supernet(ws: Workspace, problem: Problem, targets: Path) -> Supernet:
    """Train the weights that all candidates of a problem share, or find them in the cache.

    Args:
        ws: Data, settings, cache, device.
        problem: The space, and the budget whose points the supernet is trained for; `search.supernet.budget` names another.
        targets: The ensemble's logits of the training clips.

    Returns:
        Where the weights lie.

    Raises:
        UsageError: `search.supernet.budget` is tighter than the search's budget.
    """
    s = ws.settings
    problem = _widened(s.search.supernet.budget, problem)
    key = schema.digest(
        {
            "space": problem.space,
            "limits": problem.budget.limits,
            "targets": targets.name,
            "supernet": replace(s.search.supernet, budget=None),  # the limits stand for it
            "growing": ALL_POINTS_AFTER,
            "augment": s.distill.augment or s.augment,
            "alpha": s.distill.alpha,
            "temperature": s.distill.temperature,
            "reduction": s.distill.reduction,
            "seed": s.seed,
        }
    )
    path = ws.cache / "supernets" / f"{key}.safetensors"
    ready = Supernet(path.absolute(), problem.space, problem.seconds)  # a process may stand in another folder
    if path.is_file():
        return ready
    data = _training_data(ws, problem, targets)
    checkpoint = path.with_suffix(".ckpt")
    with (
        ws.reporter.track("supernet", s.search.supernet.train.epochs) as update,
        _second_process(ws, problem, data, checkpoint),
    ):
        net = _new(problem, s.seed)
        fit_supernet(
            net,
            data,
            checkpoint=checkpoint,
            on_epoch=lambda epoch, loss: update(epoch, f"loss {loss:.3f}"),
        )
    save_weights(path, net, {"space": problem.space.name})
    checkpoint.unlink(missing_ok=True)
    return ready


def _widened(name: str | None, problem: Problem) -> Problem:
    if name is None:
        return problem
    wide = resolve(Budget.load(name))
    for key, most in wide.limits.items():
        if problem.budget.limits.get(key, math.inf) > most:
            raise UsageError(
                f"search.supernet.budget: '{name}' has {key} at most {most:,.0f}, which is tighter than the search's budget; "
                "name one that holds all that is searched"
            )
    return replace(problem, budget=wide)


def _training_data(ws: Workspace, problem: Problem, targets: Path) -> SupernetTrainingData:
    s = ws.settings
    points = problem.feasible_points(s.search.supernet.points, seed=s.seed)
    front_ends = list(dict.fromkeys(problem.space.front_end_at(p, problem.seconds) for p in points))
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
        points=points,
        features_by_front_end=features_by_front_end,
        targets=logits,
        settings=s.search.supernet,
        alpha=d.alpha,
        temperature=d.temperature,
        reduction=d.reduction,
        seed=s.seed,
        device=str(ws.device),
    )


def _new(problem: Problem, seed: int) -> models.Supernet:
    torch.manual_seed(seed)
    return models.Supernet(problem.space, problem.classes, problem.seconds)


@contextmanager
def _second_process(ws: Workspace, problem: Problem, data: SupernetTrainingData, checkpoint: Path) -> Iterator[None]:
    """With two workers or more a second process takes half of every step; the weights are the same to the bit."""
    if ws.workers < PARTS or ws.device.type != "cpu":
        yield
        return
    with tempfile.TemporaryDirectory() as folder:
        meeting = Path(folder) / "processes"
        work = (meeting, problem, data, checkpoint)
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


def _second(meeting: Path, problem: Problem, data: SupernetTrainingData, checkpoint: Path) -> None:
    start_worker()
    with process_group(meeting, 1, PARTS):
        fit_supernet(_new(problem, data.seed), data, checkpoint=checkpoint)
