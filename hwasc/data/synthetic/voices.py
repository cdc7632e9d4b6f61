"""People: single voices with formants, babble of many, loudspeaker announcements, children."""

import numpy as np
from scipy import fft

from hwasc.data.synthetic.signals import (
    Array,
    Rng,
    Span,
    band,
    filtered,
    mix_events,
    noise,
    phase,
    random_curve,
    ring,
    swell,
    unit,
)

# First three formants in Hz of a, e, i, o, u (adult male; scaled up for others).
VOWELS = ((730, 1090, 2440), (530, 1840, 2480), (270, 2290, 3010), (570, 840, 2410), (300, 870, 2240))


def formants(frequency: Array, vowel: tuple[int, int, int], scale: float) -> Array:
    """Amplitude response of a vocal tract with three resonances.

    Args:
        frequency: Frequencies in Hz, shape (bins,).
        vowel: Resonances of an adult male voice in Hz.
        scale: Factor of the resonances; above 1 for higher voices.

    Returns:
        Gains of shape (bins,).
    """
    gain = np.zeros_like(frequency)
    for order, centre in enumerate(vowel):
        width = 60.0 + 40.0 * order
        gain += (1.0 / (1 + order)) / np.sqrt(1.0 + ((frequency - centre * scale) / width) ** 2)
    return (gain * np.sqrt(frequency / 500.0 + 0.05)).astype(np.float32)


def syllables(rng: Rng, span: Span, rate: float, pause: float) -> tuple[Array, Array]:
    """Draw the rhythm of speech: phrases of several syllables, with pauses between them.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.
        rate: Syllables a second within a phrase.
        pause: Mean length of a pause in seconds.

    Returns:
        Start times in seconds and loudness, 0.4 to 1, of the syllables.
    """
    times, loudness, time = [], [], float(rng.uniform(-0.5, 0.3))
    while time < span.seconds:
        for _ in range(int(rng.integers(4, 13))):
            times.append(time)
            loudness.append(rng.uniform(0.4, 1.0))
            time += float(rng.uniform(0.7, 1.3)) / rate
        time += float(rng.exponential(pause))
    return np.array(times, np.float32), np.array(loudness, np.float32)


def speech(rng: Rng, span: Span, pitch: float, pause: float = 0.4) -> Array:
    """One speaker: pulses of a moving pitch, filtered by formants that change with each syllable.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.
        pitch: Mean pitch in Hz.
        pause: Mean pause between two phrases in seconds.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    rate = float(rng.uniform(3.4, 5.6))
    times, loudness = syllables(rng, span, rate, pause)
    width = 0.8 / rate
    edges = np.stack([times - 0.02, times + 0.2 * width, times + 0.7 * width, times + width], axis=1).ravel()
    levels = np.stack([0 * loudness, loudness, 0.8 * loudness, 0 * loudness], axis=1).ravel()
    envelope = np.interp(span.times(), np.maximum.accumulate(edges), levels).astype(np.float32)

    cycles = phase(pitch * np.exp(random_curve(rng, span, hertz=2.5, low=-0.25, high=0.25)), span.rate)
    size = fft.next_fast_len(span.samples, real=True)
    pulses = fft.rfft((0.5 - cycles) * envelope, size)
    frequency = np.linspace(0.0, span.rate / 2, len(pulses), dtype=np.float32)
    scale = float(np.clip((pitch / 120.0) ** 0.25, 0.9, 1.4))
    spoken = rng.integers(0, len(VOWELS), len(times))
    voiced = np.zeros(span.samples, np.float32)
    for index, vowel in enumerate(VOWELS):
        share = np.interp(span.times(), times, (spoken == index).astype(np.float32))
        voiced += fft.irfft(pulses * formants(frequency, vowel, scale), size)[: span.samples] * share

    hiss = noise(rng, Span(span.rate, int(0.5 * span.rate)), band(3000, 8000))
    fade = np.hanning(int(0.07 * span.rate)).astype(np.float32)
    starts = rng.integers(0, len(hiss) - len(fade), len(times))
    loud = float(np.std(voiced)) * rng.uniform(0.2, 1.4, len(times)) * (rng.random(len(times)) < 0.6)
    consonants = [
        (float(time) - 0.05, hiss[start : start + len(fade)] * fade * np.float32(gain))
        for time, start, gain in zip(times, starts, loud, strict=True)
    ]
    return unit(voiced + mix_events(span, consonants), span.rate)


def talker(rng: Rng, span: Span) -> Array:
    """Someone talking nearby.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    return speech(rng, span, float(rng.choice([rng.uniform(90, 140), rng.uniform(170, 240)])), pause=0.5)


def children(rng: Rng, span: Span) -> Array:
    """Children calling: high, wide-ranging voices, and long pauses.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    voice = speech(rng, span, float(rng.uniform(300, 450)), pause=0.7)
    return unit(voice * swell(rng, span, 1.5, 15.0), span.rate)


def babble(rng: Rng, span: Span) -> Array:
    """A crowd: two speakers, each repeated at several random delays, so that no word can be understood.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    crowd = np.zeros(span.samples, np.float32)
    for pitch in (rng.uniform(95, 140), rng.uniform(175, 240)):
        speaker = speech(rng, span, float(pitch), pause=0.2)
        for _ in range(int(rng.integers(2, 6))):
            crowd += np.roll(speaker, int(rng.integers(span.samples))) * np.float32(rng.uniform(0.3, 1.0))
    return unit(crowd, span.rate)


def announcement(rng: Rng, span: Span) -> Array:
    """A loudspeaker announcement: speech in a narrow band; a rising chime of two to four notes begins each.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    root = float(rng.uniform(380, 620))
    chime = ring(span.rate, (root, 2 * root, 3 * root), 0.35)
    steps = np.cumprod([1.0, *rng.choice([1.122, 1.26, 1.335], int(rng.integers(1, 4)))])
    gap = float(rng.uniform(0.25, 0.45))
    spoken = filtered(speech(rng, span, float(rng.uniform(150, 230)), pause=0.15), span.rate, band(450, 3800, 4))
    start = float(rng.uniform(-3, 2))
    notes = [
        (start + gap * order, ring(span.rate, (root * step, 2 * root * step, 3 * root * step), 0.35))
        for order, step in enumerate(steps)
    ]
    spoken *= span.times() > start + gap * len(steps) + 0.3
    loud = np.float32(0.7 / max(float(np.max(np.abs(chime))), 1e-6))
    return unit(unit(spoken, span.rate) + loud * mix_events(span, notes), span.rate)
