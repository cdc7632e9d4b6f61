"""Fingerprints of sounds: copies of a recording at another gain, rate or format have nearly the same one.

Bits are signs of differences of log powers along time and frequency, as in Haitsma and Kalker, *A highly robust audio
fingerprinting system* (ISMIR 2002). They compare the start with the middle and the middle with the end, so recordings that only
begin alike differ. What is common to all recordings of a place or a machine (its level, its spectrum) cancels out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from hwasc.audio.recording import BYTES, Recording
from hwasc.audio.unreadable import UnreadableClip, check_file
from hwasc.data import excerpts
from hwasc.data.band_powers import band_powers, decimate
from hwasc.data.components import groups
from hwasc.data.excerpts import Batch, Read
from hwasc.data.matching import BITS, DIGITS, QUIET, Table
from hwasc.records.file_names import for_c_library

SHORTEST = 0.2  # s; of a shorter recording only exact copies are found
LOW_BANDS = (80.0, 2980.0)  # Hz; 23 Hz a band; telephone recordings and coarse encoders keep these frequencies
HIGH_BANDS = (3000.0, 7500.0)  # Hz, for sounds that have nothing in the low bands
LOWEST_SHARE = 1e-4  # of the power of a sound in the low bands; below, the high bands are used
STEPS = (0.35, 0.9)  # share of neighbouring bits that differ, about 0.65 in noise; others are clicks or have no content
BATCH = 8  # recordings computed at once, in the processor's cache
MOST_BATCHES = 16  # rates and lengths that are waiting
PLAIN = frozenset((".wav", ".wave", ".flac", ".aif", ".aiff"))
EXACT = "0"  # kind of a sketch that is a hash of the samples


def sketch(path: Path, seconds: float | None = None) -> str:
    """Compute the fingerprint of a recording.

    It does not depend on gain, container, sample type and number of equal channels, and little on sample rate, encoder, and a
    shift of up to 25 ms.

    Args:
        path: A recording in any format of libsndfile.
        seconds: Its true length, if that is known, which saves time.

    Returns:
        80 hexadecimal digits; an empty text if all samples are equal, or if the file cannot be read.
    """
    return sketches([path], [seconds])[0]


def sketches(paths: Sequence[Path], seconds: Sequence[float | None]) -> list[str]:
    """Compute the fingerprints of recordings, which takes less time than one after the other.

    Args:
        paths: The recordings.
        seconds: Their true lengths; None: to be found.

    Returns:
        As of `sketch`.
    """
    results = [""] * len(paths)
    batches: dict[tuple[int, int], Batch] = {}
    for i, (path, length) in enumerate(zip(paths, seconds, strict=True)):
        try:
            if path.suffix.lower() not in PLAIN or not _add_plain(path, length, i, batches):
                with Recording(path, check_file(path)) as recording:
                    _add(recording.read, recording.frames, recording.rate, position=i, batches=batches)
        except (UnreadableClip, soundfile.SoundFileError, OSError, ValueError, TypeError, MemoryError):
            continue
        if sum(len(b.found) == BATCH for b in batches.values()) or len(batches) > MOST_BATCHES:
            for batch in batches.values():
                _finish(batch, results)
            if len(batches) > MOST_BATCHES:
                batches = {}
    for batch in batches.values():
        _finish(batch, results)
    return results


def _add_plain(path: Path, seconds: float | None, position: int, batches: dict[tuple[int, int], Batch]) -> bool:
    """The fast way for a file whose header is right; False for others."""
    if seconds is None:
        return False
    try:
        with soundfile.SoundFile(for_c_library(path)) as f:
            if f.frames != round(seconds * f.samplerate) or f.subtype not in BYTES:
                return False
            _add(excerpts.plain_reader(f, f.frames), f.frames, f.samplerate, position=position, batches=batches)
            return True
    except (soundfile.SoundFileError, TypeError):
        return False


def _add(read: Read, frames: int, rate: int, *, position: int, batches: dict[tuple[int, int], Batch]) -> None:
    n = excerpts.length(rate, frames)
    if n > 0:
        batch = batches.get((rate, n))
        if batch is None:
            batch = batches[rate, n] = Batch(rate, n, BATCH)
        batch.add(read, frames, position)


def _finish(batch: Batch, results: list[str]) -> None:
    """Compute the sketches of a batch, and empty it."""
    if not batch.found:
        return
    codes = _codes(batch.waves[: len(batch.found)], batch.rate)
    for k, ((i, seconds, _), code) in enumerate(zip(batch.found, codes, strict=True)):
        text = f"{min(round(1000 * seconds), 16**8 - 1):08x}"
        if code and seconds >= SHORTEST:
            results[i] = f"{code[:2]}{text}{code[2:]}"
        elif digest := batch.digest(k):
            results[i] = f"{EXACT}0{text}000000{digest}".ljust(DIGITS, "0")
    batch.found.clear()


def _codes(waves: npt.NDArray[np.float32], rate: int, *, high: bool = False) -> list[str]:
    """The sketches, without lengths, of recordings (k, 3, n); an empty text where there is nothing to tell."""
    count, flat = len(waves), waves.reshape(-1, waves.shape[2])
    step = 1 if high else max(1, round(rate / 8000))
    with np.errstate(all="ignore"):
        power = np.einsum("ij,ij->i", waves.reshape(count, -1), waves.reshape(count, -1))
        bands = band_powers(decimate(flat, step), rate / step, HIGH_BANDS if high else LOW_BANDS, BITS + 1)
        if bands is None:
            return [""] * count
        bands = bands.reshape(count, 3, -1)
        level = bands.sum(axis=2)
        usable = np.isfinite(power) & (step * level.sum(axis=1) >= LOWEST_SHARE * power) & (power > 0)
        loudest = level.max(axis=1, keepdims=True)
        quieter = np.rint(10 * np.log10(loudest / np.maximum(level, 1e-12 * loudest)))
        logs = np.log(bands + 1e-9 * bands.max(axis=2, keepdims=True) + 1e-30)
        ratio = logs[:, :2] - logs[:, 1:]
        bits = ratio[:, :, 1:] > ratio[:, :, :-1]
    changes = np.count_nonzero(bits[:, :, 1:] ^ bits[:, :, :-1], axis=2)
    loud = quieter <= QUIET
    useful = (loud[:, :2] | loud[:, 1:]) & (changes >= STEPS[0] * BITS) & (changes <= STEPS[1] * BITS)
    flags = (useful @ np.array([1, 2])) * usable
    packed = np.packbits(bits.reshape(count, -1), axis=1)
    quieter = np.where(usable[:, None], quieter, 0).astype(np.uint8)
    found = [
        f"{2 if high else 1}{flag}{quieter[i].tobytes().hex()}{packed[i].tobytes().hex()}" if flag else ""
        for i, flag in enumerate(flags.tolist())
    ]
    if not high:  # sounds without low frequencies are rare
        for i in np.flatnonzero(~usable & np.isfinite(power) & (power > 0)):
            found[i] = _codes(waves[i : i + 1], rate, high=True)[0]
    return found


def twins(sketches: Sequence[str]) -> list[list[int]]:
    """Group recordings that are the same sound. The time grows linearly with their number.

    Args:
        sketches: As `sketch` gives them; empty ones have no twins.

    Returns:
        Groups of two or more positions in ascending order, ordered by their first ones.
    """
    first: dict[str, int] = {}
    pairs: list[tuple[int, int]] = []
    for i, s in enumerate(sketches):
        if s and (k := first.setdefault(s, i)) != i:
            pairs.append((k, i))
    chosen = [first[s] for s in sorted(first) if s[0] != EXACT]  # the order of the recordings has no influence
    table = Table([sketches[i] for i in chosen])
    left, right = table.alike()
    pairs += [(chosen[a], chosen[b]) for a, b in zip(left.tolist(), right.tolist(), strict=True)]
    return groups(len(sketches), pairs)


def known(sketches: Sequence[str], others: Sequence[str]) -> list[bool]:
    """Tell which recordings are the same sound as one of others.

    Args:
        sketches: Of the recordings in question.
        others: Of those to compare with.

    Returns:
        For each recording, whether a twin is among the others.
    """
    count = len(sketches)
    found = [False] * count
    for group in twins([*sketches, *others]):
        if group[-1] >= count:
            for i in group:
                if i < count:
                    found[i] = True
    return found
