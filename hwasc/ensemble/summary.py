"""A summary of the ensemble: what each teacher is and costs, how good each view is, and what each teacher adds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwasc.data.features import Features
from hwasc.ensemble.cross_fitting import held_out_logits
from hwasc.ensemble.external import ExternalTeacher
from hwasc.ensemble.fusion import FittedEnsemble, FusionRow
from hwasc.ensemble.leave_one_out import LeaveOneOutRow, leave_one_out
from hwasc.models.teachers import describe
from hwasc.records.front_end import FrontEnd
from hwasc.records.measured_clips import MeasuredClips
from hwasc.records.results import Result


@dataclass(frozen=True, kw_only=True)
class PretrainedStart:
    """The weights that a teacher's training started from.

    Attributes:
        file: Their file's name.
        hash: Of the file and the renaming, hexadecimal.
        rename: Regular expressions of the file's tensor names to ours.
    """

    file: str
    hash: str
    rename: dict[str, str | None]


@dataclass(frozen=True, kw_only=True)
class TrainedTeacherSummary:
    """A teacher that was trained here.

    Attributes:
        name: Its family.
        width: Of the family's net.
        front_end: Its log-mel.
        receptive_field: Bins x frames that its kernels reach.
        global_context: What else an output depends on, and through which layer; empty: nothing.
        parameters: Learned numbers.
        macs: Of a clip.
        pretrained: The weights that its training started from; None: random weights.
    """

    name: str
    width: int
    front_end: FrontEnd
    receptive_field: tuple[int, int]
    global_context: str
    parameters: int
    macs: int
    pretrained: PretrainedStart | None


@dataclass(frozen=True, kw_only=True)
class ExternalTeacherSummary:
    """A teacher that was not trained here.

    Attributes:
        name: Its name in the settings.
        front_end: The log-mel of its model; None where its logits are in files.
        model: The ONNX file.
        logits: The file or folder of logits.
        hash: Of that file, hexadecimal.
    """

    name: str
    front_end: FrontEnd | None
    model: str | None
    logits: str | None
    hash: str


@dataclass(frozen=True, kw_only=True)
class EnsembleSummary(Result):
    """Teachers and their fusion on held-out clips.

    Attributes:
        split: Whose clips: `validation` or `test`.
        clips: How many.
        seed: The run's.
        dataset: Fingerprint of the training and validation clips.
        measured: The clips, and those that were left out; None for the validation clips of a search.
        teachers: What each is and costs.
        fusion: Each teacher and each view, with accuracy, log loss and calibration error.
        view: The view that students learn from.
        mixing: z1's mean weight of each teacher, 0..1: `scene` or `device`, its name, the teacher's name.
        leave_one_out: The plain mean without each teacher.
    """

    split: str
    clips: int
    seed: int
    dataset: str
    teachers: list[TrainedTeacherSummary | ExternalTeacherSummary]
    fusion: list[FusionRow]
    view: str
    mixing: dict[str, dict[str, dict[str, float]]]
    leave_one_out: list[LeaveOneOutRow]
    measured: MeasuredClips | None = None


def summarize(
    fused: FittedEnsemble, features: Features, split: str, *, measured: MeasuredClips | None = None
) -> EnsembleSummary:
    """Summarise an ensemble on clips that no teacher was trained on.

    Args:
        fused: The fitted ensemble.
        features: The clips, through `fused.front_end`.
        split: Their split's name.
        measured: The record of the clips.

    Returns:
        The summary.
    """
    teachers, ws = fused.teachers, fused.workspace
    logits = held_out_logits(teachers, ws, features, split).mean(1)
    return EnsembleSummary(
        split=split,
        clips=len(features),
        seed=ws.settings.seed,
        dataset=ws.fingerprint,
        teachers=[*_trained(fused), *map(_external, teachers.external)],
        fusion=fused.table(features, split),
        view=fused.view,
        mixing=_mixing(fused, features, split),
        leave_one_out=leave_one_out(teachers.names, logits, features.labels),
        measured=measured,
    )


def _mixing(fused: FittedEnsemble, features: Features, split: str) -> dict[str, dict[str, dict[str, float]]]:
    weights = fused.mixing(features, split)
    keys = {"scene": [c.scene for c in features.clips], "device": [c.device for c in features.clips]}
    return {
        key: {
            group: dict(zip(fused.teachers.names, weights[np.array(of) == group].mean(0).tolist(), strict=True))
            for group in sorted(set(of))
        }
        for key, of in keys.items()
    }


def _trained(fused: FittedEnsemble) -> list[TrainedTeacherSummary]:
    out = []
    for spec, start in zip(fused.teachers.specs, fused.teachers.starts, strict=True):
        d = describe(spec, len(fused.teachers.train.classes))
        pretrained = PretrainedStart(file=start.file.name, hash=start.hash, rename=start.rename) if start else None
        out.append(
            TrainedTeacherSummary(
                name=spec.family,
                width=spec.width,
                front_end=spec.front_end,
                receptive_field=d.receptive_field,
                global_context=d.global_context,
                parameters=d.parameters,
                macs=d.macs,
                pretrained=pretrained,
            )
        )
    return out


def _external(teacher: ExternalTeacher) -> ExternalTeacherSummary:
    s = teacher.setting
    return ExternalTeacherSummary(
        name=s.name, front_end=teacher.front_end, model=s.model, logits=s.logits, hash=teacher.hash
    )
