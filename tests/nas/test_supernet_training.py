"""The supernet's training: what a step takes, that it learns, that it resumes to the same weights."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hwasc.cost.limits import ResolvedBudget
from hwasc.models.supernet import Supernet, recalibrate
from hwasc.nas.problem import Problem
from hwasc.nas.supernet_training import (
    ALL_POINTS_AFTER,
    SupernetTrainingData,
    candidates_of_step,
    fit_supernet,
    pool_order,
    pool_size,
)
from hwasc.nas.train_supernet import train_supernet
from hwasc.records.search_settings import SupernetSettings
from hwasc.records.space import SearchSpace
from hwasc.records.train_settings import TrainSettings
from hwasc.training.loop import predict
from hwasc.workspace import Workspace

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")


def test_a_step_of_three_or_more_takes_an_expensive_point_a_cheap_one_and_random_ones() -> None:
    points = [{"cost": i} for i in range(100)]
    seen: set[int] = set()
    for step in range(300):
        expensive, cheap, *rest = (p["cost"] for p in candidates_of_step(points, 5, np.random.default_rng(step)))
        assert 90 <= expensive < 100 and 0 <= cheap < 10 and len(rest) == 3
        seen |= set(rest)
    assert len(seen) > 90
    assert len(candidates_of_step(points[:1], 4, np.random.default_rng(0))) == 4


@pytest.mark.parametrize("count", [1, 2])
def test_a_step_of_one_or_two_takes_all_points_as_often(count: int) -> None:
    points, rng = [{"cost": i} for i in range(20)], np.random.default_rng(0)
    drawn = [[p["cost"] for p in candidates_of_step(points, count, rng)] for _ in range(4_000)]
    assert all(len(step) == count for step in drawn)
    for place in range(count):
        times = np.bincount([step[place] for step in drawn], minlength=20)
        assert abs(times - 200).max() < 5 * np.sqrt(200)


@given(count=st.integers(1, 3_000), least=st.integers(1, 8), epochs=st.integers(1, 60))
def test_the_pool_grows_until_it_holds_all_points(count: int, least: int, epochs: int) -> None:
    numbers = [pool_size(count, least, e / epochs) for e in range(epochs)]
    assert numbers == sorted(numbers) and numbers[-1] <= count
    assert all(n == count for e, n in enumerate(numbers) if e / epochs >= ALL_POINTS_AFTER)
    assert numbers[0] == min(count, least)
    order = pool_order(count, 0)
    assert sorted(order) == list(range(count)) and set(order[: count - count // 2]) == set(range(count // 2, count))
    assert (order == pool_order(count, 0)).all()


def test_the_pool_starts_with_few_expensive_points_and_ends_with_all(data, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    from hwasc.nas import supernet_training as module

    seen: list[set[int]] = []
    space, points, _, _ = data
    original, number = module.candidates_of_step, {id(p): i for i, p in enumerate(points)}

    def spy(active, count, rng):  # type: ignore[no-untyped-def]
        seen.append({number[id(p)] for p in active})
        return original(active, count, rng)

    monkeypatch.setattr(module, "candidates_of_step", spy)
    fitted(data, SupernetSettings(candidates=2, points=12, train=TrainSettings(4, 32, 1e-2, 0.0)))
    assert len(seen[0]) == 2 and min(seen[0]) >= len(points) // 2 and seen[-1] == set(range(len(points)))
    assert all(a <= b for a, b in itertools.pairwise(seen))


def problem(space: SearchSpace, limits: Mapping[str, float] | None = None) -> Problem:
    return Problem(space=space, budget=ResolvedBudget(name="test", limits=limits or {}), classes=10)


def test_feasible_points_keep_the_limits_and_stand_by_rising_cost(tiny_space: Path) -> None:
    from hwasc.cost import measure

    space = SearchSpace.load(tiny_space)
    every = problem(space).feasible_points(40, seed=0)
    macs = [measure(space.architecture(p, 10)).macs.torchinfo for p in every]
    assert len(every) == 40 and macs == sorted(macs)
    limit = float(np.median(macs))
    feasible = problem(space, {"macs.torchinfo": limit}).feasible_points(40, seed=0)
    assert feasible and all(measure(space.architecture(p, 10)).macs.torchinfo <= limit for p in feasible)


@pytest.fixture(scope="module")
def data(tiny_workspace: Workspace, tiny_space: Path):  # type: ignore[no-untyped-def]
    """The space, its points, the training clips, and targets that are the labels."""

    ws, space = tiny_workspace, SearchSpace.load(tiny_space)
    points = problem(space).feasible_points(12, seed=0)
    train = ws.features(ws.dataset.train, space.front_end_at(points[0]), "train")
    targets = 4 * np.eye(10, dtype=np.float32)[train.labels]
    return space, points, train, targets


def fitted(data, settings: SupernetSettings, checkpoint: Path | None = None, stop: int | None = None) -> Supernet:  # type: ignore
    space, points, train, targets = data
    torch.manual_seed(0)
    net = Supernet(space, 10)

    def on_epoch(epoch: int, _: float) -> None:
        if epoch == stop:
            raise KeyboardInterrupt

    features_by_front_end = {space.front_end_at(points[0]): (train, None)}
    training_data = SupernetTrainingData(
        points=points,
        features_by_front_end=features_by_front_end,
        targets=targets,
        settings=settings,
        alpha=0.5,
        temperature=2.0,
        seed=0,
        device="cpu",
    )
    return fit_supernet(net, training_data, checkpoint=checkpoint, on_epoch=on_epoch)


def test_it_learns_for_every_point(data) -> None:  # type: ignore[no-untyped-def]
    space, points, train, _ = data
    net = fitted(data, SupernetSettings(candidates=3, points=12, train=TrainSettings(12, 32, 1e-2, 0.0)))
    rows = np.arange(len(train))
    for point in (points[0], points[-1]):
        student = recalibrate(net.student(point), [train.batch(rows)])
        assert (predict(student, train, CPU).argmax(1) == train.labels).mean() > 0.35  # chance is 0.1


def test_resumed_training_gives_the_same_weights(data, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    settings = SupernetSettings(candidates=2, points=12, train=TrainSettings(3, 32, 1e-2, 0.0))
    whole = fitted(data, settings).state_dict()
    with pytest.raises(KeyboardInterrupt):
        fitted(data, settings, tmp_path / "net.ckpt", stop=2)
    resumed = fitted(data, settings, tmp_path / "net.ckpt").state_dict()
    assert all(torch.equal(whole[k], resumed[k]) for k in whole)


def test_two_processes_give_the_same_weights_as_one(
    tiny_workspace: Workspace, tiny_space: Path, tmp_path: Path
) -> None:
    import dataclasses

    from hwasc.ensemble.fusion import fuse, target_file

    space = SearchSpace.load(tiny_space)
    targets = target_file(fuse(tiny_workspace))
    weights = []
    for workers in (1, 2):
        ws = dataclasses.replace(tiny_workspace, workers=workers)
        found = train_supernet(ws, problem(space), targets)
        weights.append(found.weights.read_bytes())
        found.weights.unlink()
    assert weights[0] == weights[1]


def test_searches_under_several_budgets_share_the_supernet_of_the_widest(
    tiny_workspace: Workspace, tiny_space: Path, tmp_path: Path
) -> None:
    import dataclasses

    from hwasc.cost.limits import resolve
    from hwasc.ensemble.fusion import fuse, target_file
    from hwasc.errors import UsageError
    from hwasc.records.budget import Budget

    wide = tmp_path / "wide.yaml"
    wide.write_text("schema: 1\nname: wide\nsource: a test\nlimits: {macs: {max: 5_000_000, count: torchinfo}}\n")
    space, own = SearchSpace.load(tiny_space), resolve(Budget.load(wide)).limits
    targets = target_file(fuse(tiny_workspace))
    settings = tiny_workspace.settings
    named = dataclasses.replace(
        settings,
        search=dataclasses.replace(
            settings.search, supernet=dataclasses.replace(settings.search.supernet, budget=str(wide))
        ),
    )
    sharing = dataclasses.replace(tiny_workspace, settings=named)
    alone = train_supernet(tiny_workspace, problem(space, own), targets)
    for macs in (1_000_000, 5_000_000):
        assert train_supernet(sharing, problem(space, {"macs.torchinfo": macs}), targets) == alone
    for limits in ({}, {"macs.torchinfo": 5_000_001}):
        with pytest.raises(UsageError, match="tighter than the search's budget"):
            train_supernet(sharing, problem(space, limits), targets)
