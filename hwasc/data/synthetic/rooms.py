"""Reverberation and background noise of a location."""

from dataclasses import dataclass

import numpy as np
from scipy import fft

from hwasc.data.synthetic.signals import Array, Rng, Span, band, noise, swell


@dataclass(frozen=True, kw_only=True)
class Room:
    """Acoustics of a kind of room, as ranges from which each location's values are drawn.

    Attributes:
        time60: Reverberation time in seconds; that of high frequencies is about half of it.
        tilt: Slope of the background noise in dB per octave, downwards.
    """

    time60: tuple[float, float]
    tilt: tuple[float, float]


def reverberate(rng: Rng, signal: Array, rate: int, room: Room) -> Array:
    """Add the late reverberation of a room.

    The convolution is circular: the reverberation of the end is added to the beginning, so that no clip starts without.

    Args:
        rng: Source of the draws.
        signal: Samples of shape (samples,).
        rate: Sample rate in Hz.
        room: Range of the reverberation time.

    Returns:
        The reverberant sound, same shape and about the same level.
    """
    time60 = float(rng.uniform(*room.time60))
    span = Span(rate, min(len(signal), int(rate * 1.2 * time60) + 64))
    time = span.times()
    tail = noise(rng, span, band(60, 900, 1)) * np.exp(-6.9 * time / time60)
    tail += noise(rng, span, band(900, 12000, 1)) * np.exp(-6.9 * time / (0.55 * time60))
    tail[: int(rate * rng.uniform(0.002, 0.02))] = 0.0
    tail /= np.sqrt(np.sum(tail**2)) + 1e-12
    return fft.irfft(fft.rfft(signal) * fft.rfft(tail.astype(np.float32), len(signal)), len(signal)).astype(np.float32)


def background_noise(rng: Rng, span: Span, tilt: float, spread: float) -> Array:
    """Draw the background noise of a location: noise with a falling, randomly bent spectrum.

    The bends are about an octave wide. They depend on the location, not on the scene. So the long-term spectrum does not
    give the scene away.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.
        tilt: Slope of the spectrum in dB per octave, downwards.
        spread: Standard deviation of the bends in dB.

    Returns:
        Samples of shape (samples,) with an RMS of about 1.
    """
    octaves = np.arange(0.0, 11.0)
    bends = rng.normal(0.0, spread, len(octaves))

    def gain(frequency: Array) -> Array:
        octave = np.log2(np.maximum(frequency, 16.0) / 16.0)
        level = np.interp(octave, octaves, bends) - tilt * np.maximum(octave - 3.0, 0.0)
        return (10.0 ** (level / 20.0) * (frequency > 20.0)).astype(np.float32)

    return noise(rng, span, gain) * swell(rng, span, float(rng.uniform(0.3, 3.0)), float(rng.uniform(0.0, 6.0)))
