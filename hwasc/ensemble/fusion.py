"""The ensemble: teachers fused by z1 and z2, the table that compares the views, and the targets that students learn from.

`fuse` does it all: it trains the teachers, fits the heads of `hwasc.ensemble.heads` and those of `hwasc.ensemble.paper_heads` on
the teachers' out-of-fold logits, and chooses the view. Out-of-fold logits of a clip come from teachers that were not trained on
its location. On clips that the teachers were trained on, all teachers look reliable, and the heads would learn wrong weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from hwasc.data import logits as logit_files
from hwasc.data.features import Features
from hwasc.ensemble.clip_set import ClipSet
from hwasc.ensemble.corrected import corrected
from hwasc.ensemble.cross_fitting import Teachers, held_out_logits, out_of_fold_logits, teach
from hwasc.ensemble.family_teacher import content
from hwasc.ensemble.fitting import all_backbone_scores, fit_ensemble
from hwasc.ensemble.head_fitting import fit_mixture_weights
from hwasc.ensemble.heads import Z1, Z2, Ensemble
from hwasc.ensemble.paper_fitting import all_paper_weights, fit_paper_heads, fused_by_paper, untrained_paper_heads
from hwasc.ensemble.paper_heads import PAPER_NAMES, PAPER_VIEWS, PaperHeads
from hwasc.ensemble.teacher_front_ends import teacher_front_end
from hwasc.ensemble.work import FUSION
from hwasc.models import student
from hwasc.records import schema
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import GRN, InvertedResidual
from hwasc.records.damaged import usable
from hwasc.records.front_end import FrontEnd
from hwasc.records.training_clips import KEY
from hwasc.training.calibration_error import expected_calibration_error
from hwasc.training.distillation import DistillationData
from hwasc.training.metrics import macro_accuracy, standard_error
from hwasc.training.weights import load_metadata, load_weights, save_weights
from hwasc.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class FusionRow:
    """A line of the fusion table: one teacher or one view on held-out clips.

    Attributes:
        name: Of the teacher or the view.
        accuracy: Macro, 0..1.
        log_loss: Mean cross-entropy, nats.
        ece: Expected calibration error, 0..1.
        standard_error: Of `accuracy`, over locations; None where it is not known, see `training.metrics.Metrics`.
    """

    name: str
    accuracy: float
    log_loss: float
    ece: float
    standard_error: float | None = None


@dataclass(frozen=True, kw_only=True)
class FittedEnsemble:
    """Teachers and the heads that were fitted on them.

    Attributes:
        teachers: All of them.
        ensemble: The heads `evidence`.
        paper: The heads `paper`; None where `fusion.paper_epochs` leaves them out.
        workspace: Data, settings, cache, device.
        key: Hash of all that the ensemble depends on.
        view: The view that students learn from, see `FusionSettings.heads` and `FusionSettings.view`.
    """

    teachers: Teachers
    ensemble: Ensemble
    paper: PaperHeads | None
    workspace: Workspace
    key: str
    view: str

    @property
    def front_end(self) -> FrontEnd:
        """z1's front end. All methods take features of this front end."""
        return teacher_front_end(self.workspace)

    @property
    def heads(self) -> Ensemble | PaperHeads:
        """The heads that have the view that students learn from."""
        return self.paper if self.paper is not None and self.view in PAPER_VIEWS else self.ensemble

    def targets(
        self, view: Features | None = None, labels: np.ndarray | None = None, what: str = "train"
    ) -> np.ndarray:
        """Ensemble logits of the training clips, by the teachers that `distill.targets` names, and corrected where it says so.

        Args:
            view: The training clips, changed; None: as recorded.
            labels: Shares of the classes in each clip, (n, classes); None: each clip is of one class.
            what: The clips' name in the cache and in messages.

        Returns:
            (n, classes), in the view that students learn from.
        """
        t = self.teachers
        train, chosen = view or t.train, self.workspace.settings.distill.targets
        logits = held_out_logits(t, train, what) if chosen == "all" else out_of_fold_logits(t, view, what)
        fused = self._views(train, logits)[self.view]
        if chosen != "corrected":
            return fused
        return corrected(fused, np.eye(len(train.classes))[train.labels] if labels is None else labels)

    def fold_targets(self, fold: int) -> np.ndarray:
        """Ensemble logits of the training clips and of the validation clips, by the teachers that were not trained on a fold.

        For students that this fold is to measure: what its clips are labelled as has not come to them through a teacher. No
        teacher has seen the validation clips, so their logits, which such a student learns from, are `corrected` by the label.
        The heads were fitted on out-of-fold logits of all training clips; they have few numbers.

        Args:
            fold: From 0.

        Returns:
            (n, classes), the training clips first, in the view that students learn from.
        """
        t, ws = self.teachers, self.workspace
        validation = ws.features(ws.dataset.validation, self.front_end, "validation")

        def fused(features: Features, clips: ClipSet) -> np.ndarray:
            logits = [m.logits(clips, fold if m.cross_fitted else 0) for m in t.members]
            return self._views(features, np.stack(logits, 1))[self.view]

        unseen = fused(validation, ClipSet.of(ws, validation, "validation"))
        labels = np.eye(len(validation.classes))[validation.labels]
        return np.concatenate([fused(t.train, t.folds.clips), corrected(unseen, labels)])

    def held_out_logits(self, features: Features, what: str) -> np.ndarray:
        """Ensemble logits of clips that no teacher was trained on.

        Args:
            features: The clips.
            what: Their name in the cache and in messages, such as `test`.

        Returns:
            (n, classes), in the view that students learn from.
        """
        return self._views(features, held_out_logits(self.teachers, features, what))[self.view]

    def table(self, features: Features, what: str) -> list[FusionRow]:
        """Compare teachers and views on clips that neither teachers nor heads were trained on.

        Args:
            features: The clips.
            what: Their name in the cache and in messages.

        Returns:
            A row for each teacher, for the weighted mean (one weight a teacher for all clips), and for each view.
        """
        logits = held_out_logits(self.teachers, features, what)
        by_teacher = logits.mean(1)
        single = {name: by_teacher[:, k] for k, name in enumerate(self.teachers.names)}
        weighted = {"weighted mean": np.einsum("k,nkc->nc", self.weights(), by_teacher)}
        views = single | weighted | self._views(features, logits)
        return [_row(name, v, features) for name, v in views.items()]

    def weights(self) -> np.ndarray:
        """Weights (K,) of the weighted mean, fitted on out-of-fold logits of the training clips."""
        logits, train = out_of_fold_logits(self.teachers), self.teachers.train
        return np.asarray(fit_mixture_weights(torch.from_numpy(logits), torch.from_numpy(train.labels)))

    def mixing(self, features: Features, what: str) -> np.ndarray:
        """z1's mixture weights of clips that no teacher was trained on, by the heads of `fusion.heads`.

        Args:
            features: The clips.
            what: Their name in the cache and in messages.

        Returns:
            (n, K), where the teachers of the folds differ their mean; each row sums to 1.
        """
        if self.paper is not None and self.workspace.settings.fusion.heads == "paper":
            return all_paper_weights(self.paper, features, self.workspace.device).numpy()
        logits = torch.from_numpy(held_out_logits(self.teachers, features, what))
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
        if self.paper is not None:
            weights = all_paper_weights(self.paper, features, self.workspace.device)
            for views, fold in zip(by_fold, folds.unbind(1), strict=True):
                views.update(fused_by_paper(self.paper, weights, fold))
        return {name: torch.stack([views[name] for views in by_fold]).mean(0).numpy() for name in by_fold[0]}


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
    """Train the teachers and fit both sets of fusion heads, unless the cache holds them."""
    teachers = teach(ws)
    s, train = ws.settings, teachers.train
    front_end, names = teacher_front_end(ws), teachers.names
    depends_on = {
        "teachers": teachers.keys,
        "fusion": replace(s.fusion, view="auto", heads="evidence"),
        "view_chosen": "at best scale",  # by which rule, see `head_fitting.best_view`
        "seed": s.seed,
        "content": content(train),
        "front_end": front_end,
    }
    key = schema.digest(depends_on)
    about = {"teachers": ",".join(teachers.keys), KEY: ws.training_clips.reference.text()}
    size = {"teachers": len(names), "classes": len(train.classes), "seed": s.seed}
    path = ws.cache / "fusion" / f"{key}.safetensors"
    with ws.reporter.stage(FUSION):
        if not usable(path, load_weights, ws.reporter.say):
            ensemble = _untrained(front_end, **size)
            view = fit_ensemble(ws, teachers, ensemble, front_end)
            save_weights(path, ensemble, about | {"view": view})
        # Loaded after training, too: a trained net has another memory format than a loaded one, and so other rounding.
        ensemble = _untrained(front_end, **size)
        ensemble.load_state_dict(load_weights(path))
        paper, paper_path = None, path.with_name(f"{key}-paper.safetensors")
        if s.fusion.paper_epochs:
            if not usable(paper_path, load_weights, ws.reporter.say):
                paper = untrained_paper_heads(front_end, **size, hidden=s.fusion.paper_hidden)
                view = fit_paper_heads(ws, teachers, paper, front_end)
                save_weights(paper_path, paper, about | {"view": view})
            paper = untrained_paper_heads(front_end, **size, hidden=s.fusion.paper_hidden)
            paper.load_state_dict(load_weights(paper_path))
    by_paper = s.fusion.heads == "paper"
    view = s.fusion.view if s.fusion.view != "auto" else load_metadata(paper_path if by_paper else path, "view")
    if by_paper:
        view = PAPER_NAMES.get(view, view)
    return FittedEnsemble(teachers=teachers, ensemble=ensemble, paper=paper, workspace=ws, key=key, view=view)


