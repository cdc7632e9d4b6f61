"""A model file that classifies recordings, arrays and sound as it comes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from hwasc.audio.reading import UnreadableClip
from hwasc.audio.sliding import Slider, Window, recording_windows
from hwasc.data.clips import Clip
from hwasc.data.extraction import log_mels
from hwasc.data.features import Features
from hwasc.deploy.runtimes import OpenedModel
from hwasc.errors import DataError, UsageError
from hwasc.progress import Reporter
from hwasc.records.leftovers import temporary_folder
from hwasc.students import prediction
from hwasc.students.prediction import Classified, Predictions, Skipped, classified

GROUP = 64  # windows whose features are computed at once
Sound = npt.NDArray[np.floating] | npt.NDArray[np.integer]


@dataclass(frozen=True)
class Classifier:
    """A model ready to classify.

    Attributes:
        model: The file.
        opened: The same in its runtime.
    """

    model: Path
    opened: OpenedModel

    @property
    def classes(self) -> tuple[str, ...]:
        """The scenes, in the order of all probabilities."""
        return self.opened.classes

    @property
    def seconds(self) -> float:
        """Length of a window, s."""
        return self.opened.architecture.front_end.seconds

    @property
    def sample_rate(self) -> int:
        """Of the model's log-mel, Hz. Sound of any rate is resampled to it."""
        return self.opened.architecture.front_end.sample_rate

    def predict(self, sound: str | Path | Sound, rate: int | None = None, *, every: float | None = None) -> Classified:
        """Classify a recording or an array.

        Args:
            sound: A file; or (samples,) or (samples, channels), floating-point numbers at full scale 1 or integers at the full
                scale of their type.
            rate: Sample rate of an array, Hz.
            every: From the start of a window to that of the next, s; None: windows side by side.

        Returns:
            The scene of the whole and of each window.

        Raises:
            UsageError: The rate of an array is missing or the step is not positive.
            DataError: It cannot be read, is shorter than a window, or no window can be used.
        """
        if isinstance(sound, (str, Path)):
            name, found = str(sound), self._of_file(Path(sound), every)
        else:
            if rate is None or rate < 1:
                raise UsageError("predict: an array needs its sample rate, predict(array, rate)")
            slider = Slider(rate, seconds=self.seconds, every=self._step(every), sample_rate=self.sample_rate)
            name, found = "array", iter([*slider.push(at_full_scale(sound)), *slider.end()])
        done = self._classify([(name, found)])
        if not done.files:
            why = done.skipped[0].reason if done.skipped else f"shorter than {self.seconds:g} s"
            raise DataError(f"{name}: {why}")
        return done.files[0]

    def predict_files(
        self, files: Sequence[Path], *, every: float | None = None, reporter: Reporter | None = None
    ) -> Predictions:
        """Classify recordings; those that cannot be read are named, and the rest goes on.

        Args:
            files: The recordings.
            every: From the start of a window to that of the next, s; None: windows side by side.
            reporter: Shows the progress.

        Returns:
            What was classified, and what was not.
        """
        return self._classify([(str(f), self._of_file(f, every)) for f in files], every=every, reporter=reporter)

    def listen(
        self, blocks: Iterable[Sound], rate: int, *, every: float | None = None
    ) -> Iterator[prediction.Window | Skipped]:
        """Classify sound as it comes, such as that of a microphone.

        Args:
            blocks: Arrays (samples,) or (samples, channels), see `predict`.
            rate: Their sample rate, Hz.
            every: From the start of a window to that of the next, s; None: windows side by side.

        Yields:
            Each window, or why it cannot be used, as soon as it is complete.

        Raises:
            UsageError: The step is not positive, or a block is none of samples.
        """
        slider = Slider(rate, seconds=self.seconds, every=self._step(every), sample_rate=self.sample_rate)
        for block in blocks:
            yield from self._decided(slider.push(at_full_scale(block)))
        yield from self._decided(slider.end())

    def _decided(self, found: Sequence[Window]) -> Iterator[prediction.Window | Skipped]:
        if not found:
            return
        skipped: list[Skipped] = []
        with _features(self) as writer:
            starts = writer.read("", iter(found), skipped)
            logits = writer.logits(Reporter(quiet=True))
        decided: list[prediction.Window | Skipped] = list(skipped)
        if starts:
            decided += classified("", starts, logits, classes=self.classes, seconds=self.seconds).windows
        yield from sorted(decided, key=lambda one: one.start or 0.0)

    def _step(self, every: float | None) -> float:
        step = self.seconds if every is None else every
        if not 1e-3 <= step < 1e6:
            raise UsageError(f"every: expected seconds, 0.001 at least, found {step:g}")
        return step

    def _of_file(self, path: Path, every: float | None) -> Iterator[Window]:
        step = self._step(every)
        return recording_windows(path, seconds=self.seconds, every=step, sample_rate=self.sample_rate)

    def _classify(
        self,
        sounds: Sequence[tuple[str, Iterator[Window]]],
        *,
        every: float | None = None,
        reporter: Reporter | None = None,
    ) -> Predictions:
        reporter = reporter or Reporter(quiet=True)
        skipped: list[Skipped] = []
        starts: list[list[float]] = []
        with _features(self) as writer:
            with reporter.track("reading", len(sounds)) as update:
                for i, (name, found) in enumerate(sounds):
                    starts.append(writer.read(name, found, skipped))
                    update(i + 1, "recordings")
            logits = writer.logits(reporter)
        ends = np.cumsum([len(s) for s in starts])
        files = [
            classified(name, begin, rows, classes=self.classes, seconds=self.seconds)
            for (name, _), begin, rows in zip(
                sounds, starts, np.split(logits, ends[:-1]) if len(ends) else [], strict=True
            )
            if begin
        ]
        return Predictions(
            model=str(self.model),
            runtime=self.opened.runtime,
            architecture=self.opened.architecture.id,
            classes=self.classes,
            seconds=self.seconds,
            every=self._step(every),
            files=tuple(files),
            skipped=tuple(skipped),
        )


