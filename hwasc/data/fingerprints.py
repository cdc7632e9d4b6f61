"""Fingerprints of sounds: copies of a recording at another gain, rate or format have nearly the same one.

Bits are signs of differences of log powers along time and frequency, as in Haitsma and Kalker, *A highly robust audio
fingerprinting system* (ISMIR 2002). They are taken from three excerpts, so recordings that only begin alike differ. What is
common to all recordings of a place or a machine (its level, its spectrum) cancels out.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.fft
import soundfile

from hwasc.data.components import groups

EXCERPT = 0.25  # s, of each of the three excerpts
SHORTEST = 0.2  # s; of a shorter recording only exact copies are found
WHOLE = 3.0  # s; shorter recordings are read whole, which takes no longer than three excerpts
BITS = 128  # of each of the two pairs of neighbouring excerpts
LOW_BANDS = (80.0, 2980.0)  # Hz; 23 Hz a band; telephone recordings and coarse encoders keep these frequencies
HIGH_BANDS = (3000.0, 7500.0)  # Hz, for sounds that have nothing in the low bands
LOWEST_SHARE = 1e-4  # of the power of a sound in the low bands; below, the high bands are used
TAPS = 6  # of the filter before decimation, in samples of its output
QUIET = 50  # dB below the loudest excerpt: nothing is compared there
STEPS = (0.35, 0.9)  # share of neighbouring bits that differ, about 0.65 in noise; others are clicks or have no content

EXACT = "0"  # kind of a sketch that is a hash of the samples; the digits are: kind, useful pairs, length, levels, bits
_LENGTH, _LEVELS, _BITS, _DIGITS = 2, 10, 16, 16 + BITS // 2

LONGER = 0.15  # s; encoders add up to that
LOUDER = 4  # dB, difference of the levels of an excerpt
UNLIKE = 0.25  # greatest share of bits that differ between twins: 0.15 at a coarse encoding, 0.5 in independent sounds
UNLIKE_SINGLE = 0.2  # the same where only one pair of excerpts is useful
KEYS, KEY_BITS, NEIGHBOURS = 64, 14, 32
_BLOCK = 100_000  # pairs compared at once


def sketch(path: Path, seconds: float | None = None) -> str:
    """Compute the fingerprint of a recording.

    It does not depend on gain, container, sample type and number of equal channels, and little on sample rate, encoder, and a
    shift of up to 50 ms.

    Args:
        path: A recording in any format of libsndfile.
        seconds: Its true length, if its header may say another; None: as the header says.

    Returns:
        80 hexadecimal digits; an empty text if all samples are equal, or if the file cannot be read.
    """
    try:
        with soundfile.SoundFile(str(path)) as f:
            return of_file(f, f.frames if seconds is None else round(seconds * f.samplerate))
    except (soundfile.SoundFileError, TypeError, OSError, ValueError):
        return ""


def of_file(f: soundfile.SoundFile, frames: int) -> str:
    """Compute the fingerprint of an open recording.

    Args:
        f: The recording; its position changes.
        frames: Its true length, samples.

    Returns:
        As of `sketch`.

    Raises:
        SoundFileError: It cannot be decoded.
    """
    rate = f.samplerate
    seconds = frames / rate
    n = int(min(EXCERPT, seconds / 3) * rate)
    starts = (0, (frames - n) // 2, frames - n)
    if seconds < WHOLE:
        whole = _read(f, 0, frames)
        excerpts = [whole[s : s + n] for s in starts]
    else:
        excerpts = [_read(f, s, n) for s in starts]
    n = min(map(len, excerpts))
    if n == 0:
        return ""
    code = _code(np.stack([_mono(e[:n]) for e in excerpts]), rate) if seconds >= SHORTEST else ""
    return f"{code[:2]}{_milliseconds(seconds)}{code[2:]}" if code else _exact(f, excerpts, seconds)


def _read(f: soundfile.SoundFile, start: int, count: int) -> npt.NDArray[Any]:
    """Samples of shape (count, channels), float32; of 16 bits as they are, which is three times as fast."""
    if start:
        f.seek(start)
    dtype = "int16" if f.subtype in ("PCM_16", "PCM_U8", "PCM_S8") else "float32"
    wave: npt.NDArray[Any] = f.read(count, dtype=dtype, always_2d=True)
    return wave


def _mono(samples: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Mean of the channels of (n, channels), full scale 1; the first one where they cancel each other out."""
    wave: npt.NDArray[np.float32]
    wave = samples if samples.dtype == np.float32 else np.multiply(samples, np.float32(1 / 32768), dtype=np.float32)
    if wave.shape[1] == 1:
        return wave[:, 0]
    mean = wave.mean(axis=1)
    return wave[:, 0] if mean.std() < 0.01 * wave[:, 0].std() else mean


