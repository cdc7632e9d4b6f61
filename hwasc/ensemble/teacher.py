"""What every kind of teacher can do: the Protocol through which it is prepared, asked for logits, and shown.

A kind is a module with an `open_...` function, in the table `hwasc.ensemble.kinds.KINDS` under its key in the settings
(`hwasc.records.teacher_settings.KINDS` lists what a member of this kind may have). The function takes the member and the folds,
and returns a `Teacher`. It checks the files and settings, but neither reads clips nor trains: `Folds.clips` extracts features
when it is first used, so that mistakes are named before long work.

What is trained here on training clips is cross-fitted: one version a fold, not trained on the clips of this fold
(`cross_fitted` is True). Anything else is the same in all folds.

`teach` (`hwasc.ensemble.cross_fitting`) opens all members, then calls `check` for the validation clips, then `jobs`, and runs the
jobs of all teachers in one pool with one progress bar. From then on `logits` may be called for any clips: training,
validation and test clips, and clips whose waveforms were changed. A teacher takes a `ClipSet` and uses of it
- log-mels: `clips.through(front_end).batch(rows)`, with `clips.rows`; or
- sound: `hwasc.data.waveforms.read_waves(clips.clips, sample_rate, clips.features.change)`.
`cached_logits` (`hwasc.ensemble.clip_set`) keeps what was computed, by the content of the clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from hwasc.data import splits
from hwasc.data.clips import Clip
from hwasc.ensemble.clip_set import ClipSet
from hwasc.ensemble.teacher_front_ends import teacher_front_end
from hwasc.ensemble.teacher_summary import TeacherSummary
from hwasc.workspace import Workspace


@dataclass(frozen=True)
class Folds:
    """The training clips in folds, no two of which have a location in common.

    Attributes:
        workspace: Data, settings, cache, device.
    """

    workspace: Workspace

    @property
    def count(self) -> int:
        """How many folds there are, 2 at least."""
        return self.workspace.settings.teachers.folds

    @cached_property
    def clips(self) -> ClipSet:
        """The training clips; the first call extracts their features."""
        ws = self.workspace
        return ClipSet.of(ws, ws.features(ws.dataset.train, teacher_front_end(ws), "train"), "train")

    @cached_property
    def of(self) -> np.ndarray:
        """The fold of each training clip, (n,)."""
        return np.array(splits.folds(self.clips.features.clips, self.count, self.workspace.settings.seed))

    def held_out(self, fold: int) -> ClipSet:
        """The clips of a fold.

        Args:
            fold: From 0.

        Returns:
            The clips that its version of a teacher was not trained on.
        """
        return self.clips.part(np.flatnonzero(self.of == fold))

    def others(self, fold: int) -> ClipSet:
        """The clips of all other folds.

        Args:
            fold: From 0.

        Returns:
            The clips that its version of a teacher is trained on.
        """
        return self.clips.part(np.flatnonzero(self.of != fold))


class Job(Protocol):
    """A part of the training of a teacher, such as that of one fold. It is pickled for other processes."""

    @property
    def label(self) -> str:
        """What it trains, in a few words for the progress bar."""
        ...

    @property
    def on_all_ranks(self) -> bool:
        """Whether all processes that `torchrun` started run it together; else the first alone does."""
        ...

    def run(self) -> str:
        """Train, and write the result to the cache.

        Returns:
            A few words for the progress bar, such as the last loss.
        """
        ...


class Teacher(Protocol):
    """A teacher of the ensemble, of any kind."""

    @property
    def name(self) -> str:
        """Its name in the settings, by which tables and caches go."""
        ...

    @property
    def key(self) -> str:
        """Its name and a hash of all that its logits depend on besides the clips; its folder's name in the cache."""
        ...

    @property
    def cross_fitted(self) -> bool:
        """Whether there is one version a fold; else all folds' logits are the same."""
        ...

    def check(self, clips: Sequence[Clip], what: str) -> None:
        """Check before long work whether it can give logits of clips. Reads no clip.

        Args:
            clips: The clips.
            what: Their name in messages, such as `test`.

        Raises:
            DataError: It cannot.
        """
        ...

    def jobs(self) -> Sequence[Job]:
        """What is left to train.

        Returns:
            A job for each part that the cache does not hold; none where nothing is trained.

        Raises:
            HwascError: Something does not fit, such as weights to start from; it is found before any job runs.
        """
        ...

    def logits(self, clips: ClipSet, fold: int) -> np.ndarray:
        """Compute the logits of clips, or read them from the cache.

        Args:
            clips: n clips.
            fold: Which version gives them, from 0: the one that was not trained on this fold. All are the same where the
                teacher is not cross-fitted.

        Returns:
            (n, classes) float32, in the order of `clips.rows` and `clips.classes`.

        Raises:
            DataError: It has no logits of some clips; it gives their number and the first of them.
            UsageError: The waveforms were changed, but it does not compute from sound.
        """
        ...

    def summary(self) -> TeacherSummary:
        """What it is and costs, for tables and pages."""
        ...
