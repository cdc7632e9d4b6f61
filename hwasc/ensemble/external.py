"""External teachers: an ONNX model, or logits in files. They are not trained here, so they are the same in every fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwasc.data import logit_tables
from hwasc.data import logits as logit_files
from hwasc.data.clips import Clip
from hwasc.data.features import Features
from hwasc.data.logit_tables import LogitTable
from hwasc.data.probabilities import as_logits
from hwasc.ensemble.teacher_front_ends import features_by_front_end
from hwasc.errors import UsageError
from hwasc.records import schema
from hwasc.records.bounded import sha256
from hwasc.records.damaged import usable
from hwasc.records.front_end import FrontEnd
from hwasc.records.teacher_settings import ExternalTeacherSettings
from hwasc.workspace import Workspace

VERSION = 2  # of what is done with a model's output; 1 took probabilities for logits
EXPORTED = (".pt2", ".pt", ".pth", ".pkl")


@dataclass(frozen=True, kw_only=True)
class ExternalTeacher:
    """An external teacher whose files were opened and checked.

    Attributes:
        setting: Its settings.
        hash: Hash of its files' content.
        front_end: The log-mel that its model takes; None where its logits are in files.
        table: Its logits by clip id; None where it is a model.
    """

    setting: ExternalTeacherSettings
    hash: str
    front_end: FrontEnd | None
    table: LogitTable | None

    @property
    def name(self) -> str:
        """Its name in the settings."""
        return self.setting.name

    @property
    def key(self) -> str:
        """Its name and a hash of all that its logits depend on besides the clips."""
        made = [VERSION] if self.front_end else []
        return f"external-{self.name}-{schema.digest([self.hash, self.front_end, *made])}"

    def __str__(self) -> str:
        if self.front_end is None:
            return f"{self.name}: logits of {self.setting.logits} (hash {self.hash})"
        return f"{self.name} at {self.front_end.mels}x{self.front_end.frames}: {self.setting.model} (hash {self.hash})"


def open_external(ws: Workspace) -> tuple[ExternalTeacher, ...]:
    """Open the external teachers of the settings: read each file once for its hash, and check its format."""
    return tuple(_open(setting, ws) for setting in ws.settings.teachers.external)


def _open(setting: ExternalTeacherSettings, ws: Workspace) -> ExternalTeacher:
    if setting.logits is not None:
        table = logit_tables.read(Path(setting.logits), ws.dataset.classes)
        for note in table.notes:
            ws.reporter.say(f"teachers.external: {setting.name}: {note}")
        return ExternalTeacher(setting=setting, hash=table.hash, front_end=None, table=table)
    path = Path(str(setting.model))
    if path.suffix in EXPORTED:
        raise UsageError(
            f"teachers.external: {path} may contain code that runs when it is loaded (torch.export.load unpickles, too); "
            "convert it to ONNX if you trust it, or give its logits instead (docs/teachers.md)"
        )
    from hwasc.ensemble.onnx_model import OnnxClassifier

    OnnxClassifier(path, ws.dataset.classes)  # a check; processes cannot share a session, so each opens its own
    try:
        front_end = setting.front_end(ws.settings.data.seconds)
    except ValueError as e:
        raise UsageError(f"teachers.external: {setting.name}: {e}") from None
    digest = sha256(path).hexdigest()[:16]
    return ExternalTeacher(setting=setting, hash=digest, front_end=front_end, table=None)


def external_logits(teacher: ExternalTeacher, ws: Workspace, features: Features, what: str) -> np.ndarray:
    """Get an external teacher's logits of clips: from its files, or from its model by way of the cache.

    Args:
        teacher: The external teacher.
        ws: Data, cache.
        features: The clips, n of them.
        what: Their name in the cache and in messages, such as `train`.

    Returns:
        (n, classes).

    Raises:
        DataError: Clips have no logits; it gives their number and the first of them.
        UsageError: The clips were changed, but the teacher only has logits of clips as recorded.
    """
    ids = [c.id for c in features.clips]
    if teacher.table is not None:
        if features.change is not None:
            raise UsageError(no_sound([teacher.name]))
        return teacher.table.select(ids, what)
    assert teacher.front_end is not None
    path = ws.cache / "teachers" / teacher.key / f"{what}-{schema.digest([ids, features.hashes])}.npz"
    if not usable(path, logit_files.check, ws.reporter.say):
        from hwasc.ensemble.onnx_model import OnnxClassifier

        model = OnnxClassifier(Path(str(teacher.setting.model)), ws.dataset.classes)
        its_features = features_by_front_end(ws, features, [teacher.front_end], what)[teacher.front_end]
        logits = as_logits(model.predict(its_features).astype(np.float64))
        if logits.note:
            ws.reporter.say(f"teachers.external: {teacher.name}: {teacher.setting.model}: {logits.note}")
        logit_files.save(
            path,
            ids=ids,
            hashes=features.hashes,
            logits=logits.values.astype(np.float32),
            teacher={"hash": teacher.hash, "name": teacher.name},
        )
    return logit_files.load(path, ids, features.hashes)


def no_sound(names: Sequence[str]) -> str:
    """The message where teachers that are tables of logits should process changed clips.

    Args:
        names: Of these teachers.

    Returns:
        What is wrong, and what to do.
    """
    return (
        f"distill.teacher_view: 'waveform' gives the teachers changed clips, but {', '.join(names)} only "
        f"{'have' if len(names) > 1 else 'has'} logits of the clips as recorded; give a model instead, leave "
        f"{'them' if len(names) > 1 else 'it'} out, or set distill.teacher_view to cached"
    )


def check_external(teachers: Sequence[ExternalTeacher], ws: Workspace, clips: Sequence[Clip], what: str) -> None:
    """Check before long work that external teachers have logits of the clips. Reads no clip.

    Args:
        teachers: The external teachers.
        ws: The settings.
        clips: The clips.
        what: Their name in messages, such as `test`.

    Raises:
        DataError: The share of clips without logits is above `data.max_unreadable`.
    """
    for teacher in teachers:
        if teacher.table is not None:
            ids = [c.id for c in clips]
            if len(teacher.table.missing(ids)) > ws.settings.data.max_unreadable * len(ids):
                teacher.table.select(ids, what)
