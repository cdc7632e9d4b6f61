"""Changes of waveforms by given amounts: level, mixture with another clip, recording device, noise, shift in time."""

from __future__ import annotations

import functools
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hwasc.audio.reading import AUDIO_SUFFIXES, duration, read_clip
from hwasc.errors import DataError

Wave = npt.NDArray[np.float32]


def amplified(wave: Wave, decibels: float) -> Wave:
    """Change the level of a clip.

    Args:
        wave: (samples,).
        decibels: Gain, dB.

    Returns:
        Samples of the same shape.
    """
    return (wave * 10 ** (decibels / 20)).astype(np.float32)


def shifted(wave: Wave, share: float) -> Wave:
    """Shift a clip circularly in time. The clip has the same sound, so its hash and its location remain right.

    Args:
        wave: (samples,).
        share: Shift to later as a share of the clip, -1 to 1.

    Returns:
        Samples of the same shape.
    """
    return np.roll(wave, round(share * len(wave)))


def mixture(wave: Wave, other: Wave, share: float) -> Wave:
    """Mix two clips so that their levels in the mixture are as share to 1 - share, whatever they were before.

    Tokozume et al., Learning from between-class examples for deep sound recognition (arXiv 1711.10282), with the power of the
    samples as the level, instead of A-weighted power.

    Args:
        wave: (samples,), not silent.
        other: (samples,), not silent.
        share: Of `wave`, above 0 to 1.

    Returns:
        (samples,); of uncorrelated clips the power is a weighted mean of their powers.
    """
    level = float(np.std(wave, dtype=np.float64)), float(np.std(other, dtype=np.float64))
    p = 1 / (1 + level[0] / level[1] * (1 - share) / share)
    return ((p * wave + (1 - p) * other) / math.hypot(p, 1 - p)).astype(np.float32)


def recorded_through(wave: Wave, impulse: Wave) -> Wave:
    """Record a clip through an impulse response, at the same level and without its delay.

    Args:
        wave: (samples,).
        impulse: The response at the same sample rate, (taps,).

    Returns:
        (samples,), with the power that the clip had.
    """
    from scipy import signal

    first = int(np.abs(impulse).argmax())
    filtered = signal.fftconvolve(wave.astype(np.float64), impulse.astype(np.float64))[first : first + len(wave)]
    return (filtered * (np.std(wave, dtype=np.float64) / np.std(filtered))).astype(np.float32)


def with_noise(wave: Wave, noise: npt.NDArray[np.float64], snr: float) -> Wave:
    """Add noise to a clip; values may then exceed full scale.

    Args:
        wave: (samples,).
        noise: (samples,), at any level.
        snr: Ratio of the variances of clip and noise, dB.

    Returns:
        Samples of the same shape.
    """
    noise = noise - noise.mean()
    scale = np.std(wave, dtype=np.float64) / np.std(noise, dtype=np.float64) * 10 ** (-snr / 20)
    return (wave + scale * noise).astype(np.float32)


def response_files(folder: Path) -> list[Path]:
    """List the impulse responses of a folder.

    Args:
        folder: Folder of audio files, one for each device.

    Returns:
        The files in alphabetical order, hidden ones left out.

    Raises:
        DataError: No folder, or no audio files.
    """
    files = [f for f in sorted(Path(folder).glob("*")) if f.suffix.lower() in AUDIO_SUFFIXES and f.name[0] != "."]
    if not files:
        raise DataError(f"{folder}: no impulse responses found; expected audio files, one for each device")
    return files


@functools.lru_cache(maxsize=256)
def impulse_response(file: Path, sample_rate: int) -> Wave:
    """Read an impulse response.

    Args:
        file: Audio file.
        sample_rate: Of the result, Hz.

    Returns:
        (taps,).

    Raises:
        UnreadableClip: The file cannot be read.
    """
    return read_clip(file, 0.0, duration(file), sample_rate)
