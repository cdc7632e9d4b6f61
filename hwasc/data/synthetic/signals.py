"""Building blocks of every synthetic sound: random streams, shaped noise, envelopes, placed events."""

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
    """A stretch of time: `samples` samples at `rate` Hz."""

    rate: int
    samples: int

    @property
    def seconds(self) -> float:
        return self.samples / self.rate

    def times(self) -> Array:
        """Time of every sample in seconds, shape (samples,)."""
        return np.arange(self.samples, dtype=np.float32) / np.float32(self.rate)


Source = Callable[[Rng, Span], Array]


def stream(seed: int, *names: object) -> Rng:
    """A generator that depends on `seed` and `names` only, so never on the order or the process of its use."""
    digest = hashlib.sha256("/".join(map(str, (seed, *names))).encode()).digest()
    return np.random.default_rng(np.random.SeedSequence(int.from_bytes(digest[:16], "big")))


def decibels(level: float) -> float:
    """The amplitude factor of a level in dB."""
    return float(10.0 ** (level / 20.0))


def unit(signal: Array, rate: int) -> Array:
    """`signal` scaled so that its loudest 32 ms have an RMS of 1: events and steady sounds on one scale."""
    frame = max(1, int(0.032 * rate))
    whole = signal[: len(signal) // frame * frame].reshape(-1, frame)
    loudest = float(np.sqrt(np.max(np.mean(whole**2, axis=1)))) if len(whole) else 0.0
    return signal if loudest < 1e-9 else (signal / np.float32(loudest)).astype(np.float32)


def band(low: float, high: float, order: int = 2) -> Callable[[Array], Array]:
    """A smooth band-pass gain over frequency, falling by 6 dB times `order` per octave outside `low`-`high` Hz."""

    def gain(frequency: Array) -> Array:
        safe = np.maximum(frequency, 1.0)
        loss = (1.0 + (low / safe) ** (2 * order)) * (1.0 + (safe / high) ** (2 * order))
        return (1.0 / np.sqrt(loss)).astype(np.float32)

    return gain


def noise(rng: Rng, span: Span, gain: Callable[[Array], Array]) -> Array:
    """Gaussian noise whose amplitude spectrum is `gain` of the frequency in Hz; RMS 1; shape (samples,)."""
    size = fft.next_fast_len(span.samples, real=True)
    bins = size // 2 + 1
    spectrum = rng.standard_normal(2 * bins, dtype=np.float32).view(np.complex64)
    spectrum *= gain(np.linspace(0.0, span.rate / 2, bins, dtype=np.float32))
    spectrum[0] = 0.0
    signal = fft.irfft(spectrum, size)[: span.samples]
    return (signal / np.float32(np.std(signal) + 1e-12)).astype(np.float32)


def filtered(signal: Array, rate: int, gain: Callable[[Array], Array]) -> Array:
    """`signal` after a zero-phase filter with amplitude response `gain` of the frequency in Hz."""
    size = fft.next_fast_len(len(signal), real=True)
    spectrum = fft.rfft(signal, size)
    spectrum *= gain(np.linspace(0.0, rate / 2, len(spectrum), dtype=np.float32))
    return fft.irfft(spectrum, size)[: len(signal)].astype(np.float32)


def wander(rng: Rng, span: Span, hertz: float, low: float, high: float) -> Array:
    """A slowly moving control between `low` and `high`, about `hertz` new values a second; shape (samples,)."""
    points = max(2, int(span.seconds * hertz) + 2)
    values = rng.uniform(low, high, points)
    return np.interp(np.arange(span.samples), np.linspace(0, span.samples, points), values).astype(np.float32)


def swell(rng: Rng, span: Span, hertz: float, depth: float) -> Array:
    """A loudness curve that moves between 0 and -`depth` dB, about `hertz` new values a second."""
    return np.exp(wander(rng, span, hertz, -depth, 0.0) * np.float32(np.log(10) / 20)).astype(np.float32)


def phase(frequency: NDArray[np.floating], rate: int) -> Array:
    """Running phase, in cycles (kept in 0-1), of an oscillator with the given frequency in Hz at each sample."""
    return (np.cumsum(frequency, dtype=np.float64) / rate % 1.0).astype(np.float32)


def sine(cycles: Array) -> Array:
    """Sine of a phase in cycles."""
    return np.sin(np.float32(2 * np.pi) * cycles).astype(np.float32)


def burst(rng: Rng, rate: int, attack: float, decay: float, gain: Callable[[Array], Array]) -> Array:
    """A short noise event: linear rise over `attack` s, exponential fall with time constant `decay` s, unit RMS."""
    span = Span(rate, int(rate * (attack + 5 * decay)) + 32)
    time = span.times()
    envelope = np.minimum(time / max(attack, 1e-4), np.exp(-(time - attack) / decay)).astype(np.float32)
    event = noise(rng, span, gain) * envelope
    return (event / np.float32(np.sqrt(np.mean(event**2)) + 1e-12)).astype(np.float32)


def ring(rate: int, frequencies: Iterable[float], decay: float, attack: float = 0.003) -> Array:
    """A struck tone: partials at `frequencies` Hz, each weaker than the last, falling with time constant `decay` s."""
    time = Span(rate, int(rate * min(5 * decay, 3.0))).times()
    tone = np.zeros_like(time)
    for order, frequency in enumerate(map(float, frequencies)):  # a numpy scalar would make the tone double
        if frequency < rate / 2:
            tone += np.sin(2 * np.pi * frequency * time) * np.exp(-time * (1 + 0.5 * order) / decay) / (1 + order)
    return (tone * np.minimum(time / attack, 1.0)).astype(np.float32)


def place(span: Span, events: Iterable[tuple[float, Array]]) -> Array:
    """The sum of short signals, each beginning at its time in seconds; parts outside the span are cut off."""
    mix = np.zeros(span.samples, dtype=np.float32)
    for time, event in events:
        start = int(time * span.rate)
        skip = max(0, -start)
        end = min(span.samples, start + len(event))
        if end > start + skip:
            mix[start + skip : end] += event[skip : skip + end - start - skip]
    return mix


def every(rng: Rng, span: Span, period: float, jitter: float = 0.0) -> list[float]:
    """Times in seconds about `period` s apart with a random first one; `jitter` is a share of the period."""
    times, time = [], float(rng.uniform(-period, period))
    while time < span.seconds:
        times.append(time)
        time += period * max(0.05, 1.0 + jitter * float(rng.standard_normal()))
    return times
