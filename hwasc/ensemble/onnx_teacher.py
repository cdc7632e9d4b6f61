"""A teacher that is an ONNX classifier of log-mels. It was trained elsewhere, so it is the same in all folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwasc.data.clips import Clip
from hwasc.data.probabilities import as_logits
from hwasc.ensemble.clip_set import ClipSet, cached_logits
from hwasc.ensemble.onnx_model import OnnxClassifier
from hwasc.ensemble.teacher import Folds, Job
from hwasc.ensemble.teacher_front_ends import member_front_end
from hwasc.ensemble.teacher_summary import TeacherSummary
from hwasc.errors import UsageError
from hwasc.records import schema
from hwasc.records.bounded import sha256
from hwasc.records.front_end import FrontEnd
from hwasc.records.teacher_settings import Member

VERSION = 2  # of what is done with a model's output; 1 took probabilities for logits
EXPORTED = (".pt2", ".pt", ".pth", ".pkl")


@dataclass(frozen=True, kw_only=True)
class OnnxTeacher:
    """An ONNX classifier, as a `Teacher`.

    Attributes:
        name: Its name in the settings.
        model: The ONNX file.
        hash: Of the file's content.
        front_end: The log-mel that it takes.
        cross_fitted: False.
    """

    name: str
    model: Path
    hash: str
    front_end: FrontEnd
    cross_fitted: bool = False

    @property
    def key(self) -> str:
        """See `Teacher.key`."""
        return f"{self.name}-{schema.digest([self.hash, self.front_end, VERSION])}"

    def check(self, clips: Sequence[Clip], what: str) -> None:
        """See `Teacher.check`: it can process any clip."""

    def jobs(self) -> Sequence[Job]:
        """None."""
        return ()

    def logits(self, clips: ClipSet, fold: int) -> np.ndarray:
        """See `Teacher.logits`."""
        return cached_logits(
            clips.workspace.cache / "teachers" / self.key,
            clips,
            fold=None,
            compute=lambda: self._compute(clips),
            teacher=lambda: {"hash": self.hash, "name": self.name},
        )

    def _compute(self, clips: ClipSet) -> np.ndarray:
        model = OnnxClassifier(self.model, clips.classes)  # processes cannot share a session, so each opens its own
        logits = as_logits(model.predict(clips.through(self.front_end), clips.rows).astype(np.float64))
        if logits.note:
            clips.workspace.reporter.say(f"teacher {self.name}: {self.model}: {logits.note}")
        return logits.values.astype(np.float32)

    def summary(self) -> TeacherSummary:
        """See `Teacher.summary`."""
        return TeacherSummary(
            name=self.name, kind="model", source=str(self.model), hash=self.hash, front_end=self.front_end
        )


def open_onnx(member: Member, folds: Folds) -> OnnxTeacher:
    """Open the ONNX classifier of a member.

    Args:
        member: Its settings, with `model`.
        folds: The training clips in folds.

    Returns:
        The teacher.

    Raises:
        UsageError: There is no such file, it may contain code, or the front end does not fit.
        DataError: The file is no such classifier.
    """
    ws, path = folds.workspace, Path(str(member.model))
    if path.suffix in EXPORTED:
        raise UsageError(
            f"teacher {member.name}: {path} may contain code that runs when it is loaded (torch.export.load unpickles, too); "
            "convert it to ONNX if you trust it, or give its logits instead (docs/teachers.md)"
        )
    OnnxClassifier(path, ws.dataset.classes)  # a check
    digest = sha256(path).hexdigest()[:16]
    return OnnxTeacher(name=member.name, model=path, hash=digest, front_end=member_front_end(ws, member))
