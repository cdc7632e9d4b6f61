"""Reverberation and the background bed: what a place adds to all its sounds."""

from dataclasses import dataclass

import numpy as np
from scipy import fft

from .signals import Array, Rng, Span, band, noise, swell


@dataclass(frozen=True)
class Room:
    """A kind of place: the ranges that each location draws its own acoustics from.

    time60: reverberation time in s (high frequencies die away in about half of it). tilt: fall of the noise bed's
    spectrum in dB per octave.
    """

    time60: tuple[float, float]
    tilt: tuple[float, float]


def reverberate(rng: Rng, signal: Array, rate: int, room: Room) -> Array:
    """`signal` heard through the tail of a room; same shape, about the same level.

    The convolution is circular: the end of the recording rings on into its beginning, so that no clip starts dry.
    """
    time60 = float(rng.uniform(*room.time60))
    span = Span(rate, min(len(signal), int(rate * 1.2 * time60) + 64))
    time = span.times()
    tail = noise(rng, span, band(60, 900, 1)) * np.exp(-6.9 * time / time60)
    tail += noise(rng, span, band(900, 12000, 1)) * np.exp(-6.9 * time / (0.55 * time60))
    tail[: int(rate * rng.uniform(0.002, 0.02))] = 0.0
    tail /= np.sqrt(np.sum(tail**2)) + 1e-12
    return fft.irfft(fft.rfft(signal) * fft.rfft(tail.astype(np.float32), len(signal)), len(signal)).astype(np.float32)


def bed(rng: Rng, span: Span, tilt: float, spread: float) -> Array:
    """The noise bed of a location, RMS 1: a spectrum falling by `tilt` dB per octave, bent at random.

    The bends have a standard deviation of `spread` dB and a width of about an octave. They belong to the location,
    not to the scene: they are what makes the long-term spectrum a poor guide to the scene.
    """
    octaves = np.arange(0.0, 11.0)
    bends = rng.normal(0.0, spread, len(octaves))

    def gain(frequency: Array) -> Array:
        octave = np.log2(np.maximum(frequency, 16.0) / 16.0)
        level = np.interp(octave, octaves, bends) - tilt * np.maximum(octave - 3.0, 0.0)
        return (10.0 ** (level / 20.0) * (frequency > 20.0)).astype(np.float32)

    return noise(rng, span, gain) * swell(rng, span, float(rng.uniform(0.3, 3.0)), float(rng.uniform(0.0, 6.0)))
