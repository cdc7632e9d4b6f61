"""Every part that a registry knows keeps the contract of its kind, and breaches of a contract are named."""

from __future__ import annotations

import dataclasses
import importlib.util
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from hwasc.deploy.runtimes import OpenedModel
from hwasc.deploy.web.runtime_files import runtime_files
from hwasc.errors import UsageError
from hwasc.models.student import Student
from hwasc.nas.job import Candidate, Score
from hwasc.nas.trial import Outcome
from hwasc.parts import ENGINES, EXPORTERS, PROXIES, RUNTIMES, STRATEGIES, TEACHERS
from hwasc.records.front_end import FrontEnd
from hwasc.records.training_clips import TrainingClips
from hwasc.testing.engines import check_engine
from hwasc.testing.exporters import check_exporter
from hwasc.testing.proxies import check_proxy
from hwasc.testing.runtimes import check_runtime
from hwasc.testing.strategies import check_strategy
from hwasc.testing.teachers import check_teacher

NARROW = {
    "cp_resnet": 8, "bc_resnet": 1, "tf_sepnet": 16, "patch_transformer": 16, "crnn": 4, "cp_mobile": 8, "mobilenet_v3": 2,
    "resnet": 4, "passt": 32, "beats": 32, "edp_wide": 8, "edp_deep": 8, "edp_expanded": 8, "edp_kernel5": 8, "edp_inner_grn": 8,
}  # fmt: skip
EXTRA = {"tflm": "tflite_micro", "litert-ref": "ai_edge_litert", "ray": "ray"}


def needed(name: str) -> None:
    """Skip what needs a package that is not installed."""
    if name in EXTRA and importlib.util.find_spec(EXTRA[name]) is None:
        pytest.skip(f"{EXTRA[name]} is not installed")


@pytest.mark.slow
@pytest.mark.parametrize("name", TEACHERS.names())
def test_teachers(name: str) -> None:
    assert TEACHERS.get(name).name == name
    check_teacher(TEACHERS.get(name), width=NARROW.get(name))


@pytest.mark.parametrize("name", STRATEGIES.names())
def test_strategies(name: str) -> None:
    check_strategy(STRATEGIES.get(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", PROXIES.names())
def test_proxies(name: str) -> None:
    check_proxy(PROXIES.get(name))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name for name in ENGINES.names() if name != "ray"]
)  # whose cluster tests/nas/test_engines.py starts
def test_engines(name: str) -> None:
    check_engine(ENGINES.get(name)(workers=1))


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNTIMES.names())
def test_runtimes(name: str) -> None:
    needed(name)
    check_runtime(RUNTIMES.get(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPORTERS.names())
def test_exporters(name: str) -> None:
    if name == "web":
        try:
            runtime_files()
        except UsageError:
            pytest.skip("the npm package onnxruntime-web is not installed (`npm ci`)")
    check_exporter(EXPORTERS.get(name))


def constant(classes: int, width: int, front_end: FrontEnd) -> nn.Module:
    net = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, classes))
    nn.init.zeros_(net[2].weight)  # type: ignore[arg-type]
    nn.init.zeros_(net[2].bias)  # type: ignore[arg-type]
    return net


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"make": lambda c, w, f: constant(c, w, f)}, "top of a module"),
        ({"make": constant}, "another seed"),
        ({"paper": FrontEnd.for_clip(40, 17).lasting(2)}, "clip of 1 s"),
        ({"name": "my teacher"}, "letters, digits"),
        ({"about": ""}, "one line for people"),
    ],
)
def test_what_a_teacher_breaks_is_named(change: dict[str, Any], message: str) -> None:
    family = dataclasses.replace(TEACHERS.get("crnn"), width=4)
    with pytest.raises(AssertionError, match=message):
        check_teacher(dataclasses.replace(family, **change))


class Careless:
    """Random search with one mistake."""

    mistake = ""

    def start(self, choices: dict[str, list[Any]], population: int, seed: int) -> None:
        self.choices, self.number = choices, 0
        self.rng: Any = random if self.mistake == "global" else random.Random(0 if self.mistake == "seed" else seed)

    def ask(self) -> tuple[int, dict[str, Any]]:
        self.number += self.mistake != "number"
        point = {name: self.rng.choice(values) for name, values in self.choices.items()}
        return self.number, point | ({"mels": 41} if self.mistake == "value" else {})

    def tell(self, number: int, outcome: Outcome) -> None: ...


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        ("value", "mels: 41 is none of"),
        ("seed", "another seed proposes the same"),
        ("global", "the same seed proposes other points"),
        ("number", "the same number"),
    ],
)
def test_what_a_strategy_breaks_is_named(mistake: str, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_strategy(type("Wrong", (Careless,), {"mistake": mistake}))


def blind(candidate: Candidate) -> Score:
    return Score(1.0, 0.0, accuracy=0.5, standard_error=0.1, value_error=0.1)


def drawn(candidate: Candidate) -> Score:
    return Score(float(torch.rand(())), 0.0, accuracy=0.5, standard_error=0.1, value_error=0.1)


def cost(candidate: Candidate) -> Score:
    return Score(float(int(candidate.proposal.architecture.id, 16)), 0.0)


@pytest.mark.parametrize(
    ("proxy", "message"), [(blind, "the same value"), (drawn, "another score"), (cost, "measures_accuracy to False")]
)
def test_what_a_proxy_breaks_is_named(proxy: Callable[[Candidate], Score], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_proxy(proxy)


class Swapped:
    """A runtime that gives the classes in another order."""

    suffixes = (".onnx",)

    def open(self, model: Path, *, device: torch.device, workers: int) -> OpenedModel:
        opened = RUNTIMES.get("onnx").open(model, device=device, workers=workers)
        return dataclasses.replace(opened, predict=lambda clips, progress: opened.predict(clips, progress)[:, ::-1])


def test_what_a_runtime_breaks_is_named() -> None:
    with pytest.raises(AssertionError, match="of the clips get the class"):
        check_runtime(Swapped())


class Counting:
    """An exporter that never writes the same bytes twice."""

    suffix, planners, count = ".bin", ("greedy",), 0

    def export(
        self, model: Student, out: Path, classes: tuple[str, ...], planner: str, *, clips: TrainingClips | None = None
    ) -> Path:
        self.count += 1
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(str(self.count))
        return out


def test_what_an_exporter_breaks_is_named() -> None:
    with pytest.raises(AssertionError, match="other bytes"):
        check_exporter(Counting())
