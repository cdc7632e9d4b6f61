"""Refinement on tiny data: within the budget, resumable, reproducible from its weights, chosen only where it is better."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from hwasc.cost import measure
from hwasc.cost.limits import ResolvedBudget
from hwasc.ensemble.fusion import fuse, target_file
from hwasc.errors import UsageError
from hwasc.models import build
from hwasc.nas import proxies
from hwasc.nas.job import Proposal, accuracy
from hwasc.nas.refinement import provenance
from hwasc.nas.scoring import Scoring, candidate
from hwasc.nas.trial import Refined, Trial, best_refined, read_refined
from hwasc.records import architecture as architectures
from hwasc.records import schema
from hwasc.records.front_end import FrontEnd
from hwasc.records.settings import Settings
from hwasc.records.space import SearchSpace
from hwasc.training.loop import predict
from hwasc.training.weights import load_weights
from hwasc.workspace import Workspace

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str, str]]

BUDGET = """
name: tight
schema: 1
limits:
  macs: {max: 400_000, count: torchinfo}
  int8_memory: {activations: 30_000}
"""
LIMITS = {"macs.torchinfo": 400_000, "int8_memory.activations": 30_000}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("refining")
    (path / "tight.yaml").write_text(BUDGET)
    return path


def command(folder: Path, space: Path, *more: object) -> tuple[object, ...]:
    return ("search", "--budget", folder / "tight.yaml", "--space", space, "--run", folder / "s", "--proxy", "distillation",
            "--out", folder / "best.json", "--json", "--refine", 2, *more)  # fmt: skip


def journal(folder: Path) -> list[Refined]:
    return read_refined(folder / "s" / "refined.jsonl")


def test_the_best_are_pruned_to_the_edge_and_once(
    hwasc: Run, folder: Path, tiny_space: Path, tiny_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, out, err = hwasc(*command(folder, tiny_space), tiny=True)
    assert status == 0, err
    result, found = json.loads(out), journal(folder)
    second = {t["number"]: t for t in result["rescored"]}
    assert [r["number"] for r in result["refined"]] == sorted(second, key=lambda n: -second[n]["accuracy"])
    ws, space = tiny_workspace, SearchSpace.load(tiny_space)
    scoring = Scoring(proxy="distillation", targets=target_file(fuse(ws)), train=ws.settings.search.refine_train)
    for r in found:
        costs = measure(r.architecture)
        assert ResolvedBudget(name="edge", limits=LIMITS).feasible(costs)
        assert (costs.macs.torchinfo, costs.parameters) == (r.macs, r.parameters)
        assert costs.macs.torchinfo > 0.85 * 400_000 or costs.int8_memory.activations > 0.85 * 30_000
        assert (
            r.max_cost_ratio >= 1.5
            and r.epochs == 2
            and r.origin == second[r.number]["id"] != r.id == r.architecture.id
        )
        point = second[r.number]["point"]
        origin = candidate(ws, scoring, Proposal(point, space.architecture(point, 10, 1.0)))
        again = proxies.score(origin)
        assert (r.before, r.before_score) == (again.accuracy, again.value), "trained as long"
        net = build(r.architecture)
        net.load_state_dict(load_weights(folder / "s" / f"refined-{r.number}.safetensors"))
        validation = ws.features(ws.dataset.validation, r.architecture.front_end, "validation")
        assert accuracy(net, validation, torch.device("cpu")) == pytest.approx(r.float_accuracy)
        assert np.isfinite(predict(net, validation, torch.device("cpu"))).all()
    assert "Refinement" in (folder / "s" / "report.html").read_text()
    monkeypatch.setattr("hwasc.nas.refinement_job.run_job", None)  # nothing is computed again
    before = (folder / "s" / "refined.jsonl").read_bytes()
    status, out, err = hwasc(*command(folder, tiny_space), tiny=True)
    assert status == 0 and (folder / "s" / "refined.jsonl").read_bytes() == before, err
    assert json.loads(out)["refined"] == result["refined"]


def test_a_lost_line_is_computed_again_and_the_same(hwasc: Run, folder: Path, tiny_space: Path) -> None:
    path = folder / "s" / "refined.jsonl"
    first = journal(folder)
    path.write_bytes(path.read_bytes()[:-30])  # a crash cut the last line short
    status, _, err = hwasc(*command(folder, tiny_space, "--workers", 2), tiny=True)
    assert status == 0, err
    again = journal(folder)
    assert again[0] == first[0]
    assert {**schema.plain(again[1]), "seconds": 0} == {**schema.plain(first[1]), "seconds": 0}


@pytest.mark.parametrize("better", [True, False])
def test_a_better_net_replaces_the_best_and_no_other(hwasc: Run, folder: Path, tiny_space: Path, better: bool) -> None:
    path = folder / "s" / "refined.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        line.pop("checksum", None)
    for i, line in enumerate(lines):
        line["accuracy"] = line["score"] = 0.9 + i / 100 if better else 0.0
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    status, out, err = hwasc(*command(folder, tiny_space), tiny=True)
    assert status == 0, err
    best = architectures.load(folder / "best.json")
    proxy = best.provenance["proxy"]
    if better:
        assert best.id == lines[-1]["id"] and proxy["by"] == "refinement" and proxy["int8_accuracy"] == 0.91
        assert proxy["from"]["id"] == lines[-1]["origin"] and (folder / "s" / proxy["weights"]).is_file()
        assert best.weights is not None and best.weights.by == "refinement"
        assert (folder / best.weights.file).read_bytes() == (folder / "s" / proxy["weights"]).read_bytes()
        assert all(limit["slack"] >= 0 for limit in best.provenance["limits"].values())
        assert json.loads(out)["costs"]["macs"]["torchinfo"] == lines[-1]["macs"]
        pruned, content = folder / "s" / proxy["weights"], (folder / best.weights.file).read_bytes()
        pruned.unlink()
        status, _, err = hwasc(*command(folder, tiny_space), tiny=True)
        assert status == 2 and "are missing; delete refined.jsonl" in err
        pruned.write_bytes(content)
    else:
        assert best.id == json.loads(out)["trial"]["id"] and proxy["by"] == "distillation" and "from" not in proxy
        assert best.weights is None, "each candidate was trained by itself"
    shown = (folder / "s" / "report.html").read_text()
    assert ("takes its place" in shown) is better is not ("none was chosen" in shown)


def test_another_searchs_journal_is_refused(hwasc: Run, folder: Path, tiny_space: Path) -> None:
    path = folder / "s" / "refined.jsonl"
    text = path.read_text()
    path.write_text(re.sub(r',"checksum":"\w+"', "", text.replace(journal(folder)[0].origin, "other")))
    status, _, err = hwasc(*command(folder, tiny_space), tiny=True)
    assert status == 2 and "another candidate" in err
    path.write_text(text)


def test_only_a_better_net_is_chosen() -> None:
    measured = {"accuracy": 0.5, "float_accuracy": 0.5, "standard_error": 0.01, "score": 0.5, "score_error": 0.01}
    trial = Trial(
        number=3,
        id="a",
        point={},
        parameters=1,
        macs=1,
        memory=1,
        weights=1,
        seconds=1.0,
        proposed=1,
        seed=0,
        **measured,
    )
    a = architectures.Architecture(FrontEnd(), (4, 8), (), 10)
    one = Refined(
        number=3, origin="a", before=0.5, before_score=0.5, id=a.id, architecture=a, parameters=1, macs=100, memory=1,
        weights=1, max_cost_ratio=1.5, epochs=30, seconds=1.0, seed=0, **measured,
    )  # fmt: skip
    more = schema.parse(Refined, {**schema.plain(one), "accuracy": 0.6, "score": 0.6}, "record")
    cheap = schema.parse(Refined, {**schema.plain(more), "macs": 50}, "record")
    assert best_refined([], trial) is None and best_refined([one], trial) is None
    assert best_refined([one, more, cheap], trial) == cheap
    other = schema.parse(Refined, {**schema.plain(one), "before": 0.7, "before_score": 0.7}, "record")
    assert best_refined([more, other], trial) is None, "another candidate is better, trained as long"
    assert provenance(more)["by"] == "refinement" and provenance(more)["weights"] == "refined-3.safetensors"


def test_refinement_needs_second_scores() -> None:
    assert Settings.load(None, ["search.refine=1"]).search.refine == 1
    for wrong in (["search.refine=3", "search.rescore=2"], ["search.refine=-1"], ["search.refine_from=1"]):
        with pytest.raises(UsageError, match="refine"):
            Settings.load(None, wrong)