def _untrained(front_end: FrontEnd, teachers: int, classes: int, *, seed: int) -> Ensemble:
    torch.manual_seed(seed)
    backbone = student.build(z1_architecture(front_end, teachers))
    return Ensemble(Z1(teachers, classes, backbone), Z2(teachers, classes))


def target_file(fused: FittedEnsemble) -> Path:
    """Write the ensemble's logits of the training and the validation clips to the cache, where any process can read them.

    Students learn from the logits of the training clips. A search scores candidates by the logits of the validation clips,
    which no teacher was trained on.

    Args:
        fused: The fitted ensemble; the settings of its workspace say which teachers' logits.

    Returns:
        The file.
    """
    ws = fused.workspace
    path = ws.cache / "fusion" / f"{fused.key}-{ws.settings.distill.targets}-{fused.view}.npz"

    def logits() -> np.ndarray:
        validation = ws.features(ws.dataset.validation, fused.front_end, "validation")
        return np.concatenate([fused.targets(), fused.held_out_logits(validation, "validation")])

    return _written(path, fused, logits)


def fold_target_file(fused: FittedEnsemble, fold: int) -> Path:
    """Write `FittedEnsemble.fold_targets` to the cache, where any process can read them.

    Args:
        fused: The fitted ensemble.
        fold: From 0.

    Returns:
        The file, of the training and the validation clips.
    """
    path = fused.workspace.cache / "fusion" / f"{fused.key}-fold{fold}-{fused.view}-both-corrected.npz"
    return _written(path, fused, lambda: fused.fold_targets(fold))


