"""The contract of `hwasc.ensemble.teacher.Teacher`, the same for every kind. A new kind is a line in `MEMBERS`."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwasc.audio.noise import Noise
from hwasc.data.changes import AddedNoise
from hwasc.data.source import DataSource
from hwasc.ensemble.clip_set import ClipSet
from hwasc.ensemble.contributions import contributions
from hwasc.ensemble.fusion import fuse
from hwasc.ensemble.kinds import KINDS, open_teacher
from hwasc.ensemble.summary import EnsembleSummary, summarize
from hwasc.ensemble.teacher import Folds, Job, Teacher
from hwasc.ensemble.teacher_front_ends import teacher_front_end
from hwasc.errors import UsageError
from hwasc.parallel.jobs import in_order, pool
from hwasc.records import teacher_settings
from hwasc.records.settings import Settings
from hwasc.records.teacher_settings import Member
from hwasc.records.train_settings import TrainSettings
from hwasc.workspace import Workspace, open_workspace
from tests.ensemble.embedding.little_models import wav2vec2_model
from tests.ensemble.embedding.little_nets import onnx_net
from tests.ensemble.given_teachers import export, ids_of, write_logits

pytestmark = pytest.mark.slow


def family(folder: Path, ws: Workspace) -> Member:
    return Member(name="mine", family="crnn", width=4)


def model(folder: Path, ws: Workspace) -> Member:
    export(folder / "m.onnx", ws)
    return Member(name="mine", model=str(folder / "m.onnx"))


def logits(folder: Path, ws: Workspace) -> Member:
    write_logits(folder / "m.csv", ws, ids_of(ws, "train", "validation", "test"))
    return Member(name="mine", logits=str(folder / "m.csv"))


def embedding(folder: Path, ws: Workspace) -> Member:
    file = onnx_net(folder / "net.onnx", (1, 40, 17), inputs=40 * 17)
    return Member(name="mine", embedding=str(file), tensor="hidden")


def hf(folder: Path, ws: Workspace) -> Member:
    pytest.importorskip("transformers")
    return Member(name="mine", hf=str(wav2vec2_model(folder / "hf")))


def fine_tuned(folder: Path, ws: Workspace) -> Member:
    settings = TrainSettings(1, 32, 1e-2)
    return replace(hf(folder, ws), fine_tune=True, train=settings)


MEMBERS: dict[str, Callable[[Path, Workspace], Member]] = {
    "family": family,
    "embedding": embedding,
    "hf": hf,
    "hf, fine-tuned": fine_tuned,
    "model": model,
    "logits": logits,
}
CROSS_FITTED = {"family", "embedding", "hf", "hf, fine-tuned"}
WITHOUT_SOUND = {"logits"}


@pytest.fixture(params=MEMBERS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def space(tiny_data: Path, tmp_path: Path, tiny_settings: list[str]) -> Callable[..., Workspace]:
    """A workspace with a cache of its own, whose first teacher is of the kind."""
    tiny = [s for s in tiny_settings if s != "--set"]

    def opened(member: Member | None = None, **more: Any) -> Workspace:
        ws = open_workspace(tiny_data, Settings.load(None, tiny), cache=tmp_path / "cache", **more)
        if member is None:
            return ws
        settings = replace(ws.settings.teachers, members=(member, Member(name="other", family="tf_sepnet", width=4)))
        return replace(ws, settings=replace(ws.settings, teachers=settings))

    return opened


@pytest.fixture
def member(kind: str, space: Callable[..., Workspace], tmp_path: Path) -> Member:
    return MEMBERS[kind](tmp_path, space())


def opened(ws: Workspace, member: Member) -> Teacher:
    return open_teacher(member, Folds(ws))


def prepared(ws: Workspace, member: Member) -> Teacher:
    teacher = opened(ws, member)
    for job in teacher.jobs():
        job.run()
    return teacher


def clips_of(ws: Workspace, split: str, change: AddedNoise | None = None) -> ClipSet:
    features = ws.features(getattr(ws.dataset, split), teacher_front_end(ws), split, change=change)
    return ClipSet.of(ws, features, split)


class FixedFolds(Folds):
    """Folds that do not depend on the labels."""

    def __init__(self, workspace: Workspace, of: np.ndarray) -> None:
        super().__init__(workspace)
        self.__dict__["of"] = of


def apart(found: np.ndarray, expected: np.ndarray) -> float:
    """Greatest difference, as a share of the range: a probe on a net of random weights has small logits."""
    return float(np.abs(found - expected).max() / np.ptp(expected))


def run(job: Job) -> str:
    return job.run()


def test_every_kind_is_here() -> None:
    assert {name.split(",")[0] for name in MEMBERS} == set(KINDS) == set(teacher_settings.KINDS)


def test_the_same_clips_have_the_same_logits(kind: str, member: Member, space: Callable[..., Workspace]) -> None:
    ws = space(member)
    teacher = prepared(ws, member)
    assert teacher.name == "mine" and teacher.key.startswith("mine-") and not teacher.jobs()
    assert teacher.cross_fitted == (kind in CROSS_FITTED)
    for split in ("train", "validation", "test"):
        clips = clips_of(ws, split)
        teacher.check(clips.clips, split)
        by_fold = [teacher.logits(clips, fold) for fold in range(2)]
        assert by_fold[0].shape == (len(clips), len(ws.dataset.classes)) and by_fold[0].dtype == np.float32
        assert np.isfinite(by_fold).all() and np.ptp(by_fold[0], 0).min() > 0
        assert np.array_equal(by_fold[0], by_fold[1]) != teacher.cross_fitted
        some = np.array([5, 2, 9])
        assert apart(teacher.logits(clips.part(some), 0), by_fold[0][some]) < 1e-3
    again = opened(space(member), member)
    assert again.key == teacher.key and not again.jobs()
    assert np.array_equal(again.logits(clips_of(ws, "test"), 1), by_fold[1])


def test_logits_are_cached_by_the_content_of_the_clips(
    kind: str, member: Member, space: Callable[..., Workspace]
) -> None:
    ws = space(member)
    teacher, folder = prepared(ws, member), ws.cache / "teachers"
    noisy = AddedNoise(Noise(source="white", snr=0.0, seed=1))
    clean = teacher.logits(clips_of(ws, "test"), 0)
    files = {path: path.stat().st_mtime_ns for path in folder.rglob("*.npz")}
    assert bool(files) == (kind not in WITHOUT_SOUND) and all(path.parent.name == teacher.key for path in files)
    teacher.logits(clips_of(ws, "test"), 0)
    assert files == {path: path.stat().st_mtime_ns for path in folder.rglob("*.npz")}, "computed once"
    if kind in WITHOUT_SOUND:
        with pytest.raises(UsageError, match="mine only has logits of the clips as recorded"):
            teacher.logits(clips_of(ws, "test", noisy), 0)
        return
    changed = teacher.logits(clips_of(ws, "test", noisy), 0)
    assert np.isfinite(changed).all() and apart(changed, clean) > 1e-2
    assert np.array_equal(teacher.logits(clips_of(ws, "test"), 0), clean), "each clip set has its own file"


def test_jobs_resume_and_run_in_other_processes(kind: str, member: Member, space: Callable[..., Workspace]) -> None:
    ws = space(member)
    jobs = opened(ws, member).jobs()
    assert len(jobs) == (2 if kind in CROSS_FITTED else 0) and all("mine" in job.label for job in jobs)
    if not jobs:
        return
    pickle.loads(pickle.dumps(jobs[0])).run()
    assert len(opened(ws, member).jobs()) == 1, "what is done is not done again"
    teacher = prepared(ws, member)
    here = [teacher.logits(clips_of(ws, "validation"), fold) for fold in range(2)]
    shutil.rmtree(ws.cache / "teachers")
    with pool(2) as submit:
        assert all(in_order(submit(run, list(opened(ws, member).jobs())), 2))
    there = [opened(ws, member).logits(clips_of(ws, "validation"), fold) for fold in range(2)]
    assert apart(np.array(there), np.array(here)) < 1e-3


def test_a_cross_fitted_teacher_is_not_trained_on_the_fold(
    kind: str, member: Member, space: Callable[..., Workspace]
) -> None:
    """Other labels of the clips of a fold change nothing about its version."""
    if kind not in CROSS_FITTED:
        pytest.skip("it is trained elsewhere")
    ws = space(member)
    teacher, folds = prepared(ws, member), Folds(ws)
    out = folds.clips.features.labels[folds.held_out(0).rows]
    scenes = {
        clip.id: ws.dataset.classes[(label + 1) % 10] for clip, label in zip(folds.held_out(0).clips, out, strict=True)
    }
    train = tuple(replace(clip, scene=scenes.get(clip.id, clip.scene)) for clip in ws.dataset.train)
    other = replace(ws, source=DataSource.of(ws.source, replace(ws.dataset, train=train)), cache=ws.cache / "other")
    same = Folds(ws).of
    changed = FixedFolds(other, same)
    relabelled = open_teacher(member, changed)
    for job in relabelled.jobs():
        job.run()
    clips = clips_of(ws, "validation")
    assert relabelled.key != teacher.key
    assert apart(relabelled.logits(clips, 0), teacher.logits(clips, 0)) < 1e-3
    assert apart(relabelled.logits(clips, 1), teacher.logits(clips, 1)) > 1e-2


def test_its_name_is_in_every_table(kind: str, member: Member, space: Callable[..., Workspace]) -> None:
    ws = space(member)
    fused = fuse(ws)
    features = ws.features(ws.dataset.validation, fused.front_end, "validation")
    summary = summarize(fused, features, "validation")
    first = summary.teachers[0]
    assert (first.name, first.kind) == ("mine", kind.split(",")[0]) and first.text()
    assert [row.name for row in summary.fusion][:2] == ["mine", "other"] == [r.name for r in summary.leave_one_out]
    rows = contributions(summary.fusion, summary.leave_one_out, summary.mixing)
    assert [r.name for r in rows] == ["mine", "other"]
    assert sum(r.z1_weight or 0 for r in rows) == pytest.approx(1, abs=1e-5)
    assert EnsembleSummary.from_json(summary.to_json(), "again") == summary
