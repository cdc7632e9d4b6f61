"""Teachers are trained by cross-fitting: every training clip has logits from teachers that were not trained on its location."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import hwasc
from hwasc.data import logits as logit_files
from hwasc.data.features import Features
from hwasc.data.splits import folds
from hwasc.ensemble.external import ExternalTeacher, check_external, external_logits, open_external
from hwasc.ensemble.known_clips import teacher_record
from hwasc.ensemble.pretrained import StartWeights, load_start_weights, open_start_weights
from hwasc.ensemble.teacher_front_ends import features_by_front_end, teacher_front_end, teacher_spec
from hwasc.models.teachers import Family, TeacherSpec, build, provide
from hwasc.parallel import torchrun_workers
from hwasc.parallel.device import pick_device
from hwasc.parallel.gradient_accumulation import is_first_rank
from hwasc.parallel.jobs import pool
from hwasc.parts import TEACHERS
from hwasc.records import schema, training_clips
from hwasc.records.damaged import usable
from hwasc.records.train_settings import TrainSettings
from hwasc.records.training_clips import KEY
from hwasc.training.batches import Augment, count_batches, training_batches
from hwasc.training.loop import fit, predict
from hwasc.training.loss import distillation_loss
from hwasc.training.weights import load_weights, save_weights
from hwasc.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Teachers:
    """The teachers of an ensemble: K that are trained here, then external ones.

    Attributes:
        specs: What each of the K is.
        folders: Of each of the K, the folder in the cache with its weights and logits by fold.
        folds: How many folds there are.
        train: The training clips through `teacher_front_end`.
        fold_of: The fold of each training clip.
        starts: Of each of the K, the weights that its training started from; None: random ones.
        external: Teachers that are not trained here.
    """

    specs: tuple[TeacherSpec, ...]
    folders: tuple[Path, ...]
    folds: int
    train: Features
    fold_of: np.ndarray
    starts: tuple[StartWeights | None, ...]
    external: tuple[ExternalTeacher, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all teachers, external ones last."""
        return (*(spec.family for spec in self.specs), *(o.name for o in self.external))

    @property
    def keys(self) -> tuple[str, ...]:
        """A short name for each teacher that changes with all that its logits depend on, except the clips."""
        return (*(folder.name for folder in self.folders), *(o.key for o in self.external))


@dataclass(frozen=True, kw_only=True)
class _Job:
    family: Family  # a process that was spawned does not know what was registered here
    spec: TeacherSpec
    train: Features
    rows: np.ndarray
    augment: Augment
    settings: TrainSettings
    seed: int
    device: str
    weights: Path
    start: StartWeights | None
    clips: str


def content(features: Features) -> str:
    """Hash over the content of all clips of a feature set."""
    return hashlib.sha256("\n".join(features.hashes).encode()).hexdigest()[:16]


def teach(ws: Workspace) -> Teachers:
    """Train every family once a fold, on the locations of the other folds; what the cache holds is not trained again.

    Args:
        ws: Data, settings, cache, device.

    Returns:
        The teachers.

    Raises:
        UsageError: A family, its width, front end or weights to start from do not fit.
        DataError: An external teacher has no logits for too many clips.
    """
    s, front_end = ws.settings, teacher_front_end(ws)
    specs = tuple(teacher_spec(ws, family) for family in s.teachers.families)
    starts = tuple(
        open_start_weights(given) if (given := s.teachers.pretrained.get(spec.family)) else None for spec in specs
    )
    external = open_external(ws)
    train = ws.features(ws.dataset.train, front_end, "train")
    for teacher in external:  # before any training: they may lack clips
        external_logits(teacher, ws, train, "train")
    check_external(external, ws, ws.dataset.validation, "validation")
    fold_of = np.array(folds(train.clips, s.teachers.folds, s.seed))
    by_front_end = features_by_front_end(ws, train, (spec.front_end for spec in specs), "train")
    augments = {fe: ws.augment(fe) for fe in dict.fromkeys(spec.front_end for spec in specs)}
    folders = tuple(
        ws.cache / "teachers" / _folder(ws, spec, start, train=train, fold_of=fold_of, augment=augments[spec.front_end])
        for spec, start in zip(specs, starts, strict=True)
    )
    jobs = []
    for spec, start, folder in zip(specs, starts, folders, strict=True):
        if (
            start and not (folder / "fold0.safetensors").is_file()
        ):  # weights that do not fit are refused before any training
            ws.reporter.say(load_start_weights(build(spec, len(train.classes)), spec, len(train.classes), start))
        for fold in range(s.teachers.folds):
            weights = folder / f"fold{fold}.safetensors"
            if not usable(weights, load_weights, ws.reporter.say):
                rows = np.flatnonzero(fold_of != fold)
                seed = training_seed(s.seed, spec.family, fold)
                clips, augment = by_front_end[spec.front_end], augments[spec.front_end]
                jobs.append(
                    _Job(
                        family=TEACHERS.get(spec.family),
                        spec=spec,
                        train=clips,
                        rows=rows,
                        augment=augment,
                        settings=s.teachers.train,
                        seed=seed,
                        device=str(ws.device),
                        weights=weights,
                        start=start,
                        clips=teacher_record(ws, start.file if start else None).reference.text(),
                    )
                )
    if jobs:
        with (
            ws.reporter.track(f"teachers ({', '.join(s.teachers.families)})", len(jobs)) as update,
            pool(ws.workers) as run,
        ):
            losses = (
                ((i, _train_together(job)) for i, job in enumerate(jobs))
                if torchrun_workers.world_size() > 1
                else run(_train, jobs)
            )
            for done, (i, loss) in enumerate(losses, 1):
                update(done, f"{jobs[i].spec.family} {jobs[i].weights.stem}, last loss {loss:.3f}")
    return Teachers(
        specs=specs,
        folders=folders,
        folds=s.teachers.folds,
        train=train,
        fold_of=fold_of,
        starts=starts,
        external=external,
    )


