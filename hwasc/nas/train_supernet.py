"""The supernet of a search: trained once for a space, a budget and an ensemble, then read from the cache."""

from __future__ import annotations

import math
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
from hwasc.nas.supernet_training import ALL_POINTS_AFTER, PARTS, SANDWICH, SupernetTrainingData, fit_supernet
from hwasc.nas.work import SUPERNET
from hwasc.parallel.children import process_context
from hwasc.parallel.device import configure_process
from hwasc.parallel.gradient_accumulation import process_group
from hwasc.records import schema
from hwasc.records.budget import Budget
from hwasc.records.damaged import usable
from hwasc.records.leftovers import temporary_folder
from hwasc.records.training_clips import KEY
from hwasc.training.weights import load_weights, save_weights
from hwasc.workspace import Workspace


def train_supernet(ws: Workspace, problem: Problem, targets: Path) -> Supernet:
    """Train the weights that all candidates of a problem share, unless the cache holds them.

    Args:
        ws: Data, settings, cache, device.
        problem: The space, and the budget that the trained points keep. `search.supernet.budget` may name a wider one.
        targets: File of the ensemble's logits of the training clips.

    Returns:
        Where the weights lie.

    Raises:
        UsageError: `search.supernet.budget` is tighter than the search's budget.
    """
    s = ws.settings
    path = supernet_file(ws, problem, targets)
    problem = _with_budget(s.search.supernet.budget, problem)
    ready = Supernet(path.absolute(), problem.space, problem.seconds)  # absolute: a process may run in another folder
    if usable(path, load_weights, ws.reporter.say):
        return ready
    data = _training_data(ws, problem, targets)
    checkpoint = path.with_suffix(".ckpt")
    with (
        ws.reporter.stage(SUPERNET),
        ws.reporter.track("supernet", s.search.supernet.train.epochs) as update,
        _second_process(ws, problem, data, checkpoint),
    ):
        net = _initial_supernet(problem, s.seed)
        fit_supernet(
            net,
            data,
            checkpoint=checkpoint,
            on_epoch=lambda epoch, loss: update(epoch, f"loss {loss:.3f}"),
        )
    save_weights(path, net, {"space": problem.space.name, KEY: ws.training_clips.reference.text()})
    checkpoint.unlink(missing_ok=True)
    return ready


def supernet_file(ws: Workspace, problem: Problem, targets: Path) -> Path:
    """Where the cache has the supernet of a search, once it is trained.

    Args:
        ws: Settings and cache.
        problem: As for `train_supernet`.
        targets: Likewise.

    Returns:
        The file of its weights.
    """
    s = ws.settings
    key = schema.digest(
        {
            "space": problem.space,
            "limits": _with_budget(s.search.supernet.budget, problem).budget.limits,
            "targets": targets.name,
            "supernet": replace(s.search.supernet, budget=None),  # the key has its limits
            "growing": ALL_POINTS_AFTER,
            "uniform": s.search.supernet.candidates < SANDWICH,
            "augment": s.distill.augment or s.augment,
            "alpha": s.distill.alpha,
            "temperature": s.distill.temperature,
            "reduction": s.distill.reduction,
            "seed": s.seed,
        }
    )
    return ws.cache / "supernets" / f"{key}.safetensors"


def _with_budget(name: str | None, problem: Problem) -> Problem:
    """The problem with the budget that the supernet is trained for."""
    if name is None:
        return problem
    wide = resolve(Budget.load(name))
    for key, limit in wide.limits.items():
        if problem.budget.limits.get(key, math.inf) > limit:
            raise UsageError(
                f"search.supernet.budget: '{name}' has {key} at most {limit:,.0f}, which is tighter than the "
                "search's budget; name a budget that is at least as wide"
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


def _initial_supernet(problem: Problem, seed: int) -> models.Supernet:
    torch.manual_seed(seed)
    return models.Supernet(problem.space, problem.classes, problem.seconds)


@contextmanager
def _second_process(ws: Workspace, problem: Problem, data: SupernetTrainingData, checkpoint: Path) -> Iterator[None]:
    """Share every step with a second process where there are two workers or more; the weights are the same bit for bit."""
    if ws.workers < PARTS or ws.device.type != "cpu":
        yield
        return
    with temporary_folder("hwasc-supernet-", Path(tempfile.gettempdir())) as folder:
        rendezvous = folder / "processes"
        arguments = (rendezvous, problem, data, checkpoint)
        process = process_context().Process(target=_train_beside, args=arguments, daemon=True)
        process.start()
        try:
            with process_group(rendezvous, 0, PARTS):
                yield
            process.join()
        except RuntimeError as e:
            if process.is_alive() or process.exitcode == 0:
                raise
            raise HwascError(
                f"supernet: the second training process ended with status {process.exitcode} ({e}); run the same command "
                "again: it resumes after the last epoch"
            ) from None
        finally:
            process.terminate()


def _train_beside(rendezvous: Path, problem: Problem, data: SupernetTrainingData, checkpoint: Path) -> None:
    """The second process's part in the training."""
    configure_process()
    with process_group(rendezvous, 1, PARTS):
        fit_supernet(_initial_supernet(problem, data.seed), data, checkpoint=checkpoint)
