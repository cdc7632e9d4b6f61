"""Every verb from Python on the tiny data, and what each returns is what its files hold."""

from __future__ import annotations

import dataclasses
import doctest
import importlib
import json
import pkgutil
import random
from pathlib import Path
from typing import Any

import pytest

import hwasc
import hwasc.api

pytestmark = pytest.mark.slow

TEACHERS = ["crnn", "patch_transformer"]


class Shuffled:
    """A strategy that is no part of hwasc: points at random; it records the outcomes."""

    def __init__(self) -> None:
        self.outcomes: list[Any] = []
        self.asked = 0

    def start(self, choices: dict[str, list[Any]], population: int, seed: int) -> None:
        self.choices, self.rng = choices, random.Random(5)

    def ask(self) -> tuple[int, dict[str, Any]]:
        self.asked += 1
        return self.asked, {name: self.rng.choice(values) for name, values in self.choices.items()}

    def tell(self, number: int, outcome: Any) -> None:
        self.outcomes.append((number, outcome))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def ws(tiny_data: Path, tiny_cache: Path, tiny_settings: list[str]) -> hwasc.Workspace:
    return hwasc.open(
        tiny_data, seed=0, settings={"search.train.epochs": 1}, overrides=tiny_settings[1::2], cache=tiny_cache, progress=False
    )  # fmt: skip


@pytest.fixture(scope="module")
def space(tiny_space: Path) -> hwasc.SearchSpace:
    return hwasc.SearchSpace.load(tiny_space)


@pytest.fixture(scope="module")
def strategy() -> Shuffled:
    return Shuffled()


@pytest.fixture(scope="module")
def found(ws: hwasc.Workspace, space: hwasc.SearchSpace, strategy: Shuffled, runs: Path) -> hwasc.SearchResult:
    """A search with every part as an object, as slices of a supernet."""
    budget = hwasc.Budget.load("dcase2024")
    return hwasc.search(
        ws, budget=budget, space=space, strategy=strategy, proxy="supernet", trials=3, run=runs / "search"
    )


@pytest.fixture(scope="module")
def student(ws: hwasc.Workspace, found: hwasc.SearchResult, runs: Path) -> hwasc.DistillResult:
    return hwasc.distill(ws, found.best, run=runs / "student", teachers=TEACHERS)


def test_open_takes_a_folder(ws: hwasc.Workspace, tiny_data: Path, tiny_cache: Path) -> None:
    assert ws.data == str(tiny_data) and len(ws.dataset.test) == 90 and ws.cache == tiny_cache
    assert ws.classes == ws.dataset.classes and ws.settings.distill.train.batch == 32


def test_a_search_by_objects(
    found: hwasc.SearchResult, strategy: Shuffled, space: hwasc.SearchSpace, runs: Path
) -> None:
    assert len(found.trials) == 3 <= len(strategy.outcomes) and strategy.asked >= 3
    assert found.best.architecture.id in {t.id for t in found.trials} and found.trial in [
        *found.rescored,
        *found.trials,
    ]
    assert found.best.path == runs / "search" / "best.json" and (runs / "search" / "report.html").is_file()
    assert found.best.weights_path is not None and found.best.weights_path.is_file()
    assert found.proxy == "supernet" and found.survey.space == space.name
    assert {t["name"] for t in json.loads((runs / "search" / "teachers.json").read_text())["leave_one_out"]} == set(
        TEACHERS
    )


def test_a_search_reads_itself(found: hwasc.SearchResult, runs: Path) -> None:
    assert hwasc.SearchResult.read(runs / "search") == found == hwasc.SearchResult.read(runs / "search" / "result.json")


@pytest.mark.parametrize("form", ["name", "path", "text"])
def test_budget_and_space_by_name_and_path_are_the_same_search(
    form: str, ws: hwasc.Workspace, found: hwasc.SearchResult, tiny_space: Path, runs: Path
) -> None:
    """It resumes in the run folder, which holds one configuration only: nothing is scored anew."""
    file = Path(__file__).parents[2] / "budgets" / "dcase2024.yaml"
    budget, given = {
        "name": ("dcase2024", tiny_space), "path": (file, tiny_space), "text": (str(file), str(tiny_space))
    }[form]  # fmt: skip
    journal = (runs / "search" / "trials.jsonl").read_bytes()
    again = hwasc.search(
        ws, budget=budget, space=given, strategy=Shuffled(), proxy="supernet", trials=3, run=runs / "search"
    )
    assert (runs / "search" / "trials.jsonl").read_bytes() == journal
    assert again.trials == found.trials and again.rescored == found.rescored
    assert again.best.architecture == found.best.architecture and again.best.weights == found.best.weights


def test_another_configuration_of_a_run_is_refused(
    ws: hwasc.Workspace, found: hwasc.SearchResult, tiny_space: Path
) -> None:
    with pytest.raises(
        hwasc.UsageError, match=r"holds a run with another configuration: .*settings\.search\.trials was 3, is now 2"
    ):
        hwasc.search(ws, budget="dcase2024", space=tiny_space, proxy="supernet", trials=2, run=found.run)


def test_a_budget_that_cannot_be_met_has_an_error_of_its_own(
    ws: hwasc.Workspace, tiny_space: Path, tmp_path: Path
) -> None:
    (tmp_path / "b.yaml").write_text("name: b\nlimits: {parameters: {max: 10}}\n")
    with pytest.raises(hwasc.InfeasibleBudget, match="parameters is at least"):
        hwasc.search(ws, budget=tmp_path / "b.yaml", space=tiny_space, run=tmp_path / "r")
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strategy": "nsga"}, "search.strategy"),
        ({"proxy": "x"}, "search.proxy"),
        ({"trials": 0}, "trials"),
        ({"engine": "x"}, "engine"),
    ],
)
def test_wrong_arguments_of_a_search(
    changes: dict[str, Any], message: str, ws: hwasc.Workspace, tmp_path: Path
) -> None:
    with pytest.raises(hwasc.UsageError, match=message) as raised:
        hwasc.search(ws, budget="dcase2024", space="small", run=tmp_path / "r", **changes)
    assert "\n" not in str(raised.value) and not (tmp_path / "r").exists()