def training_seed(seed: int, family: str, fold: int) -> int:
    """The seed of a teacher's training, which does not depend on what other families there are.

    Args:
        seed: The run's.
        family: Its name decides.
        fold: The fold that is left out of the training.

    Returns:
        32 bits.
    """
    name = int.from_bytes(hashlib.sha256(family.encode()).digest()[:4], "big")
    return int(np.random.SeedSequence([seed, name, fold]).generate_state(1)[0])


def _folder(
    ws: Workspace,
    spec: TeacherSpec,
    start: StartWeights | None,
    *,
    train: Features,
    fold_of: np.ndarray,
    augment: Augment,
) -> str:
    """A teacher's name in the cache: family and a hash of all that its weights depend on."""
    responses = augment.responses
    key: dict[str, Any] = {
        "version": hwasc.__version__,
        "content": content(train),
        "labels": train.labels.tolist(),
        "augment": ws.settings.augment,
        "responses": hashlib.sha256(responses.numpy().tobytes()).hexdigest() if responses is not None else "",
        "train": ws.settings.teachers.train,
        "folds": fold_of.tolist(),
        "seeds": [training_seed(ws.settings.seed, spec.family, fold) for fold in range(ws.settings.teachers.folds)],
        "spec": spec,
    }
    if start:
        key["start"] = start.hash
    if code := TEACHERS.get(spec.family).code:
        key["code"] = code
    return f"{spec.family}-{schema.digest(key)}"


def _train_together(job: _Job) -> float:
    with torchrun_workers.run_on_all_ranks(_train, job):
        return _train(job)


def _train(job: _Job) -> float:
    provide(job.family)
    torch.manual_seed(job.seed)
    model = build(job.spec, len(job.train.classes))
    if job.start:
        load_start_weights(model, job.spec, len(job.train.classes), job.start)
    last = [0.0]
    fit(
        model,
        lambda epoch: training_batches(
            job.train,
            None,
            batch=job.settings.batch,
            augment=job.augment,
            seed=job.seed,
            epoch=epoch,
            rows=job.rows,
        ),
        steps_per_epoch=count_batches(len(job.rows), job.settings.batch),
        loss=lambda logits, batch: distillation_loss(logits, batch.labels, None, alpha=0, temperature=1),
        settings=job.settings,
        device=pick_device(job.device),
        seed=job.seed,
        checkpoint=job.weights.with_suffix(".ckpt"),
        on_epoch=lambda _, loss: last.__setitem__(0, loss),
    )
    if not is_first_rank():
        return last[0]
    started = {"start": job.start.hash, "start_file": job.start.file.name} if job.start else {}
    save_weights(job.weights, model, {"spec": schema.canonical(job.spec), KEY: job.clips, **started})
    job.weights.with_suffix(".ckpt").unlink(missing_ok=True)
    return last[0]


def load_fold(teachers: Teachers, k: int, fold: int) -> nn.Module:
    """Build a teacher with the weights of one fold.

    Args:
        teachers: The ensemble's teachers.
        k: Which of those that were trained here.
        fold: The fold that was left out of its training.

    Returns:
        The net.
    """
    model = build(teachers.specs[k], len(teachers.train.classes))
    model.load_state_dict(load_weights(teachers.folders[k] / f"fold{fold}.safetensors"))
    return model


