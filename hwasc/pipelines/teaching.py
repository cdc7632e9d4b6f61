"""`hwasc teach`: teachers trained by cross-fitting, so that every training clip has logits from teachers that never saw it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

import hwasc
from hwasc.data import logits as logit_files
from hwasc.data.clips import Clip
from hwasc.data.features import Features
from hwasc.data.splits import folds
from hwasc.models.teachers import TeacherSpec, build
from hwasc.pipelines.jobs import pool
from hwasc.pipelines.workspace import Workspace
from hwasc.records import schema
from hwasc.records.architecture import FrontEnd
from hwasc.records.settings import TrainSettings
from hwasc.training.batches import Augment, steps, training_batches
from hwasc.training.device import pick_device
from hwasc.training.loop import fit, predict
from hwasc.training.loss import distillation_loss
from hwasc.training.weights import load_weights, save_weights


@dataclass(frozen=True)
class Teachers:
    """Trained teachers. folders[k] holds teacher k's weights and logits per fold; fold_of the fold of each training clip."""

    specs: tuple[TeacherSpec, ...]
    folders: tuple[Path, ...]
    folds: int
    train: Features
    fold_of: np.ndarray

    @property
    def names(self) -> tuple[str, ...]:
        """The families."""
        return tuple(spec.family for spec in self.specs)


@dataclass(frozen=True)
class _Job:
    spec: TeacherSpec
    train: Features
    rows: np.ndarray
    augment: Augment
    settings: TrainSettings
    seed: int
    device: str
    weights: Path


def teacher_front_end(ws: Workspace) -> FrontEnd:
    """The front end that the teachers hear through."""
    t = ws.settings.teachers
    return FrontEnd.for_clip(t.mels, t.frames, ws.settings.data.seconds)


def content(features: Features) -> str:
    """Hash over the content of all clips of a feature set."""
    return hashlib.sha256("\n".join(features.hashes).encode()).hexdigest()[:16]


def teach(ws: Workspace) -> Teachers:
    """Train every family once per fold on the other folds' locations; what the cache holds already is not trained again."""
    s, front_end = ws.settings, teacher_front_end(ws)
    train = ws.features(ws.dataset.train, front_end, "train")
    fold_of = np.array(folds(train.clips, s.teachers.folds, s.seed))
    augment = ws.augment(front_end)
    specs = tuple(TeacherSpec(family, front_end=front_end) for family in s.teachers.families)
    response_key = (
        hashlib.sha256(augment.responses.numpy().tobytes()).hexdigest() if augment.responses is not None else ""
    )
    common = {
        "version": hwasc.__version__,
        "content": content(train),
        "labels": train.labels.tolist(),
        "augment": s.augment,
        "responses": response_key,
        "train": s.teachers.train,
        "folds": fold_of.tolist(),
        "seed": s.seed,
    }
    folders = tuple(
        ws.cache / "teachers" / f"{spec.family}-{schema.digest({**common, 'spec': spec})}" for spec in specs
    )
    jobs = []
    for k, (spec, folder) in enumerate(zip(specs, folders, strict=True)):
        for fold in range(s.teachers.folds):
            weights = folder / f"fold{fold}.safetensors"
            if not weights.is_file():
                rows = np.flatnonzero(fold_of != fold)
                seed = int(np.random.SeedSequence([s.seed, k, fold]).generate_state(1)[0])
                jobs.append(_Job(spec, train, rows, augment, s.teachers.train, seed, str(ws.device), weights))
    if jobs:
        with (
            ws.reporter.track(f"teachers ({', '.join(s.teachers.families)})", len(jobs)) as update,
            pool(ws.workers) as run,
        ):
            for done, (i, accuracy) in enumerate(run(_train, jobs), 1):
                update(done, f"{jobs[i].spec.family} {jobs[i].weights.stem}, last loss {accuracy:.3f}")
    return Teachers(specs, folders, s.teachers.folds, train, fold_of)


def _train(job: _Job) -> float:
    torch.manual_seed(job.seed)
    model = build(job.spec, len(job.train.classes))
    last = [0.0]
    fit(
        model,
        lambda epoch: training_batches(job.train, None, job.settings.batch, job.augment, job.seed, epoch, job.rows),
        steps(len(job.rows), job.settings.batch),
        lambda logits, labels, _: distillation_loss(logits, labels, None, 0, 1),
        job.settings,
        pick_device(job.device),
        job.seed,
        checkpoint=job.weights.with_suffix(".ckpt"),
        on_epoch=lambda _, loss: last.__setitem__(0, loss),
    )
    save_weights(job.weights, model, {"spec": schema.canonical(job.spec)})
    job.weights.with_suffix(".ckpt").unlink(missing_ok=True)
    return last[0]


def out_of_fold(teachers: Teachers, ws: Workspace) -> np.ndarray:
    """Logits (n, K, classes) of the training clips, each by the teachers that were not trained on its location."""
    n, k, c = len(teachers.train), len(teachers.specs), len(teachers.train.classes)
    out = np.zeros((n, k, c), np.float32)
    for fold in range(teachers.folds):
        rows = np.flatnonzero(teachers.fold_of == fold)
        clips = [teachers.train.clips[i] for i in rows]
        for j in range(k):
            out[rows, j] = _kept_logits(teachers, ws, j, fold, teachers.train, rows, f"fold{fold}", clips)
    return out


def held_out(teachers: Teachers, ws: Workspace, features: Features, what: str) -> np.ndarray:
    """Logits (n, K, classes) as the mean over each teacher's folds: for clips that none saw, or for all folds' word on any."""
    rows = np.arange(len(features))
    per_fold = [
        np.stack(
            [
                _kept_logits(teachers, ws, j, fold, features, rows, f"{what}-fold{fold}", features.clips)
                for j in range(len(teachers.specs))
            ],
            1,
        )
        for fold in range(teachers.folds)
    ]
    return np.asarray(np.mean(per_fold, 0), np.float32)


def _kept_logits(
    teachers: Teachers,
    ws: Workspace,
    k: int,
    fold: int,
    features: Features,
    rows: np.ndarray,
    name: str,
    clips: Sequence[Clip],
) -> np.ndarray:
    ids, hashes = [c.id for c in clips], [features.hashes[i] for i in rows]
    path = teachers.folders[k] / f"{name}-{schema.digest([ids, hashes])}.npz"
    if not path.is_file():
        weights = teachers.folders[k] / f"fold{fold}.safetensors"
        model = build(teachers.specs[k], len(features.classes))
        model.load_state_dict(load_weights(weights))
        record = {
            "hash": hashlib.sha256(weights.read_bytes()).hexdigest()[:16],
            "spec": schema.plain(teachers.specs[k]),
        }
        logit_files.save(path, ids, hashes, predict(model, features, ws.device, rows=rows), record)
    return logit_files.load(path, ids, hashes)
