"""`hwasc bench data`: how fast recordings become features, and features batches, on one core of this machine."""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soxr
import torch

from hwasc.audio.frontend import LogMel
from hwasc.audio.reading import UnreadableClip, header, read_clip
from hwasc.data.clips import Clip
from hwasc.data.extraction import CHUNK, in_blocks
from hwasc.data.features import Features, extract
from hwasc.data.store import Entry
from hwasc.errors import DataError, UsageError
from hwasc.records.front_end import FrontEnd
from hwasc.records.leftovers import temporary_folder
from hwasc.records.run import environment
from hwasc.training.batches import training_batches
from hwasc.workspace import Workspace

ROUNDS = 5  # of every measurement; measurements that are compared alternate: A B A B ...
CHECKED = 32  # clips compared with librosa
RATE = 44_100  # Hz, the sample rate of TAU, for the time of resampling

Waves = Sequence[np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Speed:
    """The speed of one step.

    Attributes:
        what: The step, for people.
        seconds: Time for a clip, median over rounds, s.
        least: Time for a clip, minimum over rounds, s.
        times_real_time: Length of a clip over `seconds`.
    """

    what: str
    seconds: float
    least: float
    times_real_time: float


@dataclass(frozen=True, kw_only=True)
class DataBench:
    """The speed of all steps from recordings to batches.

    Attributes:
        front_end: The front end, for people.
        rates: Sample rates of the recordings, Hz.
        clips: Clips that were measured on.
        speeds: Of each step, in the order of the work.
        librosa: Greatest difference from librosa's log-mel, natural logarithm of power; None where librosa is not installed.
        torchaudio: Its version, or why it was not compared.
        against_torchaudio: Median time of torchaudio over our median time; None where it was not compared.
        epoch_start: Time from cached features to the first augmented batch, s.
        batch: Clips in a batch.
        batches: Augmented batches per second.
        peak_memory: Resident memory of this process at its highest, bytes.
        environment: Command, versions, machine and date.
    """

    front_end: str
    rates: tuple[int, ...]
    clips: int
    speeds: tuple[Speed, ...]
    librosa: float | None
    torchaudio: str
    against_torchaudio: float | None
    epoch_start: float
    batch: int
    batches: float
    peak_memory: int
    environment: dict[str, Any]


def parse_front_end(text: str, seconds: float) -> FrontEnd:
    """Read a front end from text such as `256x65`.

    Args:
        text: Mels x frames of a second of sound.
        seconds: Length of a clip, s.

    Returns:
        The front end; all else is as by default.

    Raises:
        UsageError: The text is not of this form, or the numbers do not fit.
    """
    try:
        mels, frames = map(int, text.split("x"))
        return FrontEnd.for_clip(mels, frames).lasting(seconds)
    except (ValueError, ZeroDivisionError) as e:
        raise UsageError(f"--front-end {text}: expected mels x frames, as in 256x65 ({e})") from None


def bench_data(ws: Workspace, front_end: FrontEnd, count: int) -> DataBench:
    """Measure how fast recordings become features, and features batches. The cache that this writes is deleted afterwards.

    Args:
        ws: Data, settings, cache.
        front_end: The front end.
        count: Training clips to measure on, evenly spaced.

    Returns:
        The speed of each step.

    Raises:
        DataError: Fewer than two clips can be read.
    """
    chosen, waves, rates = _readable(ws.dataset.train, front_end, count)
    seconds, clips = front_end.seconds, len(chosen)

    def speed(what: str, rounds: Sequence[float]) -> Speed:
        median = statistics.median(rounds) / clips
        return Speed(what=what, seconds=median, least=min(rounds) / clips, times_real_time=seconds / median)

    def read() -> None:
        for c in chosen:
            read_clip(c.path, c.start, c.seconds, front_end.sample_rate)

    noise = np.random.default_rng(0).standard_normal(round(RATE * seconds)).astype(np.float32)
    ours = LogMel(front_end)
    theirs, version = _torchaudio(front_end)
    with ws.reporter.track("bench: data", 4) as update, torch.inference_mode():
        (reading,) = _alternate(read)
        (resampling,) = _alternate(
            lambda: [soxr.resample(noise, RATE, front_end.sample_rate, quality="HQ") for _ in waves]
        )
        update(1, "reading")
        log_mels = _alternate(*(lambda m=m: _all(m, waves, front_end) for m in (ours, theirs) if m is not None))
        update(2, "log-mel")
        speeds = [
            speed(f"reading, {' and '.join(f'{r:,}' for r in rates)} to {front_end.sample_rate:,} Hz", reading),
            speed(f"  of this resampling, if they had {RATE:,} Hz", resampling),
            speed("log-mel", log_mels[0]),
            *(speed("log-mel by torchaudio's MelSpectrogram (no log)", rounds) for rounds in log_mels[1:]),
        ]  # fmt: skip
    with temporary_folder(".bench-", _existing(ws.cache)) as folder:
        writing, making, features = _cache(chosen, ws.dataset.classes, front_end, folder)
        update(3, "cache")
        speeds += [speed("writing features", writing), speed("all of it: hash, read, log-mel, write", making)]
        start, batches = _batches(ws, features, front_end)
    update(4, "batches")
    return DataBench(
        front_end=str(front_end),
        rates=rates,
        clips=clips,
        speeds=tuple(speeds),
        librosa=_against_librosa(ours, waves[:CHECKED]),
        torchaudio=version,
        against_torchaudio=statistics.median(log_mels[1]) / statistics.median(log_mels[0]) if theirs else None,
        epoch_start=start,
        batch=min(ws.settings.distill.train.batch, clips),
        batches=batches,
        peak_memory=peak_memory(),
        environment=environment(),
    )


def peak_memory() -> int:
    """Resident memory of this process at its highest, bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _readable(
    clips: Sequence[Clip], front_end: FrontEnd, count: int
) -> tuple[list[Clip], list[np.ndarray], tuple[int, ...]]:
    chosen, waves, rates, last = [], [], set(), "no clips"
    for clip in clips[:: max(1, len(clips) // count)][:count]:
        try:
            waves.append(read_clip(clip.path, clip.start, clip.seconds, front_end.sample_rate))
            rates.add(header(clip.path).rate)
            chosen.append(clip)
        except UnreadableClip as e:
            last = f"{clip.id}: {e}"
    if len(chosen) < 2:
        raise DataError(f"bench data: fewer than two clips can be read ({last})")
    return chosen, waves, tuple(sorted(rates))


def _alternate(*tasks: Callable[[], object]) -> list[list[float]]:
    """Time tasks in alternation: seconds of each task in each round, after one round that does not count."""
    taken: list[list[float]] = [[] for _ in tasks]
    for _ in range(ROUNDS + 1):
        for task, rounds in zip(tasks, taken, strict=True):
            start = time.perf_counter()
            task()
            rounds.append(time.perf_counter() - start)
    return [rounds[1:] for rounds in taken]


def _all(log_mel: Callable[[torch.Tensor], torch.Tensor], waves: Waves, front_end: FrontEnd) -> None:
    for block in in_blocks(waves, front_end):
        log_mel(torch.from_numpy(np.stack(block)))


def _torchaudio(front_end: FrontEnd) -> tuple[torch.nn.Module | None, str]:
    try:
        import torchaudio
    except (ImportError, OSError) as e:
        why = "not installed" if isinstance(e, ModuleNotFoundError) else f"cannot be loaded ({str(e).splitlines()[0]})"
        return None, why
    fe = front_end
    return torchaudio.transforms.MelSpectrogram(
        sample_rate=fe.sample_rate, n_fft=fe.n_fft, win_length=fe.window, hop_length=fe.hop, f_min=fe.f_min, f_max=fe.f_max,
        n_mels=fe.mels, power=2.0, center=True, pad_mode="constant", norm="slaney", mel_scale="slaney",
    ), str(torchaudio.__version__)  # fmt: skip


def _against_librosa(log_mel: LogMel, waves: Waves) -> float | None:
    try:
        import librosa
    except ImportError:
        return None
    fe, worst = log_mel.front_end, 0.0
    for wave in waves:
        mel = librosa.feature.melspectrogram(
            y=wave, sr=fe.sample_rate, n_fft=fe.n_fft, hop_length=fe.hop, win_length=fe.window, center=True,
            pad_mode="constant", power=2.0, n_mels=fe.mels, fmin=fe.f_min, fmax=fe.f_max,
        )  # fmt: skip
        ours = log_mel(torch.from_numpy(wave)[None])[0].numpy() * fe.std + fe.mean
        worst = max(worst, float(np.abs(ours - np.log(mel + fe.log_offset)[:, : fe.frames]).max()))
    return worst


def _cache(
    clips: Sequence[Clip], classes: Sequence[str], front_end: FrontEnd, folder: Path
) -> tuple[list[float], list[float], Features]:
    """Seconds of writing features alone and of `extract`, in each round, and the features that it makes."""
    rows = np.zeros((CHUNK, front_end.mels, front_end.frames), np.float16)
    numbers = iter(range(10**6))

    def write() -> None:
        entry = Entry(folder / f"write{next(numbers)}", (front_end.mels, front_end.frames))
        with entry.writer() as writer:
            for first in range(0, len(clips), CHUNK):
                writer.append(rows[: len(clips) - first], {}, min(CHUNK, len(clips) - first))
            writer.finish({})
        entry.array.unlink()

    def make() -> Features:
        return extract(clips, classes, front_end, folder / f"make{next(numbers)}")

    writing, making = _alternate(write, make)
    return writing, making, make()


def _batches(ws: Workspace, features: Features, front_end: FrontEnd) -> tuple[float, float]:
    """Seconds to the first augmented batch of an epoch, and whole batches per second, medians over epochs."""
    augment, size = ws.augment(front_end), min(ws.settings.distill.train.batch, len(features))
    starts: list[float] = []
    rates: list[float] = []
    for epoch in range(ROUNDS):
        begin, count = time.perf_counter(), 0
        for made in training_batches(features, None, batch=size, augment=augment, seed=ws.settings.seed, epoch=epoch):
            if not starts or count == 0:
                starts.append(time.perf_counter() - begin)
            count += len(made.logmel)
        rates.append(count / size / (time.perf_counter() - begin))
    return statistics.median(starts), statistics.median(rates)


def _existing(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
