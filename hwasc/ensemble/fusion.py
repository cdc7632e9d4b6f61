"""The ensemble: z1 and z2 fitted on out-of-fold logits, the table that compares them, and the targets students learn from."""

from __future__ import annotations

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
from hwasc.ensemble.cross_fitting import Teachers, content, held_out_logits, out_of_fold_logits, teach
from hwasc.ensemble.head_fitting import best_view, crossed_views, fit_backbone, fit_heads, gain, mixture
from hwasc.ensemble.heads import VIEWS, Z1, Z2, Ensemble
from hwasc.ensemble.teacher_front_ends import teacher_front_end
from hwasc.models import student
from hwasc.progress import Update
from hwasc.records import schema
from hwasc.records.architecture import Architecture, FrontEnd
from hwasc.records.blocks import GRN, InvertedResidual
from hwasc.training.calibration_error import expected_calibration_error
from hwasc.training.distillation import DistillationData
from hwasc.training.metrics import macro_accuracy
from hwasc.training.weights import load_metadata, load_weights, save_weights
from hwasc.workspace import Workspace

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
    """The fitted ensemble with the teachers it fuses. view: the way to fuse that students learn from, see `fusion.view`."""

    teachers: Teachers
    ensemble: Ensemble
    workspace: Workspace
    key: str
    view: str

    @property
    def front_end(self) -> FrontEnd:
        """What z1 hears: of the features that `table` takes."""
        return teacher_front_end(self.workspace)

    def targets(self) -> np.ndarray:
        """Ensemble logits (n, classes) of the training clips, from the teachers that `distill.targets` names."""
        t, ws = self.teachers, self.workspace
        honest = ws.settings.distill.targets == "out_of_fold"
        logits = out_of_fold_logits(t, ws) if honest else held_out_logits(t, ws, t.train, "train")
        return self._view(t.train, logits)[self.view]

    def unseen_logits(self, features: Features, what: str) -> np.ndarray:
        """Ensemble logits (n, classes) of clips that no teacher was trained on, in the view that students learn from."""
        return self._view(features, held_out_logits(self.teachers, self.workspace, features, what))[self.view]

    def table(self, features: Features, what: str) -> list[FusionRow]:
        """Every teacher, the weighted mean, the mean logit, z1, z2, z1+z2 on clips that neither teachers nor heads saw."""
        logits = held_out_logits(self.teachers, self.workspace, features, what)
        each = logits.mean(1)
        single = {name: each[:, k] for k, name in enumerate(self.teachers.names)}
        weighted = {"weighted mean": np.einsum("k,nkc->nc", self.weights(), each)}
        views = single | weighted | self._view(features, logits)
        return [_row(name, v, features) for name, v in views.items()]

    def weights(self) -> np.ndarray:
        """Of the weighted mean (K,), fitted on the training clips' out-of-fold logits."""
        logits, train = out_of_fold_logits(self.teachers, self.workspace), self.teachers.train
        return np.asarray(mixture(torch.from_numpy(logits), torch.from_numpy(train.labels)))

    def mixing(self, features: Features, what: str) -> np.ndarray:
        """z1's weights (n, K) of clips, each row with sum 1; the mean over the folds' teachers."""
        logits, backbone_scores = (
            torch.from_numpy(held_out_logits(self.teachers, self.workspace, features, what)),
            self._backbone_scores(features),
        )
        z1 = self.ensemble.to("cpu").eval().z1
        with torch.no_grad():
            return np.asarray(torch.stack([z1.weights(backbone_scores, y) for y in logits.unbind(1)]).mean(0))

    def _backbone_scores(self, features: Features) -> Tensor:
        return all_backbone_scores(self.ensemble, features, self.workspace.device)

    def _view(self, features: Features, logits: np.ndarray) -> dict[str, np.ndarray]:
        """Every view of these clips, of logits (n, K, classes) or (n, folds, K, classes)."""
        backbone_scores, y = self._backbone_scores(features), torch.from_numpy(logits)
        folds = y[:, None] if y.dim() == 3 else y
        model = self.ensemble.to("cpu").eval()
        with torch.no_grad():
            each = [model.fused_views(backbone_scores, fold) for fold in folds.unbind(1)]
        return {name: torch.stack([e[name] for e in each]).mean(0).numpy() for name in VIEWS}


def z1_architecture(front_end: FrontEnd, teachers: int) -> Architecture:
    """The student-style backbone that predicts the mixture weights: about 20 k parameters."""
    norm = GRN("scalar", "sum", "mean")
    blocks = (
        InvertedResidual(3, 48, 24, (1, 1), True, norm),
        InvertedResidual(3, 48, 32, (2, 2), False, norm),
        InvertedResidual(3, 64, 48, (1, 1), False, norm),
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
        "judged": "at best scale",  # how the view is chosen: what an earlier way chose is not taken from the cache
        "seed": s.seed,
        "content": content(train),
    }
    if any(spec.front_end != front_end for spec in teachers.specs) or not teachers.specs:  # else their names tell z1's
        described["front_end"] = front_end
    key = schema.digest(described)
    torch.manual_seed(s.seed)
    backbone = student.build(z1_architecture(front_end, len(names)))
    ensemble = Ensemble(Z1(len(names), len(train.classes), backbone), Z2(len(names), len(train.classes)))
    path = ws.cache / "fusion" / f"{key}.safetensors"
    if path.is_file():
        ensemble.load_state_dict(load_weights(path))
    else:
        view = _fit(ws, teachers, ensemble, front_end)
        save_weights(path, ensemble, {"teachers": ",".join(teachers.keys), "view": view})
    view = s.fusion.view if s.fusion.view != "auto" else load_metadata(path, "view")
    return Fused(teachers, ensemble, ws, key, view)


