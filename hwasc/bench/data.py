"""`hwasc bench data`: how fast clips become features and features become batches on this machine, one core, one thread."""

from __future__ import annotations

import resource
import statistics
import sys
import tempfile
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
from hwasc.records.architecture import FrontEnd
from hwasc.records.run import environment
from hwasc.training.batches import training_batches
from hwasc.workspace import Workspace

ROUNDS = 5  # of every measurement, in turn: A B A B ...
CHECKED = 32  # clips compared with librosa
RATE = 44_100  # Hz, TAU's, for the figure of resampling

Waves = Sequence[np.ndarray]


@dataclass(frozen=True)
class Speed:
    """What was measured; seconds of a clip, the median over rounds and the least; clip lengths a second by the median."""

    what: str
    seconds: float
    least: float
    times_real_time: float


@dataclass(frozen=True)
class DataBench:
    """speeds: in the order of the work. librosa: greatest difference in natural-log power, None where librosa is absent.
    torchaudio: its version, or why it was not compared; against_torchaudio: its seconds over ours, of the medians.
    epoch_start: s from features that are cached and opened to the first augmented batch. batches: a second, augmented, of
    `batch` clips. peak_memory: bytes, resident, of this process.
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


def front_end_named(text: str, seconds: float) -> FrontEnd:
    """`256x65`: mels and frames of a second, all else as by default. UsageError."""
    try:
        mels, frames = map(int, text.split("x"))
        return FrontEnd.for_clip(mels, frames).lasting(seconds)
    except (ValueError, ZeroDivisionError) as e:
        raise UsageError(f"--front-end {text}: expected mels x frames, as in 256x65 ({e})") from None


def bench_data(ws: Workspace, front_end: FrontEnd, count: int) -> DataBench:
    """Measure on `count` training clips, evenly spaced; the cache it writes is taken away again. DataError: none readable."""
    chosen, waves, rates = _readable(ws.dataset.train, front_end, count)
    seconds, clips = front_end.seconds, len(chosen)

    def speed(what: str, rounds: Sequence[float], each: int = clips) -> Speed:
        median = statistics.median(rounds) / each
        return Speed(what, median, min(rounds) / each, seconds / median)

    def read() -> None:
        for c in chosen:
            read_clip(c.path, c.start, c.seconds, front_end.sample_rate)

    noise = np.random.default_rng(0).standard_normal(round(RATE * seconds)).astype(np.float32)
    ours = LogMel(front_end)
    theirs, version = _torchaudio(front_end)
    with ws.reporter.track("bench: data", 4) as update, torch.inference_mode():
        (reading,) = _in_turn(read)
        (resampling,) = _in_turn(
            lambda: [soxr.resample(noise, RATE, front_end.sample_rate, quality="HQ") for _ in waves]
        )
        update(1, "reading")
        log_mels = _in_turn(*(lambda m=m: _all(m, waves, front_end) for m in (ours, theirs) if m is not None))
        update(2, "log-mel")
        speeds = [
            speed(f"reading, {' and '.join(f'{r:,}' for r in rates)} to {front_end.sample_rate:,} Hz", reading),
            speed(f"  of this resampling, were they of {RATE:,} Hz", resampling),
            speed("log-mel", log_mels[0]),
            *(speed("log-mel by torchaudio's MelSpectrogram (no log)", rounds) for rounds in log_mels[1:]),
        ]  # fmt: skip
    with tempfile.TemporaryDirectory(dir=_made(ws.cache)) as folder:
        writing, making, features = _cache(chosen, ws.dataset.classes, front_end, Path(folder))
        update(3, "cache")
        speeds += [speed("writing features", writing), speed("all of it: hash, read, log-mel, write", making)]
        start, batches = _batches(ws, features, front_end)
    update(4, "batches")
    return DataBench(
        str(front_end),
        rates,
        clips,
        tuple(speeds),
        _against_librosa(ours, waves[:CHECKED]),
        version,
        statistics.median(log_mels[1]) / statistics.median(log_mels[0]) if theirs else None,
        start,
        min(ws.settings.distill.train.batch, clips),
        batches,
        peak_memory(),
        environment(),
    )


def peak_memory() -> int:
    """Resident bytes of this process at its highest."""
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


def _in_turn(*tasks: Callable[[], object]) -> list[list[float]]:
    """Seconds of every task in every round, after one round that does not count."""
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
        fe.sample_rate, fe.n_fft, fe.window, fe.hop, fe.f_min, fe.f_max, n_mels=fe.mels, power=2.0, center=True,
        pad_mode="constant", norm="slaney", mel_scale="slaney",
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
    """Seconds of writing alone, of making the cache as `extract` does, in every round; and what the last one made."""
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

    writing, making = _in_turn(write, make)
    return writing, making, make()


def _batches(ws: Workspace, features: Features, front_end: FrontEnd) -> tuple[float, float]:
    """Seconds to the first augmented batch of an epoch (the median), and whole batches a second."""
    augment, size = ws.augment(front_end), min(ws.settings.distill.train.batch, len(features))
    starts: list[float] = []
    rates: list[float] = []
    for epoch in range(ROUNDS):
        begin, count = time.perf_counter(), 0
        for x, _, _ in training_batches(
            features, None, batch=size, augment=augment, seed=ws.settings.seed, epoch=epoch
        ):
            if not starts or count == 0:
                starts.append(time.perf_counter() - begin)
            count += len(x)
        rates.append(count / size / (time.perf_counter() - begin))
    return statistics.median(starts), statistics.median(rates)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
