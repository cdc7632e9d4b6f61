"""Building blocks of the synthetic sounds: random generators, filtered noise, envelopes, events in time."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Array = NDArray[np.float32]
Rng = np.random.Generator


@dataclass(frozen=True)
class Span:
    """Length of a sound.

    Attributes:
        rate: Samples a second, in Hz.
        samples: Number of samples.
    """

    rate: int
    samples: int

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.samples / self.rate

    def times(self) -> Array:
        """Time of every sample in seconds, float32 of shape (samples,)."""
        return np.arange(self.samples, dtype=np.float32) / np.float32(self.rate)


SoundFunction = Callable[[Rng, Span], Array]


def stream(seed: int, *names: object) -> Rng:
    """Make a random generator that depends on the seed and the names alone.

    The draws then do not depend on the order of the work, nor on the process that does it.

    Args:
        seed: Seed of the data set.
        names: What the draws are for, for example scene, location and source.

    Returns:
        A new generator.
    """
    digest = hashlib.sha256("/".join(map(str, (seed, *names))).encode()).digest()
    return np.random.default_rng(np.random.SeedSequence(int.from_bytes(digest[:16], "big")))


def decibels(level: float) -> float:
    """Amplitude factor of a level in dB."""
    return float(10.0 ** (level / 20.0))


def unit(signal: Array, rate: int) -> Array:
    """Scale a sound to a common level: the loudest 32 ms get an RMS of 1.

    Short events and steady sounds then have comparable levels.

    Args:
        signal: Samples of shape (samples,).
        rate: Sample rate in Hz.

    Returns:
        The scaled samples; silence stays as it is.
    """
    frame = max(1, int(0.032 * rate))
    whole = signal[: len(signal) // frame * frame].reshape(-1, frame)
    loudest = float(np.sqrt(np.max(np.mean(whole**2, axis=1)))) if len(whole) else 0.0
    return signal if loudest < 1e-9 else (signal / np.float32(loudest)).astype(np.float32)


def band(low: float, high: float, order: int = 2) -> Callable[[Array], Array]:
    """Define the amplitude response of a smooth band-pass filter.

    Args:
        low: Lower corner in Hz.
        high: Upper corner in Hz.
        order: Slope outside of the band, in units of 6 dB per octave.

    Returns:
        A function from frequencies in Hz to gains of the same shape.
    """

    def gain(frequency: Array) -> Array:
        safe = np.maximum(frequency, 1.0)
        loss = (1.0 + (low / safe) ** (2 * order)) * (1.0 + (safe / high) ** (2 * order))
        return (1.0 / np.sqrt(loss)).astype(np.float32)

    return gain


def noise(rng: Rng, span: Span, gain: Callable[[Array], Array]) -> Array:
    """Draw Gaussian noise with a given spectrum.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.
        gain: Amplitude spectrum as a function of the frequency in Hz.

    Returns:
        Samples of shape (samples,) with an RMS of 1.
    """
    size = fft.next_fast_len(span.samples, real=True)
    bins = size // 2 + 1
    spectrum = rng.standard_normal(2 * bins, dtype=np.float32).view(np.complex64)
    spectrum *= gain(np.linspace(0.0, span.rate / 2, bins, dtype=np.float32))
    spectrum[0] = 0.0
    signal = fft.irfft(spectrum, size)[: span.samples]
    return (signal / np.float32(np.std(signal) + 1e-12)).astype(np.float32)


def filtered(signal: Array, rate: int, gain: Callable[[Array], Array]) -> Array:
    """Apply a zero-phase filter.

    Args:
        signal: Samples of shape (samples,).
        rate: Sample rate in Hz.
        gain: Amplitude response as a function of the frequency in Hz.

    Returns:
        The filtered samples, same shape.
    """
    size = fft.next_fast_len(len(signal), real=True)
    spectrum = fft.rfft(signal, size)
    spectrum *= gain(np.linspace(0.0, rate / 2, len(spectrum), dtype=np.float32))
    return fft.irfft(spectrum, size)[: len(signal)].astype(np.float32)


def random_curve(rng: Rng, span: Span, *, hertz: float, low: float, high: float) -> Array:
    """Draw a slowly changing parameter: random values, joined by straight lines.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.
        hertz: New values a second, about.
        low: Lowest value.
        high: Highest value.

    Returns:
        Values of shape (samples,).
    """
    points = max(2, int(span.seconds * hertz) + 2)
    values = rng.uniform(low, high, points)
    return np.interp(np.arange(span.samples), np.linspace(0, span.samples, points), values).astype(np.float32)


def swell(rng: Rng, span: Span, hertz: float, depth: float) -> Array:
    """Draw a random loudness envelope.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.
        hertz: New values a second, about.
        depth: Range of the level in dB; it lies between 0 and -depth dB.

    Returns:
        Amplitude factors of shape (samples,).
    """
    return np.exp(random_curve(rng, span, hertz=hertz, low=-depth, high=0.0) * np.float32(np.log(10) / 20)).astype(
        np.float32
    )


def phase(frequency: NDArray[np.floating], rate: int) -> Array:
    """Integrate the frequency of an oscillator to its phase.

    Args:
        frequency: Frequency in Hz at each sample, shape (samples,).
        rate: Sample rate in Hz.

    Returns:
        Phase in cycles, 0 to 1, shape (samples,).
    """
    return (np.cumsum(frequency, dtype=np.float64) / rate % 1.0).astype(np.float32)


def sine(cycles: Array) -> Array:
    """Sine of a phase that is given in cycles."""
    return np.sin(np.float32(2 * np.pi) * cycles).astype(np.float32)


def burst(rng: Rng, rate: int, *, attack: float, decay: float, gain: Callable[[Array], Array]) -> Array:
    """Draw a short noise event with a linear rise and an exponential fall.

    Args:
        rng: Source of the draws.
        rate: Sample rate in Hz.
        attack: Length of the rise in seconds.
        decay: Time constant of the fall in seconds.
        gain: Amplitude spectrum as a function of the frequency in Hz.

    Returns:
        Samples with an RMS of 1, about attack + 5 decay long.
    """
    span = Span(rate, int(rate * (attack + 5 * decay)) + 32)
    time = span.times()
    envelope = np.minimum(time / max(attack, 1e-4), np.exp(-(time - attack) / decay)).astype(np.float32)
    event = noise(rng, span, gain) * envelope
    return (event / np.float32(np.sqrt(np.mean(event**2)) + 1e-12)).astype(np.float32)


def ring(rate: int, frequencies: Iterable[float], decay: float, attack: float = 0.003) -> Array:
    """Make a struck tone, as of a bell or a string.

    Args:
        rate: Sample rate in Hz.
        frequencies: Partials in Hz; each one is weaker and falls faster than the one before.
        decay: Time constant of the first partial in seconds.
        attack: Length of the linear rise in seconds.

    Returns:
        Samples, five time constants long but at most 3 s.
    """
    time = Span(rate, int(rate * min(5 * decay, 3.0))).times()
    tone = np.zeros_like(time)
    for order, frequency in enumerate(map(float, frequencies)):  # a numpy scalar would give float64
        if frequency < rate / 2:
            tone += np.sin(2 * np.pi * frequency * time) * np.exp(-time * (1 + 0.5 * order) / decay) / (1 + order)
    return (tone * np.minimum(time / attack, 1.0)).astype(np.float32)


def mix_events(span: Span, events: Iterable[tuple[float, Array]]) -> Array:
    """Add up short sounds at their start times.

    Args:
        span: Length and sample rate of the sound.
        events: Pairs of start time in seconds, which may be negative, and samples.

    Returns:
        Samples of shape (samples,); parts outside of the span are left out.
    """
    mix = np.zeros(span.samples, dtype=np.float32)
    for time, event in events:
        start = int(time * span.rate)
        skip = max(0, -start)
        end = min(span.samples, start + len(event))
        if end > start + skip:
            mix[start + skip : end] += event[skip : skip + end - start - skip]
    return mix


def event_times(rng: Rng, span: Span, period: float, jitter: float = 0.0) -> list[float]:
    """Draw the start times of repeated events.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.
        period: Mean distance of two events in seconds.
        jitter: Standard deviation of the distance as a share of the period.

    Returns:
        Times in seconds. The first one is random, and may be negative by up to a period.
    """
    times, time = [], float(rng.uniform(-period, period))
    while time < span.seconds:
        times.append(time)
        time += period * max(0.05, 1.0 + jitter * float(rng.standard_normal()))
    return times