def export_weights(teachers: Teachers, ws: Workspace, folder: Path) -> list[Path]:
    """Write one set of weights a family, to start other teachers from (`teachers.pretrained`).

    They are those of the first fold, which was left out of their training.

    Args:
        teachers: The ensemble's teachers.
        ws: Data and cache.
        folder: Gets `<family>.safetensors` for each family, and beside it the record of its training clips.

    Returns:
        The files.
    """
    files = [folder / f"{spec.family}.safetensors" for spec in teachers.specs]
    for file, cached, start in zip(files, teachers.folders, teachers.starts, strict=True):
        schema.write_whole(file, (cached / "fold0.safetensors").read_bytes())
        record = teacher_record(ws, start.file if start else None)
        training_clips.save(record, file.with_suffix(training_clips.SUFFIX))
    return files


def out_of_fold_logits(
    teachers: Teachers, ws: Workspace, view: Features | None = None, what: str = "train"
) -> np.ndarray:
    """Compute the logits of the training clips, each by the teachers that were not trained on its location.

    Logits of external teachers are taken as they are: it is unknown what these teachers were trained on.

    Args:
        teachers: The ensemble's teachers.
        ws: Data, cache and device.
        view: The training clips, changed, through `teacher_front_end`; None: as recorded.
        what: Their name in messages.

    Returns:
        Logits (n, teachers, classes).
    """
    train = view or teachers.train
    n, k, c = len(train), len(teachers.specs), len(train.classes)
    out = np.zeros((n, k, c), np.float32)
    by_front_end = features_by_front_end(ws, train, (spec.front_end for spec in teachers.specs), what)
    for fold in range(teachers.folds):
        rows = np.flatnonzero(teachers.fold_of == fold)
        for j, spec in enumerate(teachers.specs):
            features = by_front_end[spec.front_end]
            out[rows, j] = _cached_logits(
                teachers, ws, k=j, fold=fold, features=features, rows=rows, name=f"fold{fold}"
            )
    return _with_external(out, teachers, ws, features=train, what=what)


def held_out_logits(teachers: Teachers, ws: Workspace, features: Features, what: str) -> np.ndarray:
    """Compute the logits of clips by the teachers of every fold.

    Args:
        teachers: The ensemble's teachers.
        ws: Data, cache and device.
        features: The clips through `teacher_front_end`. Teachers with another front end get the same clips through theirs.
        what: The split's name.

    Returns:
        Logits (n, folds, teachers, classes). A teacher's logits are their mean over the folds.
    """
    n, k, c = len(features), len(teachers.specs), len(features.classes)
    rows = np.arange(n)
    by_front_end = features_by_front_end(ws, features, (spec.front_end for spec in teachers.specs), what)
    out = np.zeros((n, teachers.folds, k, c), np.float32)
    for fold in range(teachers.folds):
        for j, spec in enumerate(teachers.specs):
            own, name = by_front_end[spec.front_end], f"{what}-fold{fold}"
            out[:, fold, j] = _cached_logits(teachers, ws, k=j, fold=fold, features=own, rows=rows, name=name)
    return _with_external(out, teachers, ws, features=features, what=what)


def _with_external(
    logits: np.ndarray, teachers: Teachers, ws: Workspace, *, features: Features, what: str
) -> np.ndarray:
    """Logits (n, ..., K, classes) with external ones as further teachers, the same in every fold."""
    others = [external_logits(o, ws, features, what) for o in teachers.external]
    if not others:
        return logits
    shape = (*logits.shape[:-2], 1, logits.shape[-1])
    parts = [np.broadcast_to(o.reshape(len(o), *[1] * (logits.ndim - 2), -1), shape) for o in others]
    return np.concatenate([logits, *parts], axis=-2)


def _cached_logits(
    teachers: Teachers, ws: Workspace, *, k: int, fold: int, features: Features, rows: np.ndarray, name: str
) -> np.ndarray:
    ids, hashes = [features.clips[i].id for i in rows], [features.hashes[i] for i in rows]
    path = teachers.folders[k] / f"{name}-{schema.digest([ids, hashes])}.npz"
    if not usable(path, logit_files.check, ws.reporter.say):
        weights, start = teachers.folders[k] / f"fold{fold}.safetensors", teachers.starts[k]
        record = {
            "hash": hashlib.sha256(weights.read_bytes()).hexdigest()[:16],
            "spec": schema.plain(teachers.specs[k]),
            KEY: schema.plain(teacher_record(ws, start.file if start else None).reference),
            **({"start": {"file": start.file.name, "hash": start.hash}} if start else {}),
        }
        logits = predict(load_fold(teachers, k, fold), features, ws.device, rows=rows)
        logit_files.save(path, ids, hashes, logits, teacher=record)
    return logit_files.load(path, ids, hashes)
