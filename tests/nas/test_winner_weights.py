"""A search keeps its winner's weights; distillation starts from them where it may, and says so where not."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from hwasc.models.supernet import Supernet
from hwasc.models.widening import widen_student
from hwasc.nas import refinement_job
from hwasc.records import architecture as architectures
from hwasc.records.space import SearchSpace
from hwasc.students.initial_weights import initial_weights
from hwasc.training.weights import load_weights
from hwasc.workspace import Workspace

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str, str]]
STILL = (
    "--set",
    "distill.train.lr=1e-12",
    "--set",
    "distill.train.epochs=1",
)  # what it starts from is what it ends with


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("inheriting")


def distilled(
    hwasc: Run, made: Path, run: str, *more: object
) -> tuple[dict[str, object], dict[str, torch.Tensor], str]:
    status, out, err = hwasc(
        "distill", "--arch", made / "winner.json", "--run", made / run, "--json", *STILL, *more, tiny=True
    )
    assert status == 0, err
    return json.loads(out)["initial_weights"], load_weights(made / run / "float.safetensors"), err


def test_the_winners_slice_lies_beside_it(hwasc: Run, made: Path, tiny_space: Path, tmp_path: Path) -> None:
    argv = (
        "search",
        "--budget",
        "dcase2024",
        "--space",
        tiny_space,
        "--run",
        made / "s",
        "--out",
        made / "winner.json",
    )
    more = ("--set", "search.proxy=supernet", "--set", "search.proxy_steps=2", "--json", "--cache", tmp_path)
    status, out, err = hwasc(*argv, *more, tiny=True)
    assert status == 0, err
    record = architectures.load(made / "winner.json")
    assert record.weights is not None and record.weights.by == "slice" and record.weights.file == "winner.safetensors"
    saved = made / "winner.safetensors"
    assert saved.read_bytes() == (made / "s" / "best.safetensors").read_bytes()
    assert hashlib.sha256(saved.read_bytes()).hexdigest() == record.weights.sha256
    (shared,) = (tmp_path / "supernets").glob("*.safetensors")
    net = Supernet(SearchSpace.load(str(tiny_space)), 10)
    net.load_state_dict(load_weights(shared))
    point, found = json.loads(out)["trial"]["point"], load_weights(saved)
    slice_ = dict(net.student(point).named_parameters())
    assert all(torch.equal(found[name], p) for name, p in slice_.items())
    norms = {name for name in found if name.endswith("running_mean")}
    assert norms and all(found[name].abs().sum() > 0 for name in norms), "batch norm was set on training clips"


def test_a_distillation_starts_from_them(hwasc: Run, made: Path) -> None:
    saved = load_weights(made / "winner.safetensors")
    start, weights, _ = distilled(hwasc, made, "d")
    assert start == {"from": "slice", "sha256": architectures.load(made / "winner.json").weights.sha256}
    learned = [name for name in saved if name.endswith((".weight", ".bias"))]
    assert learned and all(torch.allclose(weights[name], saved[name], atol=1e-6) for name in learned)
    shown = (made / "d" / "report.html").read_text()
    assert "slice" in shown
    status, _, err = hwasc(
        "distill", "--arch", made / "winner.json", "--run", made / "d", *STILL, "--initial-weights", "random", tiny=True
    )
    assert status == 2 and "another configuration" in err and "weights was" in err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--initial-weights", "random"), ""),
        (("--set", "distill.alpha=0"), "those of the search were trained with teachers"),
    ],
)
def test_or_from_random_ones(hwasc: Run, made: Path, more: tuple[str, ...], said: str) -> None:
    saved = load_weights(made / "winner.safetensors")
    start, weights, err = distilled(hwasc, made, "".join(more), *more)
    assert start == {"from": "random weights"} and said in err and ("those of the search" in err) is bool(said)
    assert not torch.allclose(weights["stem.0.conv.weight"], saved["stem.0.conv.weight"], atol=1e-3)


def test_other_clips_have_no_use_for_them(
    made: Path, tiny_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = architectures.load(made / "winner.json")
    assert record.weights is not None
    assert initial_weights(tiny_workspace, record) == record.weights
    other = dataclasses.replace(record, weights=dataclasses.replace(record.weights, dataset="0" * 16))
    said: list[str] = []
    monkeypatch.setattr(tiny_workspace.reporter, "say", said.append)
    assert initial_weights(tiny_workspace, other) is None
    assert said == ["the student starts from random weights: those of the search were trained on other clips"]


def test_what_is_gone_changed_or_elsewhere_is_refused(hwasc: Run, made: Path, tmp_path: Path) -> None:
    shutil.copy(made / "winner.json", tmp_path / "winner.json")
    argv = ("distill", "--arch", tmp_path / "winner.json", "--run", tmp_path / "d")
    status, _, err = hwasc(*argv, tiny=True)
    assert status == 2 and "winner.safetensors are not beside it" in err and "--initial-weights random" in err
    (tmp_path / "winner.safetensors").write_bytes((made / "winner.safetensors").read_bytes()[:-1] + b"\0")
    status, _, err = hwasc(*argv, tiny=True)
    assert status == 2 and "SHA-256 differs" in err
    for name in ("../winner.safetensors", "/etc/passwd", "..", ""):
        text = (made / "winner.json").read_text().replace('"winner.safetensors"', json.dumps(name))
        (tmp_path / "winner.json").write_text(text)
        status, _, err = hwasc(*argv, tiny=True)
        assert status == 2 and "weights: file: expected the name of a file in the same folder" in err
    assert not (tmp_path / "d").exists()


def test_what_is_refined_grows_from_its_slice(
    hwasc: Run, made: Path, tiny_space: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    widened = []
    monkeypatch.setattr(
        refinement_job, "widen_student", lambda net, wide: widened.append(net) or widen_student(net, wide)
    )
    argv = ("search", "--budget", "dcase2024", "--space", tiny_space, "--run", made / "r", "--out", made / "r.json")
    more = ("--set", "search.proxy=supernet", "--set", "search.proxy_steps=2", "--json")
    status, out, err = hwasc(*argv, *more, "--refine", 1, tiny=True)
    assert status == 0, err
    (refined,) = json.loads(out)["refined"]
    (net,) = widened
    saved = next(t for t in json.loads(out)["rescored"] if t["number"] == refined["number"])
    assert net.architecture.id == saved["id"] == refined["origin"] and not net.training
    record = architectures.load(made / "r.json")
    assert record.weights is not None
    assert record.weights.by == ("refinement" if record.id == refined["id"] else "slice")


def test_or_from_both_and_the_better_on_validation_clips_goes_on(hwasc: Run, made: Path) -> None:
    more = ("--initial-weights", "both", "--set", "distill.branches=2", "--set", "distill.train.average=1")
    argv = ("distill", "--arch", made / "winner.json", "--run", made / "both", "--json", *more)
    status, out, err = hwasc(*argv, tiny=True)
    assert status == 0, err
    result = json.loads(out)
    scores = {s["source"]: (s["accuracy"], -s["log_loss"]) for s in result["starts"]}
    (best,) = [s["source"] for s in result["starts"] if s["chosen"]]
    assert set(scores) == {"slice", "random weights"} and scores[best] == max(scores.values())
    assert result["initial_weights"]["from"] == best and f"the student from {best} goes on" in err
    folder = made / "both" / "starts" / ("winner" if best == "slice" else "random")
    assert (made / "both" / "float.safetensors").read_bytes() == (folder / "float.safetensors").read_bytes()
    assert result["validation"]["float"] == scores[best][0], "the folded student is what was scored"
    assert "Float students by their initial weights" in (made / "both" / "report.html").read_text()
    again = hwasc(*argv, tiny=True)
    assert again[0] == 0 and json.loads(again[1])["int8"] == result["int8"]
