"""Outdoors: birds, wind, leaves, rain, fountains, dogs, insects."""

import numpy as np

from hwasc.data.synthetic.signals import (
    Array,
    Rng,
    Span,
    band,
    event_times,
    mix_events,
    noise,
    phase,
    random_curve,
    sine,
    swell,
    unit,
)


def chirp(rate: int, *, start: float, end: float, length: float, vibrato: float = 0.0) -> Array:
    """A whistled note with a gliding pitch.

    Args:
        rate: Sample rate in Hz.
        start: Pitch at the start in Hz.
        end: Pitch at the end in Hz.
        length: Length in seconds.
        vibrato: Relative depth of a 25 Hz vibrato.

    Returns:
        Samples with an amplitude of 1 in the middle.
    """
    time = Span(rate, int(length * rate)).times()
    pitch = start * (end / start) ** (time / length) * (1 + vibrato * np.sin(2 * np.pi * 25 * time))
    return (np.hanning(len(time)) * np.sin(2 * np.pi * np.cumsum(pitch) / rate)).astype(np.float32)


def song(rng: Rng, rate: int) -> list[tuple[float, Array]]:
    """One bird's phrase: a trill, a slurred whistle or several different notes.

    Args:
        rng: Source of the draws.
        rate: Sample rate in Hz.

    Returns:
        Pairs of start time in seconds and samples.
    """
    root = float(rng.uniform(2200, 6000))
    kind = int(rng.integers(3))
    if kind == 0:
        note = chirp(rate, start=root * rng.uniform(1.1, 1.5), end=root, length=0.045)
        gap = float(rng.uniform(0.06, 0.1))
        return [(gap * k, note) for k in range(int(rng.integers(5, 12)))]
    if kind == 1:
        bend = rng.uniform(0.7, 1.4)
        first, second = (
            chirp(rate, start=root, end=root * bend, length=0.2),
            chirp(rate, start=root * bend, end=root * 0.9, length=0.25, vibrato=0.02),
        )
        return [(0.0, first), (0.25, second)]
    notes = root * np.exp(rng.uniform(-0.3, 0.3, 6))
    return [
        (0.13 * k, chirp(rate, start=note, end=note * rng.uniform(0.8, 1.3), length=0.1))
        for k, note in enumerate(notes)
    ]


def birds(rng: Rng, span: Span, count: tuple[int, int], pause: tuple[float, float]) -> Array:
    """Songbirds, each at its own distance and with its own phrase, which it repeats.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.
        count: Least and greatest number of birds.
        pause: Range of the time between two phrases in seconds.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    events: list[tuple[float, Array]] = []
    for _ in range(int(rng.integers(count[0], count[1] + 1))):
        phrase, loud = song(rng, span.rate), np.float32(rng.uniform(0.25, 1.0))
        for start in event_times(rng, span, float(rng.uniform(*pause)), 0.3):
            events += [(start + lag, note * loud) for lag, note in phrase]
    return unit(mix_events(span, events), span.rate)


def pigeons(rng: Rng, span: Span) -> Array:
    """Pigeons: low cooing, and a flutter of wings.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    coo = chirp(span.rate, start=420, end=380, length=0.3, vibrato=0.05) * np.float32(0.8)
    events = [(t + lag, coo) for t in event_times(rng, span, 1.6, 0.3) for lag in (0.0, 0.35, 0.8)]
    wing = noise(rng, Span(span.rate, int(0.05 * span.rate)), band(700, 4000, 1))
    wing = (wing * np.hanning(len(wing))).astype(np.float32)
    beat = float(rng.uniform(0.08, 0.12))
    for start in event_times(rng, span, float(rng.uniform(1.5, 3.0)), 0.5):
        events += [(start + beat * k, wing * np.float32(0.9**k)) for k in range(7)]
    return unit(mix_events(span, events), span.rate)


def wind(rng: Rng, span: Span) -> Array:
    """Wind at the microphone: low turbulent gusts.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    return unit(noise(rng, span, band(20, 180, 1)) * swell(rng, span, 2.0, 18), span.rate)


def leaves(rng: Rng, span: Span) -> Array:
    """Leaves in gusts: bright noise that comes and goes over a second or so.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    return unit(noise(rng, span, band(1800, 8000, 1)) * swell(rng, span, 1.6, 20), span.rate)


def rain(rng: Rng, span: Span) -> Array:
    """Rain: a bright hiss with single drops.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    drops = rng.random(span.samples, dtype=np.float32) < 60.0 / span.rate
    tap = np.convolve(drops.astype(np.float32), np.exp(-np.arange(64) / 12.0).astype(np.float32))[: span.samples]
    return unit(0.5 * noise(rng, span, band(1500, 12000, 1)) + 8.0 * tap * noise(rng, span, band(800, 8000)), span.rate)


def fountain(rng: Rng, span: Span) -> Array:
    """Falling water: hiss and hundreds of bubbles, each a short rising tone.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    low = float(rng.uniform(350, 700))
    bubbles = [
        chirp(span.rate, start=f, end=f * 1.5, length=float(rng.uniform(0.02, 0.06)))
        for f in rng.uniform(low, 5 * low, 24)
    ]
    starts = rng.uniform(0, span.seconds, int(span.seconds * rng.uniform(25, 60)))
    events = [(float(t), bubbles[int(rng.integers(24))] * np.float32(rng.uniform(0.1, 1.0))) for t in starts]
    return unit(unit(mix_events(span, events), span.rate) + 0.15 * noise(rng, span, band(900, 7000, 1)), span.rate)


def dog(rng: Rng, span: Span) -> Array:
    """A dog: barks in twos and threes.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    root = float(rng.uniform(350, 700))
    bark = sum(
        (chirp(span.rate, start=k * root * 1.2, end=k * root * 0.8, length=0.13) / k for k in (1, 2, 3)), np.zeros(1)
    )
    starts = event_times(rng, span, float(rng.uniform(1.2, 3.0)), 0.4)
    return unit(
        mix_events(
            span, [(t + 0.28 * k, bark.astype(np.float32)) for t in starts for k in range(int(rng.integers(2, 4)))]
        ),
        span.rate,
    )


def insects(rng: Rng, span: Span) -> Array:
    """Crickets: a high tone chopped into chirps.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    tone = sine(
        phase(float(rng.uniform(3800, 6500)) * (1 + 0.01 * random_curve(rng, span, hertz=3, low=-1, high=1)), span.rate)
    )
    chop = np.clip(sine(phase(np.full(span.samples, float(rng.uniform(8, 14)), np.float32), span.rate)), 0, 1)
    group = sine(phase(np.full(span.samples, float(rng.uniform(1.2, 2.5)), np.float32), span.rate)) > -0.3
    return unit(tone * chop * group, span.rate)
