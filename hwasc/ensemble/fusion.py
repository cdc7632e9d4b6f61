"""The ensemble: teachers fused by z1 and z2, the table that compares the views, and the targets that students learn from.

`fuse` does it all: it trains the teachers, fits the heads of `hwasc.ensemble.heads` on the teachers' out-of-fold logits, and
chooses the view. Out-of-fold logits of a clip come from teachers that were not trained on its location. On clips that the
teachers were trained on, all teachers look reliable, and the heads would learn wrong weights.
"""

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
from hwasc.ensemble.head_fitting import (
    best_view,
    cross_fitted_views,
    fit_backbone,
    fit_heads,
    fit_mixture_weights,
    log_loss_gain,
)
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


@dataclass(frozen=True, kw_only=True)
class FusionRow:
    """A line of the fusion table: one teacher or one view on held-out clips.

    Attributes:
        name: Of the teacher or the view.
        accuracy: Macro, 0..1.
        log_loss: Mean cross-entropy, nats.
        ece: Expected calibration error, 0..1.
    """

    name: str
    accuracy: float
    log_loss: float
    ece: float


@dataclass(frozen=True, kw_only=True)
class FittedEnsemble:
    """Teachers and the heads that were fitted on them.

    Attributes:
        teachers: The trained and the external teachers.
        ensemble: The heads.
        workspace: Data, settings, cache, device.
        key: Hash of all that the ensemble depends on.
        view: The view that students learn from, see `FusionSettings.view`.
    """

    teachers: Teachers
    ensemble: Ensemble
    workspace: Workspace
    key: str
    view: str

    @property
    def front_end(self) -> FrontEnd:
        """z1's front end. All methods take features of this front end."""
        return teacher_front_end(self.workspace)

    def targets(self) -> np.ndarray:
        """Ensemble logits (n, classes) of the training clips, by the teachers that `distill.targets` names."""
        t, ws = self.teachers, self.workspace
        out_of_fold = ws.settings.distill.targets == "out_of_fold"
        logits = out_of_fold_logits(t, ws) if out_of_fold else held_out_logits(t, ws, t.train, "train")
        return self._views(t.train, logits)[self.view]

    def held_out_logits(self, features: Features, what: str) -> np.ndarray:
        """Ensemble logits of clips that no teacher was trained on.

        Args:
            features: The clips.
            what: Their name in the cache and in messages, such as `test`.

        Returns:
            (n, classes), in the view that students learn from.
        """
        return self._views(features, held_out_logits(self.teachers, self.workspace, features, what))[self.view]

    def table(self, features: Features, what: str) -> list[FusionRow]:
        """Compare teachers and views on clips that neither teachers nor heads were trained on.

        Args:
            features: The clips.
            what: Their name in the cache and in messages.

        Returns:
            A row for each teacher, for the weighted mean (one weight a teacher for all clips), and for each view.
        """
        logits = held_out_logits(self.teachers, self.workspace, features, what)
        by_teacher = logits.mean(1)
        single = {name: by_teacher[:, k] for k, name in enumerate(self.teachers.names)}
        weighted = {"weighted mean": np.einsum("k,nkc->nc", self.weights(), by_teacher)}
        views = single | weighted | self._views(features, logits)
        return [_row(name, v, features) for name, v in views.items()]

    def weights(self) -> np.ndarray:
        """Weights (K,) of the weighted mean, fitted on out-of-fold logits of the training clips."""
        logits, train = out_of_fold_logits(self.teachers, self.workspace), self.teachers.train
        return np.asarray(fit_mixture_weights(torch.from_numpy(logits), torch.from_numpy(train.labels)))

    def mixing(self, features: Features, what: str) -> np.ndarray:
        """z1's mixture weights of clips that no teacher was trained on.

        Args:
            features: The clips.
            what: Their name in the cache and in messages.

        Returns:
            (n, K), the mean over the folds' teachers; each row sums to 1.
        """
        logits = torch.from_numpy(held_out_logits(self.teachers, self.workspace, features, what))
        backbone_scores = self._backbone_scores(features)
        z1 = self.ensemble.to("cpu").eval().z1
        with torch.no_grad():
            return np.asarray(torch.stack([z1.weights(backbone_scores, y) for y in logits.unbind(1)]).mean(0))

    def _backbone_scores(self, features: Features) -> Tensor:
        return all_backbone_scores(self.ensemble, features, self.workspace.device)

    def _views(self, features: Features, logits: np.ndarray) -> dict[str, np.ndarray]:
        """Fuse logits (n, K, classes) or (n, folds, K, classes) in every view: (n, classes) each."""
        backbone_scores, y = self._backbone_scores(features), torch.from_numpy(logits)
        folds = y[:, None] if y.dim() == 3 else y
        model = self.ensemble.to("cpu").eval()
        with torch.no_grad():
            by_fold = [model.fused_views(backbone_scores, fold) for fold in folds.unbind(1)]
        return {name: torch.stack([views[name] for views in by_fold]).mean(0).numpy() for name in VIEWS}