def at_full_scale(sound: Sound) -> npt.NDArray[np.float32]:
    """Make floating-point samples of full scale 1.

    Args:
        sound: (samples,) or (samples, channels), floating-point numbers at full scale 1, or integers.

    Returns:
        float32 (samples, channels).

    Raises:
        UsageError: It has another shape or other values.
    """
    found = np.asarray(sound)
    if found.ndim not in (1, 2) or found.dtype.kind not in "fiu":
        raise UsageError(
            f"expected samples of shape (samples,) or (samples, channels), found {found.shape} of type {found.dtype}"
        )
    if found.dtype.kind != "f":
        limits = np.iinfo(str(found.dtype))
        half = (float(limits.max) - float(limits.min) + 1) / 2
        found = (found.astype(np.float64) - (half if limits.min == 0 else 0)) / half
    return found.astype(np.float32).reshape(len(found), -1)


@dataclass
class _Writer:
    """Features of windows in a temporary file, so that an hour of windows four times a second needs no memory."""

    classifier: Classifier
    path: Path
    file: BinaryIO
    count: int = 0

    def read(self, name: str, found: Iterator[Window], skipped: list[Skipped]) -> list[float]:
        """Add the windows of a recording. Returns where the usable ones begin, s; the others go to `skipped`."""
        starts: list[float] = []
        group: list[tuple[float, npt.NDArray[np.float32]]] = []

        def add() -> None:
            usable = self.add([wave for _, wave in group])
            for (start, _), good in zip(group, usable, strict=True):
                if good:
                    starts.append(start)
                else:
                    skipped.append(Skipped(file=name, start=start, reason="samples out of range"))
            group.clear()

        try:
            for start, wave in found:
                if isinstance(wave, UnreadableClip):
                    skipped.append(Skipped(file=name, start=start, reason=str(wave)))
                    continue
                group.append((start, wave))
                if len(group) == GROUP:
                    add()
        except UnreadableClip as e:
            skipped.append(Skipped(file=name, reason=str(e)))
        add()
        return starts

    def add(self, waves: Sequence[npt.NDArray[np.float32]]) -> npt.NDArray[np.bool_]:
        """Add windows. Returns which of them are usable, (n,)."""
        features, usable = log_mels(waves, self.classifier.opened.architecture.front_end)
        self.file.write(features[usable].tobytes())
        self.count += int(usable.sum())
        return usable

    def logits(self, reporter: Reporter) -> npt.NDArray[np.float32]:
        """Logits of all windows, (n, classes)."""
        opened = self.classifier.opened
        if not self.count:
            return np.zeros((0, len(opened.classes)), np.float32)
        self.file.flush()
        fe, scene = opened.architecture.front_end, opened.classes[0]
        clips = [
            Clip(id=str(i), path=self.path, start=0.0, seconds=fe.seconds, scene=scene, location="", device="")
            for i in range(self.count)
        ]
        features = Features(
            self.path, (fe.mels, fe.frames), clips=clips, classes=opened.classes, hashes=[""] * self.count
        )
        with reporter.track(f"running in {opened.runtime}", self.count) as update:
            return opened.predict(features, update)


@contextmanager
def _features(classifier: Classifier) -> Iterator[_Writer]:
    """A writer in a temporary folder, for the time of a block."""
    with (
        temporary_folder("hwasc-windows-", Path(tempfile.gettempdir())) as folder,
        (folder / "features").open("wb") as f,
    ):
        yield _Writer(classifier, folder / "features", f)
