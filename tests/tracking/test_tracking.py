"""Trackers: figures arrive by name and step, a run goes on where it was, and no tracker ends a run."""

from __future__ import annotations

import copy
import json
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from hwasc import tracking
from hwasc.errors import UsageError
from hwasc.records.run import open_run
from hwasc.tracking import NAMES, Prefixed, Tracker

Run = Callable[..., tuple[int, str, str]]
CONFIGURATION = {"verb": "search", "settings": {"seed": 3, "search": {"trials": 2}, "list": [1, 2]}}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return open_run(tmp_path / "search", CONFIGURATION)


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, ModuleType], None]]:
    """Put a module in a package's place, so that the tracker's module is imported anew with it and forgotten afterwards."""
    used: list[str] = []

    def put(name: str, module: Any) -> None:
        module.__spec__ = SimpleNamespace(name=name)
        monkeypatch.setitem(sys.modules, name, module)
        sys.modules.pop(f"hwasc.tracking.{name}", None)
        used.append(name)

    yield put
    for name in used:
        sys.modules.pop(f"hwasc.tracking.{name}", None)


def log(name: str, run: Path, steps: range, said: list[str] | None = None) -> None:
    with tracking.begin(name, run, say=[].append if said is None else said.append) as tracker:
        for step in steps:
            tracker.log(step, {"search/score": step / 8, "search/float_accuracy": None})


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard's own reader finds in a folder."""
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason="needs tensorboard")
    events = reader.EventAccumulator(str(folder))
    events.Reload()
    return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_tensorboard_reads_the_figures(run: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs tensorboard, which is in hwasc[dev]")
    said: list[str] = []
    log("tensorboard", run, range(2), said)
    log("tensorboard", run, range(2, 3), said)
    assert scalars(run / "tensorboard") == {"search/score": [(0, 0.0), (1, 0.125), (2, 0.25)]} and not said
    content = b"".join(f.read_bytes() for f in (run / "tensorboard").iterdir())
    assert b"settings.search.trials: 2" in content


class FakeMlflowClient:
    """Keeps what it gets, as a server would, for all clients of an address."""

    servers: dict[str, dict[str, Any]] = {}  # noqa: RUF012

    def __init__(self, tracking_uri: str) -> None:
        self.runs = self.servers.setdefault(tracking_uri, {})

    def get_experiment_by_name(self, name: str) -> Any:
        return SimpleNamespace(experiment_id="1") if self.runs else None

    def create_experiment(self, name: str) -> str:
        return "1"

    def search_runs(self, experiments: list[str], text: str) -> list[Any]:
        found = [
            i for i, r in self.runs.items() for tag, value in r["tags"].items() if text == f"tags.`{tag}` = '{value}'"
        ]
        return [SimpleNamespace(info=SimpleNamespace(run_id=i)) for i in found]

    def create_run(self, experiment: str, run_name: str, tags: dict[str, str]) -> Any:
        run_id = f"r{len(self.runs)}"
        self.runs[run_id] = {"name": run_name, "tags": tags, "params": {}, "metrics": [], "status": "RUNNING"}
        return SimpleNamespace(info=SimpleNamespace(run_id=run_id))

    def update_run(self, run_id: str, status: str) -> None:
        self.runs[run_id]["status"] = status

    def set_terminated(self, run_id: str) -> None:
        self.runs[run_id]["status"] = "FINISHED"

    def log_batch(self, run_id: str, metrics: Any = (), params: Any = ()) -> None:
        assert len(params) <= 100
        self.runs[run_id]["metrics"] += [(m[0], m[1], m[3]) for m in metrics]
        self.runs[run_id]["params"] |= dict(params)


def fake_mlflow() -> dict[str, ModuleType]:
    package, entities = ModuleType("mlflow"), ModuleType("mlflow.entities")
    FakeMlflowClient.servers = {}
    package.MlflowClient = FakeMlflowClient  # type: ignore[attr-defined]
    entities.Metric = lambda *values: values  # type: ignore[attr-defined]
    entities.Param = lambda *values: values  # type: ignore[attr-defined]
    return {"mlflow": package, "mlflow.entities": entities}


def test_mlflow_gets_one_run_for_one_run_folder(
    run: Path, fresh: Callable[[str, Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for name, module in fake_mlflow().items():
        fresh(name, module)
    log("mlflow", run, range(2))
    log("mlflow", run, range(2, 3))
    ((address, runs),) = FakeMlflowClient.servers.items()
    (found,) = runs.values()
    assert (
        address == f"sqlite:///{run.resolve()}/mlflow.db"
        and found["name"] == "search"
        and found["status"] == "FINISHED"
    )
    assert found["metrics"] == [("search/score", step / 8, step) for step in range(3)]
    assert found["params"]["settings.seed"] == "3" and found["params"]["settings.list"] == "[1, 2]"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server")
    log("mlflow", run, range(1))
    assert "http://server" in FakeMlflowClient.servers


def test_wandb_gets_each_stage_with_steps_of_its_own(run: Path, fresh: Callable[[str, Any], None]) -> None:
    package, begun, logged, axes = ModuleType("wandb"), [], [], []

    def init(**arguments: Any) -> Any:
        begun.append(arguments)
        return SimpleNamespace(
            log=logged.append,
            define_metric=lambda name, **more: axes.append((name, more)),
            finish=lambda: logged.append("end"),
        )

    package.init, package.Settings = init, lambda **values: values  # type: ignore[attr-defined]
    fresh("wandb", package)
    log("wandb", run, range(2))
    log("wandb", run, range(1))
    assert begun[0]["id"] == begun[1]["id"] and begun[0]["resume"] == "allow" and begun[0]["name"] == "search"
    assert begun[0]["config"]["settings.seed"] == "3"
    assert logged[:3] == [{"search/score": 0.0, "search/step": 0}, {"search/score": 0.125, "search/step": 1}, "end"]
    assert axes[:2] == [("search/step", {}), ("search/*", {"step_metric": "search/step"})]


def test_a_tracker_that_fails_ends_no_run_and_says_so_once(run: Path, fresh: Callable[[str, Any], None]) -> None:
    package, said = ModuleType("wandb"), []

    def init(**_: Any) -> Any:
        raise OSError("the server is away\nand more")

    package.init, package.Settings = init, lambda **values: values  # type: ignore[attr-defined]
    fresh("wandb", package)
    log("wandb", run, range(3), said)
    assert said == ["tracking: figures are not taken (OSError: the server is away); the run folder has them all"]


@pytest.mark.parametrize("name", NAMES)
def test_one_that_is_not_installed_says_what_to_install(name: str, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UsageError, match=rf"tracker {name}: is not installed; pip install 'hwasc\[{name}\]'"):
        tracking.check(name)


def test_an_unknown_one_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown tracker 'tensorbord'.*tensorboard"):
        tracking.check("tensorbord")
    tracking.check(None)


def test_other_processes_track_nothing(run: Path) -> None:
    with tracking.begin("tensorboard", run, say=print) as tracker:
        copied = pickle.loads(pickle.dumps(tracker))
        assert type(copied) is type(copy.deepcopy(tracker)) is Tracker
        copied.log(0, {"a": 1.0})
    assert not (run / "tensorboard").exists(), "nothing begins before there are figures"


def test_parts_of_a_run_have_a_prefix() -> None:
    found: list[Any] = []

    class Kept(Tracker):
        def _log(self, step: int, values: Any) -> None:
            found.append((step, values))

    Prefixed(Kept(), "random").log(2, {"float/loss": 1, "float/validation_accuracy": None})
    assert found == [(2, {"random/float/loss": 1.0})]


@pytest.mark.slow
@pytest.mark.long
def test_a_search_and_a_distillation_in_tensorboard(hwasc: Run, tiny_space: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs tensorboard, which is in hwasc[dev]")
    best, run, student = tmp_path / "best.json", tmp_path / "s", tmp_path / "d"
    space = ("--budget", "dcase2024", "--space", tiny_space, "--out", best)
    status, _, err = hwasc("search", *space, "--run", run, "--track", "tensorboard", tiny=True)
    assert status == 0, err
    trials = [json.loads(line) for line in (run / "trials.jsonl").read_text().splitlines()]
    found = scalars(run / "tensorboard")
    assert sorted(found["search/macs"]) == sorted((t["number"], t["macs"]) for t in trials)
    assert found["search/best_score"][-1][1] == pytest.approx(max(t["score"] for t in trials), rel=1e-6)
    assert len(found["second/score"]) == 2
    status, _, err = hwasc("distill", "--arch", best, "--run", student, "--track", "tensorboard", tiny=True)
    assert status == 0, err
    result, found = json.loads((student / "result.json").read_text()), scalars(student / "tensorboard")
    assert [v for _, v in found["float/loss"]] == pytest.approx(result["losses"]["float"])
    assert [[step, pytest.approx(v)] for step, v in found["int8/validation_accuracy"]] == result["validation_course"][
        "qat"
    ]
    assert found["test/int8_accuracy"] == [(0, pytest.approx(result["int8"]["accuracy"]))]