def z1_architecture(front_end: FrontEnd, teachers: int) -> Architecture:
    """The architecture of z1's backbone: a small student of about 20 k parameters.

    Args:
        front_end: Its log-mel.
        teachers: Outputs, one for each teacher; 2 at least.

    Returns:
        The architecture.
    """
    norm = GRN("scalar", "sum", "mean")
    blocks = (
        InvertedResidual(kernel=3, expanded=48, channels=24, stride=(1, 1), shortcut=True, grn=norm),
        InvertedResidual(kernel=3, expanded=48, channels=32, stride=(2, 2), shortcut=False, grn=norm),
        InvertedResidual(kernel=3, expanded=64, channels=48, stride=(1, 1), shortcut=False, grn=norm),
    )
    return Architecture(front_end, (8, 24), blocks, max(teachers, 2))


def fuse(ws: Workspace) -> FittedEnsemble:
    """Train the teachers and fit the fusion heads, unless the cache holds them."""
    teachers = teach(ws)
    s, train = ws.settings, teachers.train
    front_end, names = teacher_front_end(ws), teachers.names
    depends_on = {
        "teachers": teachers.keys,
        "fusion": replace(s.fusion, view="auto"),
        "view_chosen": "at best scale",  # by which rule, see `head_fitting.best_view`
        "seed": s.seed,
        "content": content(train),
    }
    if (
        any(spec.front_end != front_end for spec in teachers.specs) or not teachers.specs
    ):  # else the teachers' keys depend on it
        depends_on["front_end"] = front_end
    key = schema.digest(depends_on)
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
    return FittedEnsemble(teachers=teachers, ensemble=ensemble, workspace=ws, key=key, view=view)


def all_backbone_scores(ensemble: Ensemble, features: Features, device: torch.device) -> Tensor:
    """Compute the scores of z1's backbone for all clips.

    Args:
        ensemble: The heads.
        features: The clips, n of them.
        device: Where the backbone runs.

    Returns:
        (n, K) on the CPU.
    """
    z1 = ensemble.to(device).eval().z1
    if not bool(z1.head.weight.any()):
        return torch.zeros(len(features), len(z1.head.weight))  # the backbone was left out, see `_fit`
    with torch.no_grad():
        return torch.cat(
            [z1.backbone_scores(features.batch(r).to(device)).float().cpu() for r in _chunks(np.arange(len(features)))]
        )


def _fit(ws: Workspace, teachers: Teachers, ensemble: Ensemble, front_end: FrontEnd) -> str:
    """Fit the heads in place on out-of-fold logits of the training clips; return the name of the best view.

    z1's backbone is trained without the held-out locations, and left out unless it gains more than a standard error there. The
    view is chosen by heads that are fitted on some locations and evaluated on the others, without the backbone, because the
    backbone was trained on most of these locations.
    """
    s, train = ws.settings, teachers.train
    logits, labels = torch.from_numpy(out_of_fold_logits(teachers, ws)), torch.from_numpy(train.labels)
    locations, held_out = [c.location for c in train.clips], torch.from_numpy(_held_out(ws, train))
    no_backbone = torch.zeros(len(train), len(teachers.names))
    fit_heads(
        ensemble,
        no_backbone[~held_out],
        logits[~held_out],
        labels[~held_out],
        ridges=s.fusion.ridges,
        seed=s.seed,
    )

    def fused_views(backbone_scores: Tensor) -> Tensor:
        with torch.no_grad():
            return ensemble.cpu().fused_views(backbone_scores[held_out], logits[held_out])["z1+z2"]

    without = fused_views(no_backbone)
    if bool(held_out.any()) and s.fusion.epochs:
        _fit_backbone(ws, teachers, ensemble, logits=logits, held_out=held_out.numpy(), front_end=front_end)
        gain, error = log_loss_gain(
            fused_views(all_backbone_scores(ensemble, train, ws.device)),
            without,
            labels[held_out],
            [location for location, held in zip(locations, held_out, strict=True) if held],
        )
        if gain <= error:
            torch.nn.init.zeros_(ensemble.z1.head.weight)
    backbone_scores = all_backbone_scores(ensemble, train, ws.device)
    views = cross_fitted_views(ensemble.cpu(), logits, labels, locations=locations, ridges=s.fusion.ridges, seed=s.seed)
    fit_heads(ensemble, backbone_scores, logits, labels, ridges=s.fusion.ridges, seed=s.seed)
    return best_view(views, labels, locations)


