"""Noise added to recordings at a stated signal-to-noise ratio: white, pink, or cut from recordings of noise."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from hwasc.audio.reading import AUDIO_SUFFIXES, UnreadableClip, duration, read_clip
from hwasc.errors import DataError

Colour = Literal["white", "pink"]
COLOURS: tuple[Colour, ...] = get_args(Colour)
LOWEST = 20.0  # Hz: pink noise has no lower end of its own, and half of its power would lie where nobody hears
VERSION = 1  # of what a seed draws
_CUTS = 20  # cuts tried until one is not silent

Wave = npt.NDArray[np.float32]


def power_spectrum(colour: Colour, frequency: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Power density over frequency (Hz), up to a factor: white 1, pink 1 / f from 20 Hz up; neither has a constant part."""
    f = np.asarray(frequency, np.float64)
    if colour == "white":
        return (f > 0).astype(np.float64)
    return np.where(f >= LOWEST, 1 / np.maximum(f, LOWEST), 0.0)


@dataclass(frozen=True)
class Noise:
    """Which noise, and how strong. source: `white`, `pink`, or a folder of recordings; snr: dB; seed: of every draw.

    files: the folder's recordings with their lengths in seconds, see `open_noise`. A clip is given the same noise at every
    snr, scaled, and the same whatever the model: the draw depends on the seed, the clip's id and the source alone. (Models of
    different sample rates hear noise up to a different frequency, at this ratio each within what it hears.)
    """

    source: str
    snr: float
    seed: int
    files: tuple[tuple[Path, float], ...] = ()

    def added(self, wave: Wave, clip: str, sample_rate: int) -> Wave:
        """The clip with its noise, float32 (samples,); nothing is clipped. clip: its id.

        Power is that of the samples about their mean, over the whole clip. UnreadableClip for a recording of noise that cannot
        be read, or that is silent wherever it is cut.
        """
        rng = self._rng(clip, sample_rate)
        noise = (
            self._cut(rng, len(wave), sample_rate) if self.files else coloured(self.source, len(wave), sample_rate, rng)
        )
        noise = noise - noise.mean()
        scale = np.std(wave, dtype=np.float64) / np.std(noise, dtype=np.float64) * 10 ** (-self.snr / 20)
        return (wave + scale * noise).astype(np.float32)

    def _rng(self, clip: str, sample_rate: int) -> np.random.Generator:
        source = "folder" if self.files else self.source  # a folder may move
        text = f"{VERSION}\0{self.seed}\0{source}\0{clip}".encode("utf-8", "surrogateescape")
        return np.random.default_rng(list(hashlib.sha256(text).digest()))

    def _cut(self, rng: np.random.Generator, samples: int, sample_rate: int) -> npt.NDArray[np.float64]:
        """An excerpt of one of the files, from anywhere in it; shorter ones are repeated."""
        seconds, silent = samples / sample_rate, 0
        while True:
            path, length = self.files[int(rng.integers(len(self.files)))]
            start = float(rng.uniform(0, max(length - seconds, 0)))
            try:
                wave = read_clip(path, start, min(length, seconds), sample_rate)
                return np.resize(wave, samples).astype(np.float64)
            except UnreadableClip as e:
                silent += 1
                if str(e) != "silent" or silent == _CUTS:
                    raise UnreadableClip(f"its noise, {path}: {e}") from None


def coloured(colour: str, samples: int, sample_rate: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Gaussian noise of a colour, (samples,), of no stated level."""
    if colour not in COLOURS:
        raise ValueError(f"noise is {' or '.join(COLOURS)}, found '{colour}'")
    size = 2 * samples  # circular: the longer, the freer of the end meeting the start
    spectrum = np.fft.rfft(rng.standard_normal(size))
    spectrum *= np.sqrt(power_spectrum(colour, np.fft.rfftfreq(size, 1 / sample_rate)))  # type: ignore[arg-type]
    return np.fft.irfft(spectrum, size)[:samples]


def open_noise(source: str, snr: float, seed: int) -> Noise:
    """Noise by its name, or from a folder of audio files (any depth below it, alphabetical).

    Raises DataError: neither a colour nor a folder with audio files; a file that cannot be read.
    """
    if source in COLOURS:
        return Noise(source, snr, seed)
    folder = Path(source)
    found = [f for f in sorted(folder.rglob("*")) if f.suffix.lower() in AUDIO_SUFFIXES and f.name[0] != "."]
    if not found:
        raise DataError(
            f"--noise {source}: is neither {' nor '.join(COLOURS)} nor a folder that holds recordings of noise"
        )
    files = []
    for file in found:
        try:
            files.append((file, duration(file)))
        except UnreadableClip as e:
            raise DataError(f"{file}: cannot be used as noise ({e})") from None
    return Noise(source, snr, seed, tuple(files))