def _code(excerpts: npt.NDArray[np.float32], rate: int) -> str:
    """The sketch, without its length, of three excerpts (3, n); an empty text if there is nothing to tell."""
    flat = excerpts.ravel()
    with np.errstate(over="ignore", invalid="ignore"):
        power = float(flat @ flat)
    if not 0 < power < float("inf"):
        return ""
    kind, step = "1", max(1, round(rate / 8000))
    bands = _band_powers(_decimate(excerpts, step), rate / step, LOW_BANDS)
    if bands is None or step * bands.sum() < LOWEST_SHARE * power:
        kind, bands = "2", _band_powers(excerpts, float(rate), HIGH_BANDS)
        if bands is None or bands.sum() < LOWEST_SHARE * power:
            return ""
    level = bands.sum(axis=1)
    quieter = np.rint(10 * np.log10(level.max() / np.maximum(level, 1e-12 * level.max()))).astype(np.uint8)
    logs = np.log(bands + (1e-9 * bands.max(axis=1) + 1e-30)[:, None])
    ratio = logs[:2] - logs[1:]
    bits = ratio[:, 1:] > ratio[:, :-1]
    changes = np.count_nonzero(bits[:, 1:] ^ bits[:, :-1], axis=1)
    loud = quieter <= QUIET
    useful = (loud[:2] | loud[1:]) & (changes >= STEPS[0] * BITS) & (changes <= STEPS[1] * BITS)
    flags = useful[0] + 2 * useful[1]
    return f"{kind}{flags}{quieter.tobytes().hex()}{np.packbits(bits).tobytes().hex()}" if flags else ""


def _milliseconds(seconds: float) -> str:
    return f"{min(round(1000 * seconds), 16**8 - 1):08x}"


def _exact(f: soundfile.SoundFile, excerpts: Sequence[npt.NDArray[Any]], seconds: float) -> str:
    """The sketch of a sound without a fingerprint: a hash of its excerpts, or of all samples if these are silent."""
    h = hashlib.blake2b(digest_size=32)
    for wave in excerpts:
        h.update(_mono(wave).tobytes())
    first = excerpts[0].flat[0]
    if all(bool((w == first).all()) for w in excerpts):
        f.seek(0)
        constant = True
        while len(block := f.read(1 << 18, dtype="float32", always_2d=True)):
            constant = constant and bool((block == block.flat[0]).all())
            h.update(_mono(block).tobytes())
        if constant:
            return ""
    return f"{EXACT}0{_milliseconds(seconds)}000000{h.hexdigest()}".ljust(_DIGITS, "0")