def _fit_backbone(
    ws: Workspace, teachers: Teachers, ensemble: Ensemble, *, logits: Tensor, held_out: np.ndarray, front_end: FrontEnd
) -> None:
    """Train z1's backbone on augmented clips; held-out clips decide which epoch's weights are used."""
    s, train, augment = ws.settings, teachers.train, ws.augment(front_end)
    ensemble.to(ws.device)

    def batch(rows: np.ndarray, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return x.to(ws.device), logits[rows].to(ws.device), torch.from_numpy(train.labels[rows]).to(ws.device)

    def batches(epoch: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        rng = np.random.default_rng([s.seed, epoch])
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        for rows in _chunks(rng.permutation(np.flatnonzero(~held_out)), 64):
            if len(rows) > 1:
                yield batch(rows, augment(train.batch(rows), train.devices[rows], generator))

    def validate() -> float:
        ensemble.eval()
        with torch.no_grad():
            losses = [
                F.cross_entropy(ensemble(x, y), labels, reduction="sum")
                for x, y, labels in (batch(r, train.batch(r)) for r in _chunks(np.flatnonzero(held_out)))
            ]
        return float(sum(losses)) / int(held_out.sum())

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


def target_file(ws: Workspace, fused: FittedEnsemble) -> Path:
    """Write the ensemble's logits of the training and the validation clips to the cache, where any process can read them.

    Students learn from the logits of the training clips. A search scores candidates by the logits of the validation clips,
    which no teacher was trained on.

    Args:
        ws: Data, settings, cache.
        fused: The fitted ensemble.

    Returns:
        The file.
    """
    path = ws.cache / "fusion" / f"{fused.key}-{ws.settings.distill.targets}-{fused.view}.npz"
    if not path.is_file():
        train, validation = fused.teachers.train, ws.features(ws.dataset.validation, fused.front_end, "validation")
        clips = [c.id for c in (*train.clips, *validation.clips)]
        logit_files.save(
            path,
            ids=clips,
            hashes=[*train.hashes, *validation.hashes],
            logits=np.concatenate([fused.targets(), fused.held_out_logits(validation, "validation")]),
            teacher={"hash": fused.key, "view": fused.view, "teachers": list(fused.teachers.names)},
        )
    return path


def distillation_data(ws: Workspace, front_end: FrontEnd, targets: Path | None) -> DistillationData:
    """Make the data that a student is trained on.

    Args:
        ws: Data and settings.
        front_end: The student's.
        targets: From `target_file`; None: the student is trained on labels alone.

    Returns:
        Training clips, targets, augmentation and the parameters of the loss.
    """
    train = ws.features(ws.dataset.train, front_end, "train")
    logits = logit_files.load(targets, [c.id for c in train.clips], train.hashes) if targets else None
    d = ws.settings.distill
    return DistillationData(
        train=train,
        targets=logits,
        augment=ws.augment(front_end, d.augment),
        alpha=d.alpha,
        temperature=d.temperature,
        reduction=d.reduction,
    )


def _held_out(ws: Workspace, train: Features) -> np.ndarray:
    """Which training clips z1's backbone is not trained on, (n,) booleans: all clips of some locations."""
    held_out = {c.id for c in hold_out(train.clips, ws.settings.fusion.hold_out, ws.settings.seed)[1]}
    return np.array([c.id in held_out for c in train.clips])


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
        name=name,
        accuracy=macro_accuracy(y.argmax(1), labels, len(features.classes)),
        log_loss=float(F.cross_entropy(y, labels)),
        ece=expected_calibration_error(y, labels),
    )