def _written(path: Path, fused: FittedEnsemble, logits: Callable[[], np.ndarray]) -> Path:
    """Write logits of the training and the validation clips, unless the file is there."""
    ws = fused.workspace
    if not usable(path, logit_files.check, ws.reporter.say):
        train, validation = fused.teachers.train, ws.features(ws.dataset.validation, fused.front_end, "validation")
        about = {
            "hash": fused.key,
            "view": fused.view,
            "teachers": list(fused.teachers.names),
            KEY: schema.plain(ws.training_clips.reference),
        }
        ids, hashes = [c.id for c in (*train.clips, *validation.clips)], [*train.hashes, *validation.hashes]
        logit_files.save(path, ids=ids, hashes=hashes, logits=logits(), teacher=about)
    return path


def distillation_data(
    ws: Workspace, front_end: FrontEnd, targets: Path | None, *, with_validation: bool = False
) -> DistillationData:
    """Make the data that a student is trained on.

    Args:
        ws: Data and settings.
        front_end: The student's.
        targets: From `target_file`; None: the student is trained on labels alone.
        with_validation: Whether the validation clips come after the training clips, for students that are measured elsewhere.

    Returns:
        Training clips, targets, augmentation and the parameters of the loss.
    """
    clips, what = list(ws.dataset.train), "train"
    if with_validation:
        clips, what = [*clips, *ws.dataset.validation], "training and validation"
    train = ws.features(clips, front_end, what)
    logits = logit_files.load(targets, [c.id for c in train.clips], train.hashes) if targets else None
    d = ws.settings.distill
    return DistillationData(
        train=train,
        targets=logits,
        augment=ws.augment(front_end, d.augment),
        alpha=d.alpha,
        temperature=d.temperature,
        reduction=d.reduction,
        label_smoothing=d.label_smoothing,
    )


def _row(name: str, logits: np.ndarray, features: Features) -> FusionRow:
    y, labels = torch.from_numpy(logits), torch.from_numpy(features.labels)
    predicted = y.argmax(1)
    return FusionRow(
        name=name,
        accuracy=macro_accuracy(predicted, labels, len(features.classes)),
        log_loss=float(F.cross_entropy(y, labels)),
        ece=expected_calibration_error(y, labels),
        standard_error=standard_error(predicted == labels, features),
    )
