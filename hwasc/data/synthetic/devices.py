"""Recording devices: frequency response as an impulse response, compression, noise floor, limiter."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from scipy import fft

from .signals import Array, Rng, Span, band, decibels, noise

TAPS = 512


@dataclass(frozen=True)
class Device:
    """A recorder.

    low, high: corners in Hz; order: their steepness. tilt: dB per octave around 1 kHz. bumps: (Hz, dB, octaves)
    resonances. gain: dB. ratio: compression above `threshold` dB relative to the recording's RMS (1 = none).
    floor: noise in dBFS.
    """

    low: float
    high: float
    order: int = 2
    tilt: float = 0.0
    bumps: tuple[tuple[float, float, float], ...] = ()
    gain: float = 0.0
    ratio: float = 1.0
    threshold: float = -6.0
    floor: float = -75


DEVICES: Mapping[str, Device] = MappingProxyType(
    {
        "a": Device(25, 15_500),
        "b": Device(90, 13_000, 2, 0.8, ((2800, 5, 0.6), (450, -3, 0.8)), -3, 1.6, -6, -68),
        "c": Device(140, 11_500, 2, -0.8, ((1300, 4, 0.7), (5200, -5, 0.6)), 2, 1.8, -8, -66),
        "s1": Device(60, 14_000, 2, 1.5, ((900, -6, 0.8), (4000, 6, 0.5)), 0, 1.5, -6, -70),
        "s2": Device(180, 10_000, 2, 0.0, ((600, 5, 0.6), (2200, -5, 0.5), (6500, 5, 0.5)), -2, 2.0, -8, -66),
        "s3": Device(110, 12_000, 3, -1.5, ((350, -5, 0.6), (1700, 6, 0.5)), 3, 2.2, -6, -68),
        "s4": Device(220, 9_500, 2, 1.0, ((1100, 9, 0.5), (3200, -9, 0.5)), -4, 2.4, -8, -66),
        "s5": Device(70, 8_000, 3, -2.0, ((500, -8, 0.7), (2600, 9, 0.4)), 4, 2.2, -8, -66),
        "s6": Device(260, 13_000, 2, 2.2, ((750, 9, 0.4), (1900, -9, 0.4), (5500, 8, 0.4)), -4, 3.0, -10, -64),
    }
)
TRAIN_DEVICES = ("a", "b", "c", "s1", "s2", "s3")
TEST_DEVICES = tuple(DEVICES)


def random_microphone(rng: Rng) -> Device:
    """A microphone that nobody owns: a response of the devices' kind, for augmentation in training."""
    bumps = tuple(
        (float(np.exp(rng.uniform(np.log(250), np.log(8000)))), float(rng.normal(0, 6)), float(rng.uniform(0.3, 0.9)))
        for _ in range(int(rng.integers(2, 5)))
    )
    low = float(np.exp(rng.uniform(np.log(30), np.log(300))))
    high = float(np.exp(rng.uniform(np.log(7000), np.log(15_000))))
    return Device(low, high, int(rng.integers(1, 4)), float(rng.normal(0, 1.5)), bumps)


def impulse_response(device: Device, rate: int) -> Array:
    """The device's minimum-phase impulse response at `rate` Hz: shape (TAPS,), gain at its strongest frequency 1."""
    size = 8 * TAPS
    frequency = np.linspace(0.0, rate / 2, size // 2 + 1, dtype=np.float32)
    octave = np.log2(np.maximum(frequency, 20.0) / 1000.0)
    level = device.tilt * octave
    for centre, height, width in device.bumps:
        level = level + height * np.exp(-0.5 * ((octave - np.log2(centre / 1000.0)) / (width / 2)) ** 2)
    gain = band(device.low, device.high, device.order)(frequency) * 10.0 ** (level / 20.0)
    log_gain = np.log(np.maximum(gain / gain.max(), 1e-4))
    # Minimum phase from the real cepstrum: fold its negative times onto the positive ones.
    cepstrum = fft.irfft(log_gain, size)
    fold = np.zeros(size)
    fold[0] = fold[size // 2] = 1.0
    fold[1 : size // 2] = 2.0
    response = fft.irfft(np.exp(fft.rfft(cepstrum * fold)), size)[:TAPS]
    fade = np.minimum(1.0, np.linspace(4.0, 0.0, TAPS))
    return (response * fade).astype(np.float32)


def compress(sound: Array, rate: int, threshold: float, ratio: float) -> Array:
    """Dynamic range compression: above `threshold` (amplitude) the level in dB rises by 1/`ratio` only."""
    from scipy import signal  # imported where sound is made: it takes longer to load than a budget's check takes

    frame = max(1, int(0.004 * rate))
    count = -(-len(sound) // frame)
    power = np.square(np.pad(sound, (0, count * frame - len(sound)))).reshape(count, frame).mean(axis=1)
    smooth = np.sqrt(signal.lfilter([0.25], [1.0, -0.75], power))
    gain = np.maximum(smooth / threshold, 1.0) ** (1.0 / ratio - 1.0)
    return (sound * np.interp(np.arange(len(sound)), (np.arange(count) + 0.5) * frame, gain)).astype(np.float32)


def capture(rng: Rng, device: Device, sound: Array, level: float, rate: int) -> Array:
    """What `device` writes to its file when `sound` (RMS about 1) plays at `level` dBFS: within -0.95 to 0.95."""
    from scipy import signal

    heard = signal.fftconvolve(sound, impulse_response(device, rate))[: len(sound)].astype(np.float32)
    if device.ratio > 1.0:
        # The automatic gain knows the usual level at its place, and works on what rises over it.
        usual = float(np.sqrt(np.mean(heard**2))) + 1e-9
        heard = compress(heard, rate, usual * decibels(device.threshold), device.ratio)
    heard = heard * np.float32(decibels(level + device.gain))
    heard = heard + np.float32(decibels(device.floor)) * noise(rng, Span(rate, len(sound)), band(100, rate / 2, 1))
    loud = np.abs(heard)
    limited = 0.5 + 0.45 * np.tanh((loud - 0.5) / 0.45)
    return np.where(loud > 0.5, np.sign(heard) * limited, heard).astype(np.float32)