def test_a_student_starts_from_the_winners_weights(
    student: hwasc.DistillResult, found: hwasc.SearchResult, runs: Path
) -> None:
    assert found.best.weights is not None and student.initial_weights.sha256 == found.best.weights.sha256
    assert student.run == runs / "student" and (student.run / "report.html").is_file()
    assert student.id == found.best.architecture.id and [t.name for t in student.teachers] == TEACHERS
    assert student.test.int8.clips == 90 and 0 <= student.test.int8.accuracy <= 1
    assert student.costs == hwasc.measure(found.best.architecture)


def test_a_student_reads_itself(student: hwasc.DistillResult) -> None:
    assert hwasc.DistillResult.read(student.run) == student == hwasc.DistillResult.read(student.run / "result.json")


def test_a_student_exports_itself(student: hwasc.DistillResult, tmp_path: Path) -> None:
    for name in ("student.onnx", "student.tflite"):
        assert student.export(tmp_path / name) == tmp_path / name and (tmp_path / name).is_file()
    assert (tmp_path / "student.onnx").read_bytes() == (student.run / "student.onnx").read_bytes()
    for given in (student, student.run, student.run / "int8.safetensors"):
        hwasc.export(given, tmp_path / "again.onnx")
        assert (tmp_path / "again.onnx").read_bytes() == (tmp_path / "student.onnx").read_bytes()
    with pytest.raises(hwasc.UsageError):
        student.export(tmp_path / "student.bin")


def test_a_student_of_other_classes_is_refused(ws: hwasc.Workspace, tmp_path: Path) -> None:
    with pytest.raises(hwasc.UsageError, match="is for 4 classes, but the data has 10"):
        hwasc.distill(ws, hwasc.cp_mobile(classes=4), run=tmp_path / "r")
    with pytest.raises(hwasc.UsageError, match="initial_weights"):
        hwasc.distill(ws, "cp_mobile", run=tmp_path / "r", initial_weights="winer")  # type: ignore[arg-type]
    assert not (tmp_path / "r").exists()


def test_evaluate_measures_what_distill_measured(
    ws: hwasc.Workspace, student: hwasc.DistillResult, tmp_path: Path
) -> None:
    found = hwasc.evaluate(ws, student.run / "float.safetensors", html=tmp_path / "e.html")
    assert found.metrics == student.test.float and found.runtime.startswith("torch") and (tmp_path / "e.html").is_file()
    assert hwasc.evaluate(ws, student).metrics == hwasc.evaluate(ws, student.run / "int8.safetensors").metrics
    found.write(tmp_path / "e.json")
    assert hwasc.Evaluation.read(tmp_path / "e.json") == found


def test_teach_summarises_the_ensemble(ws: hwasc.Workspace, found: hwasc.SearchResult, tmp_path: Path) -> None:
    summary = hwasc.teach(ws, weights=tmp_path / "w", html=tmp_path / "t.html")
    assert dataclasses.replace(summary, measured=None) == found.teachers and (tmp_path / "t.html").is_file()
    assert summary.measured is not None and summary.measured.split == "validation" and summary.measured.left_out == 0
    assert sorted(p.stem for p in (tmp_path / "w").glob("*.safetensors")) == TEACHERS
    summary.write(tmp_path / "t.json")
    assert hwasc.EnsembleSummary.read(tmp_path / "t.json") == summary


def test_an_unknown_teacher_is_named(ws: hwasc.Workspace, tmp_path: Path) -> None:
    for call in (
        lambda: hwasc.teach(ws, teachers=["crnn", "cp_resnets"]),
        lambda: hwasc.distill(ws, "cp_mobile", run=tmp_path / "r", teachers=["crnn", "cp_resnets"]),
    ):
        with pytest.raises(hwasc.UsageError, match="'cp_resnets' is not known, did you mean 'cp_resnet'") as raised:
            call()
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("form", ["name", "object", "record", "file", "run"])
def test_profile_of_an_architecture_in_every_form(form: str, found: hwasc.SearchResult) -> None:
    best = found.best
    given: Any = {
        "name": "cp_mobile", "object": best.architecture, "record": best, "file": best.path, "run": found.run
    }[form]  # fmt: skip
    profile = hwasc.profile(given)
    assert profile.costs == hwasc.measure(profile.architecture)
    assert profile.architecture == (hwasc.cp_mobile() if form == "name" else best.architecture)
    assert profile.budget == ("dcase2024" if form in ("record", "file", "run") else None), (
        "the one that it was searched for"
    )


def test_check_counts_what_a_folder_holds(tiny_data: Path) -> None:
    assert hwasc.check(tiny_data, progress=False).faults == ()


@pytest.mark.parametrize("module", [m.name for m in pkgutil.iter_modules(hwasc.api.__path__)])
def test_examples_of_docstrings(module: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(importlib.import_module(f"hwasc.api.{module}")).failed == 0


def test_the_profile_has_an_example_that_runs() -> None:
    (test,) = doctest.DocTestFinder(recurse=False).find(hwasc.profile, "profile")
    assert doctest.DocTestRunner().run(test) == (0, 2)
