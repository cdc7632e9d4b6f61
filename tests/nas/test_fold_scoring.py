"""Second scores over folds: every clip once, by a net that its location has not reached; and a whole search with them."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwasc.ensemble.clip_set import ClipSet
from hwasc.ensemble.fusion import FittedEnsemble, fold_target_file, fuse, target_file
from hwasc.nas import location_scores
from hwasc.nas.choice import BY_SCORE, choose, optimism
from hwasc.nas.engines.local import LocalEngine
from hwasc.nas.fold_scoring import by_folds, fold_evaluator
from hwasc.nas.job import Candidate, Proposal, Score
from hwasc.nas.result import SearchResult
from hwasc.nas.scoring import Scoring
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import GRN, InvertedResidual
from hwasc.records.front_end import FrontEnd
from hwasc.records.train_settings import TrainSettings
from hwasc.workspace import Workspace

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str, str]]
NET = Architecture(FrontEnd.for_clip(40, 17), (4, 8), (InvertedResidual(3, 16, 8, (1, 1), True, GRN()),), 10)


@pytest.fixture(scope="module")
def fused(tiny_workspace: Workspace) -> FittedEnsemble:
    return fuse(tiny_workspace)


def scoring(ws: Workspace, fused: FittedEnsemble, proxy: object = "distillation") -> Scoring:
    return Scoring(proxy=proxy, targets=target_file(fused), train=TrainSettings(4, 32, 1e-2, 1e-3))  # type: ignore[arg-type]


class Seen:
    """A proxy that keeps its jobs and calls every clip right, with a loss of one."""

    def __init__(self) -> None:
        self.jobs: list[Candidate] = []

    def __call__(self, candidate: Candidate) -> Score:
        self.jobs.append(candidate)
        assert candidate.rows is not None
        count = len(candidate.rows)
        return Score(0.5, 2.0, float_accuracy=0.5, losses=(1.0,) * count, right=(True,) * count)


def test_every_clip_is_measured_once_by_a_net_that_has_not_met_its_location(
    tiny_workspace: Workspace, fused: FittedEnsemble
) -> None:
    ws, seen = tiny_workspace, Seen()
    with LocalEngine(1) as engine:
        found = list(fold_evaluator(ws, scoring(ws, fused, seen), engine, fused)([Proposal({}, NET)] * 2))
    folds = fused.teachers.folds
    assert [i for i, _ in found] == [0, 1] and len(seen.jobs) == 2 * (folds.count + 1)
    measured: Counter[str] = Counter()
    validation = ws.features(ws.dataset.validation, fused.front_end, "validation")
    target_file(fused)  # of teachers that have seen the clips: its presence must not matter
    for fold, job in enumerate(seen.jobs[: folds.count + 1]):
        assert job.rows is not None and job.supernet is None and job.ensemble is not None
        rows = range(len(job.data.train)) if job.data.rows is None else job.data.rows
        trained = {job.data.train.clips[i].location for i in rows}
        clips = [job.validation.clips[i] for i in job.rows]
        assert len(rows) + len(clips) == len(ws.dataset.train) + len(ws.dataset.validation), "trained on all others"
        assert not trained & {c.location for c in clips}
        assert not trained & {c.location for c in ws.dataset.test}
        measured.update(c.id for c in clips)
        assert isinstance(job.data.targets, np.ndarray)
        by_teachers = (
            fused.fold_targets(fold)
            if fold < folds.count
            else np.concatenate([fused.targets(), fused.held_out_logits(validation, "validation")])
        )
        np.testing.assert_allclose(job.data.targets, by_teachers, atol=1e-5)
        np.testing.assert_allclose(job.ensemble[job.rows], by_teachers[job.rows], atol=1e-5)
        assert job.train_settings.epochs == round(4 * len(ws.dataset.train) / len(rows)), "as many steps as in the end"
        assert job.qat == ws.settings.distill.qat and job.qat_steps == 0
    whole = [c.id for c in (*ws.dataset.train, *ws.dataset.validation)]
    assert measured == Counter(whole)
    score = found[0][1]
    assert score.locations is not None and sum(s.clips for s in score.locations) == len(whole)
    assert score.float_accuracy is None, "not the mean of the folds' accuracies"
    assert score.value == pytest.approx(math.exp(-1)) and score.accuracy == 1 and score.seconds == 2 * (folds.count + 1)


def test_teachers_of_a_fold_have_not_seen_it(tiny_workspace: Workspace, fused: FittedEnsemble) -> None:
    """Targets of a fold's students: by the teachers' version of this fold, the one whose logits of the fold are out-of-fold."""
    t, folds = fused.teachers, fused.teachers.folds
    for fold in range(folds.count):
        logits = np.stack([m.logits(folds.clips, fold if m.cross_fitted else 0) for m in t.members], 1)
        expected = fused._views(t.train, logits)[fused.view]
        np.testing.assert_array_equal(fused.fold_targets(fold)[: len(t.train)], expected)
    out_of_fold = replace(
        fused,
        workspace=replace(
            tiny_workspace,
            settings=tiny_workspace.settings.changed(["distill.targets=out_of_fold"]),
        ),
    ).targets()
    for fold in range(folds.count):
        rows, found = folds.of == fold, fused.fold_targets(fold)[: len(t.train)]
        np.testing.assert_allclose(found[rows], out_of_fold[rows], atol=1e-5)
        assert not np.allclose(found[~rows], out_of_fold[~rows], atol=1e-2)


def test_targets_of_validation_clips_name_their_scene(tiny_workspace: Workspace, fused: FittedEnsemble) -> None:
    """No teacher has seen these clips, which nets of the other folds learn from: the label has the highest logit."""
    ws, t = tiny_workspace, fused.teachers
    validation = ws.features(ws.dataset.validation, fused.front_end, "validation")
    clips = ClipSet.of(ws, validation, "validation")
    wrong = 0
    for fold in range(t.folds.count):
        logits = np.stack([m.logits(clips, fold if m.cross_fitted else 0) for m in t.members], 1)
        by_teachers = fused._views(validation, logits)[fused.view]
        found = fused.fold_targets(fold)[len(t.train) :]
        wrong += int((by_teachers.argmax(1) != validation.labels).sum())
        np.testing.assert_array_equal(found.argmax(1), validation.labels)
        np.testing.assert_array_equal(np.sort(found, 1), np.sort(by_teachers, 1))
    assert wrong


def test_what_is_held_out_does_not_reach_the_net(tiny_workspace: Workspace, fused: FittedEnsemble) -> None:
    """The score of a fold stays finite and the same when labels and targets of its clips are spoiled for the training."""
    from hwasc.nas import proxies

    ws, seen = tiny_workspace, Seen()
    with LocalEngine(1) as engine:
        list(fold_evaluator(ws, scoring(ws, fused, seen), engine, fused)([Proposal({}, NET)]))
    job = replace(seen.jobs[0], proxy="distillation")
    honest = proxies.score(job)
    assert isinstance(job.data.targets, np.ndarray) and job.rows is not None
    targets = job.data.targets.copy()
    targets[job.rows] = np.nan
    spoiled = proxies.score(replace(job, data=replace(job.data, targets=targets)))
    assert honest.losses is not None and spoiled.losses is not None and np.isfinite(spoiled.losses).all()
    assert honest.losses == spoiled.losses
    assert fold_target_file(fused, 0) != fold_target_file(fused, 1)


def test_few_validation_locations_are_scored_over_folds(tiny_workspace: Workspace) -> None:
    for chosen, expected in (("auto", True), ("validation", False), ("folds", True)):
        settings = tiny_workspace.settings.changed([f"search.rescore_on={chosen}"])
        assert by_folds(replace(tiny_workspace, settings=settings)) is expected


def test_a_search_with_finalists_over_folds(hwasc: Run, tiny_space: Path, tmp_path: Path) -> None:
    argv = ("search", "--budget", "dcase2024", "--space", tiny_space, "--run", tmp_path / "s", "--trials", 4)
    folds = ("--set", "search.rescore_on=auto", "--rescore", 3)
    status, out, err = hwasc(*argv, *folds, tiny=True)
    assert status == 0, err
    result = SearchResult.read(tmp_path / "s")
    assert len(result.rescored) == 3 and all(t.locations for t in result.rescored)
    assert result.optimism is not None and len(result.optimism.choices) == 3
    assert result.optimism == optimism(result.rescored, "macs")
    assert result.trial == choose(BY_SCORE, trials=result.trials, rescored=result.rescored, refined=[]).trial
    for t in result.rescored:
        assert t.locations is not None and sum(s.clips for s in t.locations) == 120
        assert t.score == pytest.approx(math.exp(-location_scores.loss(t.locations)))
        assert t.accuracy == pytest.approx(location_scores.accuracy(t.locations))
    about = json.loads((tmp_path / "s" / "best.json").read_text())["provenance"]["proxy"]
    assert (about["clips"], about["split"], about["chosen"]) == (120, "folds", "macs")
    assert about["nested_accuracy"] == result.optimism.nested
    assert "int8 over folds" in out and "120 training and validation clips" in out
    differs = len(set(result.optimism.choices)) > 1 or result.optimism.nested != result.optimism.accuracy
    assert ("on new places" if differs else "owes nothing to the choice") in out
    page = (tmp_path / "s" / "report.html").read_text()
    assert "points from the best" in page and "Each finalist was trained 3 times" in page

    status, _, err = hwasc(*argv, *folds, "--prefer", "accuracy", tiny=True)
    assert status == 0, err
    assert SearchResult.read(tmp_path / "s").trial.score == max(t.score for t in result.rescored)
