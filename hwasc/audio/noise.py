"""Noise added to waveforms at a given signal-to-noise ratio: white, pink, or excerpts of recorded noise."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from hwasc.audio.reading import AUDIO_SUFFIXES, UnreadableClip, duration, read_clip
from hwasc.audio.waveform_changes import Wave, with_noise
from hwasc.errors import DataError

Colour = Literal["white", "pink"]
COLOURS: tuple[Colour, ...] = get_args(Colour)
PINK_F_MIN = 20.0  # Hz; without a lowest frequency half of the power of pink noise would be inaudible
VERSION = 1  # part of every seed; a new version draws other noise
_ATTEMPTS = 20  # excerpts drawn until one is not silent


def power_spectrum(colour: Colour, frequency: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Power density of a colour of noise, up to a factor: 1 for white, 1 / f from 20 Hz on for pink noise.

    Args:
        colour: `white` or `pink`.
        frequency: Frequencies in Hz, any shape.

    Returns:
        Power density at these frequencies, 0 at 0 Hz.
    """
    f = np.asarray(frequency, np.float64)
    if colour == "white":
        return (f > 0).astype(np.float64)
    return np.where(f >= PINK_F_MIN, 1 / np.maximum(f, PINK_F_MIN), 0.0)


@dataclass(frozen=True)
class Noise:
    """A kind of noise and its level.

    The draw depends on the seed, the clip's id and the source alone. So a clip gets the same noise, scaled, at every ratio
    and for every model. At a lower sample rate the noise has a smaller bandwidth; the ratio holds within that bandwidth.

    Attributes:
        source: `white`, `pink`, or a folder of recordings.
        snr: Signal-to-noise ratio in dB.
        seed: Seed of all draws.
        files: Recordings of the folder with their lengths in seconds, see `open_noise`.
    """

    source: str
    snr: float
    seed: int
    files: tuple[tuple[Path, float], ...] = ()

    def add_to(self, wave: Wave, clip: str, sample_rate: int) -> Wave:
        """Add the noise to a clip; values may then exceed full scale.

        Power is the variance of the samples over the whole clip.

        Args:
            wave: Samples of the clip, shape (samples,).
            clip: The clip's id.
            sample_rate: Samples a second, in Hz.

        Returns:
            The noisy clip, float32 of shape (samples,).

        Raises:
            UnreadableClip: A recording of noise cannot be read, or all excerpts drawn are silent.
        """
        rng = self._rng(clip)
        if self.files:
            noise = self._excerpt(rng, len(wave), sample_rate)
        else:
            noise = coloured_noise(self.source, len(wave), sample_rate, rng)
        return with_noise(wave, noise, self.snr)

    def _rng(self, clip: str) -> np.random.Generator:
        source = "folder" if self.files else self.source  # the name of a folder must not matter
        text = f"{VERSION}\0{self.seed}\0{source}\0{clip}".encode("utf-8", "surrogateescape")
        return np.random.default_rng(list(hashlib.sha256(text).digest()))

    def _excerpt(self, rng: np.random.Generator, samples: int, sample_rate: int) -> npt.NDArray[np.float64]:
        """A random excerpt of a random file; a file that is too short is repeated."""
        seconds, silent = samples / sample_rate, 0
        while True:
            path, length = self.files[int(rng.integers(len(self.files)))]
            start = float(rng.uniform(0, max(length - seconds, 0)))
            try:
                wave = read_clip(path, start, min(length, seconds), sample_rate)
                return np.resize(wave, samples).astype(np.float64)
            except UnreadableClip as e:
                silent += 1
                if str(e) != "silent" or silent == _ATTEMPTS:
                    raise UnreadableClip(f"its noise, {path}: {e}") from None


def coloured_noise(colour: str, samples: int, sample_rate: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Draw Gaussian noise with the spectrum of a colour.

    Args:
        colour: `white` or `pink`.
        samples: Number of samples.
        sample_rate: Samples a second, in Hz.
        rng: Source of the draws.

    Returns:
        Noise of shape (samples,). Its level is arbitrary: scale it.

    Raises:
        ValueError: Another colour.
    """
    if colour not in COLOURS:
        raise ValueError(f"noise is {' or '.join(COLOURS)}, found '{colour}'")
    size = 2 * samples  # the inverse FFT is circular; half of it is used, so that the end does not match the start
    spectrum = np.fft.rfft(rng.standard_normal(size))
    spectrum *= np.sqrt(power_spectrum(colour, np.fft.rfftfreq(size, 1 / sample_rate)))  # type: ignore[arg-type]
    return np.fft.irfft(spectrum, size)[:samples]


def open_noise(source: str, snr: float, seed: int) -> Noise:
    """Define noise by its colour or by a folder of recordings.

    Args:
        source: `white`, `pink`, or a folder with audio files at any depth, taken in alphabetical order.
        snr: Signal-to-noise ratio in dB.
        seed: Seed of all draws.

    Returns:
        The noise, to be added to clips.

    Raises:
        DataError: The source is neither a colour nor a folder with audio files, or a file cannot be read.
    """
    if source in COLOURS:
        return Noise(source, snr, seed)
    folder = Path(source)
    found = [f for f in sorted(folder.rglob("*")) if f.suffix.lower() in AUDIO_SUFFIXES and f.name[0] != "."]
    if not found:
        raise DataError(f"--noise {source}: is neither {' nor '.join(COLOURS)} nor a folder with recordings of noise")
    files = []
    for file in found:
        try:
            files.append((file, duration(file)))
        except UnreadableClip as e:
            raise DataError(f"{file}: cannot be used as noise ({e})") from None
    return Noise(source, snr, seed, tuple(files))
