"""Simulated recording devices: frequency response, compression, noise floor, limiter."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from scipy import fft

from hwasc.data.synthetic.signals import Array, Rng, Span, band, decibels, noise

TAPS = 512


@dataclass(frozen=True, kw_only=True)
class Device:
    """Properties of a recording device.

    Attributes:
        low: Lower corner of the frequency response in Hz.
        high: Upper corner of the frequency response in Hz.
        order: Slope outside of the corners, in units of 6 dB per octave.
        tilt: Slope of the response in dB per octave, 0 dB at 1 kHz.
        resonances: Peaks and dips of the response: frequency in Hz, height in dB, width in octaves.
        gain: Gain in dB.
        ratio: Compression ratio above the threshold; 1 means none.
        threshold: Threshold of the compressor in dB relative to the recording's RMS.
        floor: Level of the device's own noise in dBFS.
    """

    low: float
    high: float
    order: int = 2
    tilt: float = 0.0
    resonances: tuple[tuple[float, float, float], ...] = ()
    gain: float = 0.0
    ratio: float = 1.0
    threshold: float = -6.0
    floor: float = -75


DEVICES: Mapping[str, Device] = MappingProxyType({
    "a": Device(low=25, high=15_500),
    "b": Device(low=90, high=13_000, tilt=0.8, resonances=((2800, 5, 0.6), (450, -3, 0.8)),
                gain=-3, ratio=1.6, threshold=-6, floor=-68),
    "c": Device(low=140, high=11_500, tilt=-0.8, resonances=((1300, 4, 0.7), (5200, -5, 0.6)),
                gain=2, ratio=1.8, threshold=-8, floor=-66),
    "s1": Device(low=60, high=14_000, tilt=1.5, resonances=((900, -6, 0.8), (4000, 6, 0.5)),
                 ratio=1.5, threshold=-6, floor=-70),
    "s2": Device(low=180, high=10_000, resonances=((600, 5, 0.6), (2200, -5, 0.5), (6500, 5, 0.5)),
                 gain=-2, ratio=2.0, threshold=-8, floor=-66),
    "s3": Device(low=110, high=12_000, order=3, tilt=-1.5, resonances=((350, -5, 0.6), (1700, 6, 0.5)),
                 gain=3, ratio=2.2, threshold=-6, floor=-68),
    "s4": Device(low=220, high=9_500, tilt=1.0, resonances=((1100, 9, 0.5), (3200, -9, 0.5)),
                 gain=-4, ratio=2.4, threshold=-8, floor=-66),
    "s5": Device(low=70, high=8_000, order=3, tilt=-2.0, resonances=((500, -8, 0.7), (2600, 9, 0.4)),
                 gain=4, ratio=2.2, threshold=-8, floor=-66),
    "s6": Device(low=260, high=13_000, tilt=2.2, resonances=((750, 9, 0.4), (1900, -9, 0.4), (5500, 8, 0.4)),
                 gain=-4, ratio=3.0, threshold=-10, floor=-64),
})  # fmt: skip
TRAIN_DEVICES = ("a", "b", "c", "s1", "s2", "s3")
TEST_DEVICES = tuple(DEVICES)


def random_microphone(rng: Rng) -> Device:
    """Draw a random frequency response like those of the devices, for augmentation in training."""
    resonances = tuple(
        (float(np.exp(rng.uniform(np.log(250), np.log(8000)))), float(rng.normal(0, 6)), float(rng.uniform(0.3, 0.9)))
        for _ in range(int(rng.integers(2, 5)))
    )
    low = float(np.exp(rng.uniform(np.log(30), np.log(300))))
    high = float(np.exp(rng.uniform(np.log(7000), np.log(15_000))))
    order, tilt = int(rng.integers(1, 4)), float(rng.normal(0, 1.5))
    return Device(low=low, high=high, order=order, tilt=tilt, resonances=resonances)


def impulse_response(device: Device, rate: int) -> Array:
    """Compute the minimum-phase impulse response of a device.

    Args:
        device: The device.
        rate: Sample rate in Hz.

    Returns:
        Samples of shape (TAPS,); the gain at the strongest frequency is 1.
    """
    size = 8 * TAPS
    frequency = np.linspace(0.0, rate / 2, size // 2 + 1, dtype=np.float32)
    octave = np.log2(np.maximum(frequency, 20.0) / 1000.0)
    level = device.tilt * octave
    for centre, height, width in device.resonances:
        level = level + height * np.exp(-0.5 * ((octave - np.log2(centre / 1000.0)) / (width / 2)) ** 2)
    gain = band(device.low, device.high, device.order)(frequency) * 10.0 ** (level / 20.0)
    log_gain = np.log(np.maximum(gain / gain.max(), 1e-4))
    # Minimum phase from the real cepstrum: its negative times are added to the positive ones.
    cepstrum = fft.irfft(log_gain, size)
    fold = np.zeros(size)
    fold[0] = fold[size // 2] = 1.0
    fold[1 : size // 2] = 2.0
    response = fft.irfft(np.exp(fft.rfft(cepstrum * fold)), size)[:TAPS]
    fade = np.minimum(1.0, np.linspace(4.0, 0.0, TAPS))
    return (response * fade).astype(np.float32)


def compress(sound: Array, rate: int, threshold: float, ratio: float) -> Array:
    """Compress the dynamic range.

    Args:
        sound: Samples of shape (samples,).
        rate: Sample rate in Hz.
        threshold: Amplitude above which the level in dB rises by 1 / ratio only.
        ratio: Compression ratio, 1 or more.

    Returns:
        The compressed samples, same shape.
    """
    from scipy import signal  # imported where sound is made: it takes longer to load than a budget's check takes

    frame = max(1, int(0.004 * rate))
    count = -(-len(sound) // frame)
    power = np.square(np.pad(sound, (0, count * frame - len(sound)))).reshape(count, frame).mean(axis=1)
    smooth = np.sqrt(signal.lfilter([0.25], [1.0, -0.75], power))
    gain = np.maximum(smooth / threshold, 1.0) ** (1.0 / ratio - 1.0)
    return (sound * np.interp(np.arange(len(sound)), (np.arange(count) + 0.5) * frame, gain)).astype(np.float32)


def capture(rng: Rng, device: Device, sound: Array, *, level: float, rate: int) -> Array:
    """Simulate the recording of a sound by a device.

    Args:
        rng: Source of the draws.
        device: The recording device.
        sound: Samples of shape (samples,) with an RMS of about 1.
        level: Level of the sound in dBFS.
        rate: Sample rate in Hz.

    Returns:
        The recorded samples, same shape, within -0.95 to 0.95.
    """
    from scipy import signal

    recorded = signal.fftconvolve(sound, impulse_response(device, rate))[: len(sound)].astype(np.float32)
    if device.ratio > 1.0:
        # The threshold is relative to the mean level, as with automatic gain control.
        rms = float(np.sqrt(np.mean(recorded**2))) + 1e-9
        recorded = compress(recorded, rate, rms * decibels(device.threshold), device.ratio)
    recorded = recorded * np.float32(decibels(level + device.gain))
    floor = noise(rng, Span(rate, len(sound)), band(100, rate / 2, 1))
    recorded = recorded + np.float32(decibels(device.floor)) * floor
    amplitude = np.abs(recorded)
    limited = 0.5 + 0.45 * np.tanh((amplitude - 0.5) / 0.45)
    return np.where(amplitude > 0.5, np.sign(recorded) * limited, recorded).astype(np.float32)
