"""External teachers: an ONNX model, or logits in files. They are asked, never trained, so no fold has its own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwasc.data import logit_tables
from hwasc.data import logits as logit_files
from hwasc.data.clips import Clip
from hwasc.data.features import Features
from hwasc.data.logit_tables import LogitTable
from hwasc.ensemble.teacher_front_ends import features_by_front_end
from hwasc.errors import UsageError
from hwasc.records import schema
from hwasc.records.architecture import FrontEnd
from hwasc.records.teacher_settings import ExternalTeacherSettings
from hwasc.workspace import Workspace

EXPORTED = (".pt2", ".pt", ".pth", ".pkl")


@dataclass(frozen=True)
class ExternalTeacher:
    """One that was opened. hash: of its file's content; front_end: what a model hears (none: its logits are in files)."""

    setting: ExternalTeacherSettings
    hash: str
    front_end: FrontEnd | None
    table: LogitTable | None

    @property
    def name(self) -> str:
        """As the settings call it."""
        return self.setting.name

    @property
    def key(self) -> str:
        """Name and a hash of all that its logits depend on besides the clips."""
        return f"external-{self.name}-{schema.digest([self.hash, self.front_end])}"

    def __str__(self) -> str:
        if self.front_end is None:
            return f"{self.name}: logits of {self.setting.logits} (hash {self.hash})"
        return f"{self.name} at {self.front_end.mels}x{self.front_end.frames}: {self.setting.model} (hash {self.hash})"


def open_external(ws: Workspace) -> tuple[ExternalTeacher, ...]:
    """The settings' external teachers, each file read once for its hash and its form."""
    return tuple(_open(setting, ws) for setting in ws.settings.teachers.external)


def _open(setting: ExternalTeacherSettings, ws: Workspace) -> ExternalTeacher:
    if setting.logits is not None:
        table = logit_tables.read(Path(setting.logits), ws.dataset.classes)
        return ExternalTeacher(setting, table.hash, None, table)
    path = Path(str(setting.model))
    if path.suffix in EXPORTED:
        raise UsageError(
            f"teachers.external: {path} may hold code that runs as it is loaded (torch.export.load unpickles, too); convert it "
            "to ONNX where you trust it, or give its logits instead (docs/teachers.md)"
        )
    from hwasc.ensemble.onnx_model import OnnxClassifier

    OnnxClassifier(path, ws.dataset.classes)  # whether it opens; processes cannot share a session, so it is not kept
    try:
        front_end = setting.front_end(ws.settings.data.seconds)
    except ValueError as e:
        raise UsageError(f"teachers.external: {setting.name}: {e}") from None
    return ExternalTeacher(setting, hashlib.sha256(path.read_bytes()).hexdigest()[:16], front_end, None)


def external_logits(teacher: ExternalTeacher, ws: Workspace, features: Features, what: str) -> np.ndarray:
    """Logits (n, classes) of the clips of `features`: from its table, or by its model and kept in the cache.

    DataError: how many clips have none, and which first.
    """
    ids = [c.id for c in features.clips]
    if teacher.table is not None:
        return teacher.table.select(ids, what)
    assert teacher.front_end is not None
    path = ws.cache / "teachers" / teacher.key / f"{what}-{schema.digest([ids, features.hashes])}.npz"
    if not path.is_file():
        from hwasc.ensemble.onnx_model import OnnxClassifier

        model = OnnxClassifier(Path(str(teacher.setting.model)), ws.dataset.classes)
        ours = features_by_front_end(ws, features, [teacher.front_end], what)[teacher.front_end]
        logit_files.save(path, ids, features.hashes, model.predict(ours), {"hash": teacher.hash, "name": teacher.name})
    return logit_files.load(path, ids, features.hashes)


def check_external(teachers: Sequence[ExternalTeacher], ws: Workspace, clips: Sequence[Clip], what: str) -> None:
    """DataError where more clips have no logits than may be unreadable: before long work, and without reading a clip."""
    for teacher in teachers:
        if teacher.table is not None:
            ids = [c.id for c in clips]
            if len(teacher.table.missing(ids)) > ws.settings.data.max_unreadable * len(ids):
                teacher.table.select(ids, what)