def _decimate(waves: npt.NDArray[np.float32], step: int) -> npt.NDArray[np.float32]:
    """Low-pass filter waves of shape (3, n), and keep each `step`-th sample; they get `TAPS` samples shorter."""
    if step == 1:
        return waves
    taps = _low_pass(step)
    blocks = waves[:, : waves.shape[1] // step * step].reshape(3, -1, step)
    count = max(0, blocks.shape[1] - TAPS + 1)
    out = blocks[:, :count] @ taps[0]
    for k in range(1, TAPS):
        out += blocks[:, k : k + count] @ taps[k]
    return out


@functools.lru_cache(maxsize=16)
def _low_pass(step: int) -> npt.NDArray[np.float32]:
    n = TAPS * step
    t = (np.arange(n) - (n - 1) / 2) * 0.9 / step
    taps = np.sinc(t) * np.kaiser(n, 5.0)
    return (taps / taps.sum()).astype(np.float32).reshape(TAPS, step)


def _band_powers(
    waves: npt.NDArray[np.float32], rate: float, limits: tuple[float, float]
) -> npt.NDArray[np.float64] | None:
    """Powers of excerpts (3, n) in bands: (3, bands). None if the rate or the length is too low."""
    n = waves.shape[1]
    if n < 64 or limits[1] > rate / 2:
        return None
    size = scipy.fft.next_fast_len(n, real=True)
    window, first, end, edge, part = _layout(n, size, rate, limits)
    spectrum = scipy.fft.rfft(waves * window, size)[:, first:end]
    powers = np.zeros((3, end - first + 1))
    np.cumsum(spectrum.real**2 + spectrum.imag**2, axis=1, dtype=np.float64, out=powers[:, 1:])
    at = powers[:, edge]
    at += part * (powers[:, edge + 1] - at)
    return np.maximum(at[:, 1:] - at[:, :-1], 0.0) * (2 * 8 / 3 / size)  # in sums of squares, as of the waves


@functools.lru_cache(maxsize=64)
def _layout(
    n: int, size: int, rate: float, limits: tuple[float, float]
) -> tuple[npt.NDArray[np.float32], int, int, npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Window, range of FFT bins, and the bins and their parts at the edges of the bands."""
    window = np.hanning(n + 1)[:-1].astype(np.float32)
    edges = np.linspace(*limits, BITS + 2) * size / rate + 0.5  # a bin reaches half a bin to both sides
    first = int(edges[0])
    at = np.floor(edges).astype(np.int64) - first
    return window, first, min(int(edges[-1]) + 2, size // 2 + 1), at, edges - np.floor(edges)


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
    table = _Table([sketches[i] for i in chosen])
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


class _Table:
    """Sketches as arrays, and the pairs of them that are alike."""

    def __init__(self, sketches: Sequence[str]) -> None:
        n = len(sketches)
        self.kind = np.array([int(s[0]) for s in sketches], np.int64)
        self.useful = np.array([(s[1] in "13", s[1] in "23") for s in sketches], bool).reshape(n, 2)
        self.length = np.array([int(s[_LENGTH:_LEVELS], 16) for s in sketches], np.int64)
        table = np.frombuffer(bytes.fromhex("".join(s[_LEVELS:] for s in sketches)), np.uint8).reshape(n, 3 + BITS // 4)
        self.level = np.minimum(table[:, :3], QUIET).astype(np.int16)
        self.bits = np.ascontiguousarray(table[:, 3:])

    def alike(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Positions of the first and the second sketch of each pair that is alike."""
        n = len(self.kind)
        codes = [a * n + b for a, b in (self._compared(a, b) for a, b in self._candidates())]
        unique = np.unique(np.concatenate(codes)) if codes else np.zeros(0, np.int64)
        return unique // max(n, 1), unique % max(n, 1)

    def _candidates(self) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
        """Pairs with equal bits in one of several random choices (locality-sensitive hashing), in blocks.

        In a large group of equal bits only neighbours by length are compared, so that time stays linear; copies in such a
        group are found as chains.
        """
        unpacked = np.unpackbits(self.bits, axis=1)
        rng = np.random.default_rng(0)
        weights = 1 << np.arange(KEY_BITS)
        blocks: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]] = []
        for k in range(KEYS):
            pair = k % 2
            columns = pair * BITS + rng.choice(BITS, KEY_BITS, replace=False)
            rows = np.flatnonzero(self.useful[:, pair])
            keys = unpacked[rows][:, columns] @ weights
            order = np.lexsort((self.length[rows], keys))
            keys, rows = keys[order], rows[order]
            for shift in range(1, NEIGHBOURS + 1):
                same = keys[shift:] == keys[:-shift]
                if not same.any():
                    break
                a, b = rows[:-shift][same], rows[shift:][same]
                near = (np.abs(self.length[a] - self.length[b]) <= 1000 * LONGER) & (self.kind[a] == self.kind[b])
                blocks.append((np.minimum(a, b)[near], np.maximum(a, b)[near]))
        return blocks

    def _compared(
        self, a: npt.NDArray[np.int64], b: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        kept = []
        for first in range(0, len(a), _BLOCK):
            i, j = a[first : first + _BLOCK], b[first : first + _BLOCK]
            unlike = _ONES[self.bits[i] ^ self.bits[j]].reshape(len(i), 2, BITS // 8).sum(axis=2, dtype=np.int64)
            both = self.useful[i] & self.useful[j]
            limit = np.where(both.all(axis=1), UNLIKE, UNLIKE_SINGLE)[:, None] * BITS
            loud = (np.abs(self.level[i] - self.level[j]) <= LOUDER).all(axis=1)
            alike = both.any(axis=1) & ((unlike <= limit) | ~both).all(axis=1) & loud
            kept.append(np.flatnonzero(alike) + first)
        chosen = np.concatenate(kept) if kept else np.zeros(0, np.int64)
        return a[chosen], b[chosen]


_ONES = np.array([bin(i).count("1") for i in range(256)], np.uint8)
