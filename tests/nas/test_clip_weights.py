"""What counts alike in a candidate's score: clips, or recording devices."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hwasc.data.clips import Clip
from hwasc.ensemble.fusion import FittedEnsemble, fuse, target_file
from hwasc.nas import location_scores
from hwasc.nas.clip_weights import clip_weights
from hwasc.nas.engines.local import LocalEngine
from hwasc.nas.fold_scoring import fold_evaluator
from hwasc.nas.job import Candidate, Proposal, Score, measured_score
from hwasc.nas.result import SearchResult
from hwasc.nas.scoring import Scoring, candidates
from hwasc.records.settings import Settings
from hwasc.records.train_settings import TrainSettings
from hwasc.training.metrics import macro_accuracy
from hwasc.workspace import Workspace
from tests.nas.test_fold_scoring import NET


def clips_of(devices: list[str]) -> list[Clip]:
    return [
        Clip(id=str(i), path=Path("x"), start=0, seconds=1, scene="bus", location="p", device=d)
        for i, d in enumerate(devices)
    ]


@given(st.lists(st.sampled_from("aaaaabcd"), min_size=1, max_size=40))
def test_each_device_counts_alike(devices: list[str]) -> None:
    clips = clips_of(devices)
    assert clip_weights(clips, "clips").tolist() == [1.0] * len(clips)
    weights = clip_weights(clips, "devices")
    of_device = Counter[str]()
    for clip, weight in zip(clips, weights.tolist(), strict=True):
        of_device[clip.device] += weight
    assert all(w == pytest.approx(len(clips) / len(of_device)) for w in of_device.values())


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(1, 4)), min_size=1, max_size=30))
def test_a_clip_of_weight_n_counts_as_n_clips(clips: list[tuple[int, int, int]]) -> None:
    predicted, labels, weights = (np.array(column) for column in zip(*clips, strict=True))
    repeated = [torch.from_numpy(np.repeat(a, weights)) for a in (predicted, labels)]
    found = macro_accuracy(torch.from_numpy(predicted), torch.from_numpy(labels), 3, weights=weights.astype(float))
    assert found == pytest.approx(macro_accuracy(*repeated, 3))


@pytest.fixture(scope="module")
def fused(tiny_workspace: Workspace) -> FittedEnsemble:
    return fuse(tiny_workspace)


def scoring(fused: FittedEnsemble, proxy: object) -> Scoring:
    settings = TrainSettings(2, 32, 1e-2, 1e-3)
    return Scoring(proxy=proxy, targets=target_file(fused), train=settings, weigh="devices")  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_score_is_the_mean_over_devices(tiny_workspace: Workspace, fused: FittedEnsemble) -> None:
    from hwasc.models import student

    torch.manual_seed(0)
    net = student.build(NET).eval()
    job = replace(candidates(tiny_workspace, scoring(fused, "distillation"))(Proposal({}, NET)), quantized=False)
    job = replace(job, by_clip=True)
    found, device = (
        measured_score(net, job, torch.device("cpu"), 0.0),
        np.array([c.device for c in job.validation.clips]),
    )
    assert found.losses is not None and found.right is not None
    losses, right = np.array(found.losses), np.array(found.right, float)
    assert len(set(Counter(device.tolist()).values())) > 1, "some devices have more clips than others"
    by_device = [losses[device == d].mean() for d in sorted(set(device))]
    assert found.value == pytest.approx(math.exp(-np.mean(by_device)))
    assert found.value != pytest.approx(math.exp(-losses.mean()))
    weights = clip_weights(job.validation.clips, "devices")
    scenes = [
        np.average(right[job.validation.labels == s], weights=weights[job.validation.labels == s]) for s in range(10)
    ]
    assert found.accuracy == pytest.approx(np.mean(scenes)) == found.float_accuracy
    plain = measured_score(net, replace(job, weigh="clips"), torch.device("cpu"), 0.0)
    assert plain.value == pytest.approx(math.exp(-losses.mean()))
    assert plain.value_error == pytest.approx(plain.value * losses.std() / math.sqrt(len(losses)))
    assert found.standard_error is not None and plain.standard_error is not None
    effective = weights.sum() ** 2 / (weights**2).sum()
    share = found.accuracy or 0.0
    assert found.standard_error == pytest.approx(math.sqrt(share * (1 - share) / effective))


class ByDevice:
    """A proxy that is right, and loses nothing, on device a alone."""

    def __call__(self, candidate: Candidate) -> Score:
        assert candidate.rows is not None
        right = tuple(candidate.validation.clips[i].device == "a" for i in candidate.rows)
        return Score(0.5, 1.0, losses=tuple(0.0 if r else 1.0 for r in right), right=right)


@pytest.mark.slow
def test_over_folds_all_clips_together_are_weighed(tiny_workspace: Workspace, fused: FittedEnsemble) -> None:
    ws = tiny_workspace
    devices = Counter(c.device for c in (*ws.dataset.train, *ws.dataset.validation))
    with LocalEngine(1) as engine:
        ((_, score),) = fold_evaluator(ws, scoring(fused, ByDevice()), engine, fused)([Proposal({}, NET)])
    assert score.locations is not None
    assert sum(s.clips for s in score.locations) == pytest.approx(sum(devices.values()))
    assert location_scores.loss(score.locations) == pytest.approx(1 - 1 / len(devices))
    assert score.value == pytest.approx(math.exp(1 / len(devices) - 1))


@pytest.mark.slow
def test_a_search_that_weighs_devices(
    hwasc: Callable[..., tuple[int, str, str]], tiny_space: Path, tmp_path: Path
) -> None:
    argv = ("search", "--budget", "dcase2024", "--space", tiny_space, "--trials", 4, "--rescore", 2)
    scores = {}
    for weigh in ("clips", "devices"):
        run = tmp_path / weigh
        status, out, err = hwasc(*argv, "--run", run, "--set", f"search.weigh={weigh}", tiny=True)
        assert status == 0, err
        result = SearchResult.read(run)
        scores[weigh] = {t.number: t.score for t in (*result.trials, *result.rescored)}
        page = (run / "report.html").read_text()
        said = "each recording device counts alike"
        assert (said in out, said in page) == (weigh == "devices",) * 2
    assert all(scores["clips"][n] != scores["devices"][n] for n in scores["clips"] if n in scores["devices"])


def test_another_word_is_refused() -> None:
    with pytest.raises(Exception, match="weigh"):
        Settings.load({"search": {"weigh": "places"}})
