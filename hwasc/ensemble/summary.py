"""A summary of the ensemble: what each teacher is and costs, how good each view is, and what each teacher adds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwasc.data.features import Features
from hwasc.ensemble.cross_fitting import held_out_logits
from hwasc.ensemble.fusion import FittedEnsemble, FusionRow
from hwasc.ensemble.leave_one_out import LeaveOneOutRow, leave_one_out
from hwasc.ensemble.teacher_summary import TeacherSummary
from hwasc.records.measured_clips import MeasuredClips
from hwasc.records.results import Result


@dataclass(frozen=True, kw_only=True)
class EnsembleSummary(Result):
    """Teachers and their fusion on held-out clips.

    Attributes:
        split: Whose clips: `validation` or `test`.
        clips: How many.
        seed: The run's.
        dataset: Fingerprint of the training and validation clips.
        measured: The clips, and those that were left out; None for the validation clips of a search.
        data: The data set as the user named it; empty in files of versions that did not keep it.
        scenes: How many classes it has; 0 in such files.
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
    teachers: list[TeacherSummary]
    fusion: list[FusionRow]
    view: str
    mixing: dict[str, dict[str, dict[str, float]]]
    leave_one_out: list[LeaveOneOutRow]
    measured: MeasuredClips | None = None
    data: str = ""
    scenes: int = 0


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
    logits = held_out_logits(teachers, features, split).mean(1)
    return EnsembleSummary(
        split=split,
        clips=len(features),
        seed=ws.settings.seed,
        data=ws.data,
        scenes=len(features.classes),
        dataset=ws.fingerprint,
        teachers=[teacher.summary() for teacher in teachers.members],
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
