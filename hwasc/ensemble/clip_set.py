"""The clips whose logits teachers are asked for, through any front end, and the cache of these logits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hwasc.data import logits as logit_files
from hwasc.data.clips import Clip
from hwasc.data.features import Features
from hwasc.ensemble.teacher_front_ends import features_by_front_end
from hwasc.records import schema
from hwasc.records.damaged import usable
from hwasc.records.front_end import FrontEnd
from hwasc.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class ClipSet:
    """Clips of which teachers give logits.

    Attributes:
        workspace: Data, settings, cache, device.
        features: All clips of a split through `teacher_front_end`.
        what: The split's name in messages and in the cache, such as `train`.
        rows: Indices of the clips among those of `features`, (n,).
        opened: What `through` gave, by front end.
    """

    workspace: Workspace
    features: Features
    what: str
    rows: np.ndarray
    opened: dict[FrontEnd, Features] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, workspace: Workspace, features: Features, what: str) -> ClipSet:
        """All clips of some features.

        Args:
            workspace: Data, settings, cache, device.
            features: The clips through `teacher_front_end`.
            what: Their name.

        Returns:
            The set.
        """
        return cls(workspace=workspace, features=features, what=what, rows=np.arange(len(features)))

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, rows: np.ndarray) -> ClipSet:
        """Some of the clips.

        Args:
            rows: Indices among those of `features`.

        Returns:
            The smaller set.
        """
        return ClipSet(workspace=self.workspace, features=self.features, what=self.what, rows=rows, opened=self.opened)

    @property
    def clips(self) -> Sequence[Clip]:
        """The n clips."""
        return [self.features.clips[i] for i in self.rows]

    @property
    def ids(self) -> list[str]:
        """Ids of the n clips."""
        return [clip.id for clip in self.clips]

    @property
    def hashes(self) -> list[str]:
        """Hashes of the contents of the n clips, with what was done to their waveforms."""
        return [self.features.hashes[i] for i in self.rows]

    @property
    def classes(self) -> tuple[str, ...]:
        """The scenes, in the order of the logits."""
        return self.features.classes

    def through(self, front_end: FrontEnd) -> Features:
        """The same clips through another front end; `rows` are indices of these features, too.

        Args:
            front_end: The front end.

        Returns:
            The features of all clips of the split.

        Raises:
            DataError: The front end cannot process one of the clips.
        """
        if front_end not in self.opened:
            found = features_by_front_end(self.workspace, self.features, [front_end], self.what)
            self.opened.update(found)
        return self.opened[front_end]


def cached_logits(
    folder: Path,
    clips: ClipSet,
    *,
    fold: int | None,
    compute: Callable[[], np.ndarray],
    teacher: Callable[[], Mapping[str, Any]],
) -> np.ndarray:
    """Get logits from the cache, or compute them and save them there.

    Args:
        folder: The teacher's, whose name changes with all that its logits depend on besides the clips.
        clips: The clips.
        fold: Of the teacher; None: it is the same in all folds.
        compute: Gives the logits (n, classes), in the order of the clips.
        teacher: Gives the description of the teacher that is saved with them, see `data.logits.save`.

    Returns:
        Logits (n, classes), float32.
    """
    by_fold = "" if fold is None else f"fold{fold}-"
    path = folder / f"{clips.what}-{by_fold}{schema.digest([clips.ids, clips.hashes])}.npz"
    if not usable(path, logit_files.check, clips.workspace.reporter.say):
        logit_files.save(path, clips.ids, clips.hashes, compute(), teacher=teacher())
    return logit_files.load(path, clips.ids, clips.hashes)
