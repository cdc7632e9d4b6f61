"""The ensemble: z1 and z2 fitted on out-of-fold logits, the table that compares them, and the targets students learn from."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from hwasc.data import logits as logit_files
from hwasc.data.features import Features
from hwasc.data.splits import hold_out
from hwasc.models import student
from hwasc.models.fusion import Z1, Z2, Ensemble, best_view, fit_fusion, log_loss, mixture
from hwasc.pipelines.hearing import teacher_front_end
from hwasc.pipelines.teaching import Teachers, content, held_out, out_of_fold, teach
from hwasc.pipelines.workspace import Workspace
from hwasc.records import schema
from hwasc.records.architecture import GRN, Architecture, Block, FrontEnd
from hwasc.report.terminal import Update
from hwasc.training.calibration import expected_calibration_error
from hwasc.training.distillation import Lesson
from hwasc.training.loss import macro_accuracy
from hwasc.training.weights import load_weights, save_weights

BATCH = 256


@dataclass(frozen=True)
class FusionRow:
    """One line of the fusion table: macro accuracy (0..1), log loss (nats) and calibration error (0..1) on held-out clips."""

    name: str
    accuracy: float
    log_loss: float
    ece: float


@dataclass(frozen=True)
class Fused:
    """The fitted ensemble with the teachers it fuses."""

    teachers: Teachers
    ensemble: Ensemble
    workspace: Workspace
    key: str

    @property
    def front_end(self) -> FrontEnd:
        """What z1 hears: of the features that `table` takes."""
        return teacher_front_end(self.workspace)

    def targets(self) -> np.ndarray:
        """Ensemble logits (n, classes) of the training clips, from the teachers that `distill.targets` names."""
        t, ws = self.teachers, self.workspace
        honest = ws.settings.distill.targets == "out_of_fold"
        logits = out_of_fold(t, ws) if honest else held_out(t, ws, t.train, "train")
        return self._view(t.train, logits)[self.view]

    def judgement(self, features: Features, what: str) -> np.ndarray:
        """Ensemble logits (n, classes) of clips that no teacher was trained on, in the view that students learn from."""
        return self._view(features, held_out(self.teachers, self.workspace, features, what))[self.view]

    @functools.cached_property
    def view(self) -> str:
        """The way to fuse that students learn from, see `fusion.view`."""
        ws, train = self.workspace, self.teachers.train
        if ws.settings.fusion.view != "auto":
            return ws.settings.fusion.view
        rows = np.flatnonzero(_held(ws, train))
        views = self._view(train, out_of_fold(self.teachers, ws), rows)
        labels, places = torch.from_numpy(train.labels[rows]), [train.clips[i].location for i in rows]
        return best_view({n: torch.from_numpy(v) for n, v in views.items()}, labels, places)

    def table(self, features: Features, what: str) -> list[FusionRow]:
        """Every teacher, the weighted mean, the mean logit, z1, z2, z1+z2 on clips that neither teachers nor heads saw."""
        logits = held_out(self.teachers, self.workspace, features, what)
        single = {name: logits[:, k] for k, name in enumerate(self.teachers.names)}
        weighted = {"weighted mean": np.einsum("k,nkc->nc", self.weights(), logits)}
        views = single | weighted | self._view(features, logits)
        return [_row(name, v, features) for name, v in views.items()]

    def weights(self) -> np.ndarray:
        """Of the weighted mean (K,), fitted on the training clips' out-of-fold logits."""
        logits, train = out_of_fold(self.teachers, self.workspace), self.teachers.train
        return np.asarray(mixture(torch.from_numpy(logits), torch.from_numpy(train.labels)))

    def mixing(self, features: Features) -> np.ndarray:
        """z1's weights (n, K) of clips, each row with sum 1."""
        z1 = self.ensemble.to(self.workspace.device).eval().z1
        with torch.no_grad():
            parts = [z1.weights(features.batch(r).to(self.workspace.device)) for r in _chunks(np.arange(len(features)))]
        return torch.cat(parts).float().cpu().numpy()

    def _view(self, features: Features, logits: np.ndarray, rows: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Every view of these rows (none: of all)."""
        out: dict[str, list[np.ndarray]] = {}
        self.ensemble.to(self.workspace.device).eval()
        with torch.no_grad():
            for part in _chunks(np.arange(len(features)) if rows is None else rows):
                x, y = features.batch(part), torch.from_numpy(logits[part])
                for name, v in self.ensemble.views(x.to(self.workspace.device), y.to(self.workspace.device)).items():
                    out.setdefault(name, []).append(v.float().cpu().numpy())
        return {name: np.concatenate(parts) for name, parts in out.items()}


def z1_architecture(front_end: FrontEnd, teachers: int) -> Architecture:
    """The student-style backbone that predicts the mixture weights: about 20 k parameters."""
    norm = GRN("scalar", "sum", "mean")
    blocks = (
        Block(3, 48, 24, (1, 1), True, norm),
        Block(3, 48, 32, (2, 2), False, norm),
        Block(3, 64, 48, (1, 1), False, norm),
    )
    return Architecture(front_end, (8, 24), blocks, max(teachers, 2))


def fuse(ws: Workspace) -> Fused:
    """Teachers (trained on demand) and their fusion heads (fitted once, then kept in the cache)."""
    teachers = teach(ws)
    s, train = ws.settings, teachers.train
    front_end, names = teacher_front_end(ws), teachers.names
    described = {
        "teachers": teachers.keys,
        "fusion": replace(s.fusion, view="auto"),
        "seed": s.seed,
        "content": content(train),
    }
    if any(spec.front_end != front_end for spec in teachers.specs) or not teachers.specs:  # else their names tell z1's
        described["front_end"] = front_end
    key = schema.digest(described)
    torch.manual_seed(s.seed)
    backbone = student.build(z1_architecture(front_end, len(names)))
    ensemble = Ensemble(Z1(len(names), backbone), Z2(len(names), len(train.classes)))
    path = ws.cache / "fusion" / f"{key}.safetensors"
    if path.is_file():
        ensemble.load_state_dict(load_weights(path))
        return Fused(teachers, ensemble, ws, key)
    logits = out_of_fold(teachers, ws)
    stop = _held(ws, train)
    augment = ws.augment(front_end)

    def batch(rows: np.ndarray, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return (
            x.to(ws.device),
            torch.from_numpy(logits[rows]).to(ws.device),
            torch.from_numpy(train.labels[rows]).to(ws.device),
        )

    def batches(epoch: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        rng = np.random.default_rng([s.seed, epoch])
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        for rows in _chunks(rng.permutation(np.flatnonzero(~stop)), 64):
            if len(rows) > 1:
                yield batch(rows, augment(train.batch(rows), train.devices[rows], generator))

    with ws.reporter.track("fusion heads z1, z2", s.fusion.epochs) as update:
        fit_fusion(
            ensemble.to(ws.device),
            _counted(batches, update),
            epochs=s.fusion.epochs,
            lr=s.fusion.lr,
            weight_decay=s.fusion.weight_decay,
            seed=s.seed,
            validate=lambda e: log_loss(e, (batch(r, train.batch(r)) for r in _chunks(np.flatnonzero(stop)))),
        )
    save_weights(path, ensemble, {"teachers": ",".join(teachers.keys)})
    return Fused(teachers, ensemble, ws, key)


def target_file(ws: Workspace, fused: Fused) -> Path:
    """The ensemble's logits of the training and the validation clips as a file in the cache, for any process to load.

    The former are what students learn from; by the latter, of clips that no teacher heard, a search tells how well they did.
    """
    path = ws.cache / "fusion" / f"{fused.key}-{ws.settings.distill.targets}-{fused.view}.npz"
    if not path.is_file():
        train, validation = fused.teachers.train, ws.features(ws.dataset.validation, fused.front_end, "validation")
        clips = [c.id for c in (*train.clips, *validation.clips)]
        logits = np.concatenate([fused.targets(), fused.judgement(validation, "validation")])
        record = {"hash": fused.key, "view": fused.view, "teachers": list(fused.teachers.names)}
        logit_files.save(path, clips, [*train.hashes, *validation.hashes], logits, record)
    return path


def lesson(ws: Workspace, front_end: FrontEnd, targets: Path | None) -> Lesson:
    """What a student with this front end learns from: the training clips, the ensemble's logits (None: labels alone)."""
    train = ws.features(ws.dataset.train, front_end, "train")
    logits = logit_files.load(targets, [c.id for c in train.clips], train.hashes) if targets else None
    d = ws.settings.distill
    return Lesson(train, logits, ws.augment(front_end, d.augment), d.alpha, d.temperature, reduction=d.reduction)


def _held(ws: Workspace, train: Features) -> np.ndarray:
    """Which training clips decide when to stop fitting the heads, and which view is kept: whole locations."""
    held = {c.id for c in hold_out(train.clips, ws.settings.fusion.hold_out, ws.settings.seed)[1]}
    return np.array([c.id in held for c in train.clips])


def _counted(batches: Callable[[int], Iterator[Any]], update: Update) -> Callable[[int], Iterator[Any]]:
    def epoch(number: int) -> Iterator[Any]:
        yield from batches(number)
        update(number + 1)

    return epoch


def _chunks(rows: np.ndarray, size: int = BATCH) -> Iterator[np.ndarray]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _row(name: str, logits: np.ndarray, features: Features) -> FusionRow:
    y, labels = torch.from_numpy(logits), torch.from_numpy(features.labels)
    return FusionRow(
        name,
        macro_accuracy(y.argmax(1), labels, len(features.classes)),
        float(F.cross_entropy(y, labels)),
        expected_calibration_error(y, labels),
    )