def all_backbone_scores(ensemble: Ensemble, features: Features, device: torch.device) -> Tensor:
    """What z1's backbone says of all clips, (n, K) on the CPU."""
    z1 = ensemble.to(device).eval().z1
    if not bool(z1.head.weight.any()):
        return torch.zeros(len(features), len(z1.head.weight))  # it did not earn its place
    with torch.no_grad():
        return torch.cat(
            [z1.backbone_scores(features.batch(r).to(device)).float().cpu() for r in _chunks(np.arange(len(features)))]
        )


def _fit(ws: Workspace, teachers: Teachers, ensemble: Ensemble, front_end: FrontEnd) -> str:
    """Fit the heads on the training clips' out-of-fold logits, in place; the best view on locations that they were not fitted on.

    z1's backbone stays only where it gains more than a standard error on held-out locations.
    """
    s, train = ws.settings, teachers.train
    logits, labels = torch.from_numpy(out_of_fold_logits(teachers, ws)), torch.from_numpy(train.labels)
    places, held = [c.location for c in train.clips], torch.from_numpy(_held(ws, train))
    none = torch.zeros(len(train), len(teachers.names))
    fit_heads(ensemble, none[~held], logits[~held], labels[~held], s.fusion.ridges, s.seed)

    def fused_views(backbone_scores: Tensor) -> Tensor:
        with torch.no_grad():
            return ensemble.cpu().fused_views(backbone_scores[held], logits[held])["z1+z2"]

    plain = fused_views(none)
    if bool(held.any()) and s.fusion.epochs:
        _fit_backbone(ws, teachers, ensemble, logits, held.numpy(), front_end)
        better, error = gain(
            fused_views(all_backbone_scores(ensemble, train, ws.device)),
            plain,
            labels[held],
            [p for p, h in zip(places, held, strict=True) if h],
        )
        if better <= error:
            torch.nn.init.zeros_(ensemble.z1.head.weight)
    backbone_scores = all_backbone_scores(ensemble, train, ws.device)
    crossed = crossed_views(ensemble.cpu(), logits, labels, places, s.fusion.ridges, s.seed)
    fit_heads(ensemble, backbone_scores, logits, labels, s.fusion.ridges, s.seed)
    return best_view(crossed, labels, places)


def _fit_backbone(
    ws: Workspace, teachers: Teachers, ensemble: Ensemble, logits: Tensor, held: np.ndarray, front_end: FrontEnd
) -> None:
    s, train, augment = ws.settings, teachers.train, ws.augment(front_end)
    ensemble.to(ws.device)

    def batch(rows: np.ndarray, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return x.to(ws.device), logits[rows].to(ws.device), torch.from_numpy(train.labels[rows]).to(ws.device)

    def batches(epoch: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        rng = np.random.default_rng([s.seed, epoch])
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        for rows in _chunks(rng.permutation(np.flatnonzero(~held)), 64):
            if len(rows) > 1:
                yield batch(rows, augment(train.batch(rows), train.devices[rows], generator))

    def validate() -> float:
        ensemble.eval()
        with torch.no_grad():
            losses = [
                F.cross_entropy(ensemble(x, y), labels, reduction="sum")
                for x, y, labels in (batch(r, train.batch(r)) for r in _chunks(np.flatnonzero(held)))
            ]
        return float(sum(losses)) / int(held.sum())

    with ws.reporter.track("fusion heads z1, z2", s.fusion.epochs) as update:
        fit_backbone(
            ensemble,
            _counted(batches, update),
            epochs=s.fusion.epochs,
            lr=s.fusion.lr,
            weight_decay=s.fusion.weight_decay,
            validate=validate,
            seed=s.seed,
        )


def target_file(ws: Workspace, fused: Fused) -> Path:
    """The ensemble's logits of the training and the validation clips as a file in the cache, for any process to load.

    The former are what students learn from; by the latter, of clips that no teacher heard, a search tells how well they did.
    """
    path = ws.cache / "fusion" / f"{fused.key}-{ws.settings.distill.targets}-{fused.view}.npz"
    if not path.is_file():
        train, validation = fused.teachers.train, ws.features(ws.dataset.validation, fused.front_end, "validation")
        clips = [c.id for c in (*train.clips, *validation.clips)]
        logits = np.concatenate([fused.targets(), fused.unseen_logits(validation, "validation")])
        record = {"hash": fused.key, "view": fused.view, "teachers": list(fused.teachers.names)}
        logit_files.save(path, clips, [*train.hashes, *validation.hashes], logits, record)
    return path


def distillation_data(ws: Workspace, front_end: FrontEnd, targets: Path | None) -> DistillationData:
    """What a student with this front end learns from: the training clips, the ensemble's logits (None: labels alone)."""
    train = ws.features(ws.dataset.train, front_end, "train")
    logits = logit_files.load(targets, [c.id for c in train.clips], train.hashes) if targets else None
    d = ws.settings.distill
    return DistillationData(
        train, logits, ws.augment(front_end, d.augment), d.alpha, d.temperature, reduction=d.reduction
    )


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
