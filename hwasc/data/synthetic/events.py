"""Footsteps on different floors, signals and chimes, music, bells, clatter."""

import numpy as np

from hwasc.data.synthetic.signals import (
    Array,
    Rng,
    Span,
    band,
    burst,
    event_times,
    mix_events,
    noise,
    ring,
    swell,
    unit,
)

FLOORS = {"stone": (900.0, 5000.0, 0.010), "pavement": (250.0, 2200.0, 0.016)}


def footsteps(rng: Rng, span: Span, floor: str, walkers: tuple[int, int]) -> Array:
    """People walking, heel and toe, each at their own pace.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.
        floor: A key of FLOORS.
        walkers: Least and greatest number of people.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    low, high, decay = FLOORS[floor]
    events: list[tuple[float, Array]] = []
    for _ in range(int(rng.integers(walkers[0], walkers[1] + 1))):
        pitch = float(rng.uniform(0.7, 1.4))
        heel = burst(rng, span.rate, attack=0.002, decay=decay, gain=band(low * pitch, high * pitch))
        toe = burst(rng, span.rate, attack=0.006, decay=decay * 1.5, gain=band(low * pitch * 1.6, high * pitch * 1.3))
        roll, distance = float(rng.uniform(0.05, 0.11)), float(rng.uniform(0.3, 1.0))
        for start in event_times(rng, span, 1.0 / float(rng.uniform(1.5, 2.3)), 0.03):
            loud = np.float32(distance * rng.uniform(0.7, 1.0))
            events += [(start, heel * loud), (start + roll, toe * loud * np.float32(0.4))]
    return unit(mix_events(span, events), span.rate)


def gravel(rng: Rng, span: Span) -> Array:
    """Steps or a jogger on gravel: each step is a crunch of many grains.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    grains = [
        burst(rng, span.rate, attack=0.0005, decay=float(rng.uniform(0.002, 0.006)), gain=band(1500, 9000, 1))
        for _ in range(5)
    ]
    events: list[tuple[float, Array]] = []
    for start in event_times(rng, span, 1.0 / float(rng.uniform(1.5, 2.8)), 0.04):
        for lag in rng.gamma(2.0, 0.05, 18):
            events.append((start + float(lag), grains[int(rng.integers(5))] * np.float32(rng.uniform(0.1, 1.0))))
    return unit(mix_events(span, events), span.rate)


def beeps(rng: Rng, span: Span, *, pitch: tuple[float, float], period: tuple[float, float], length: float) -> Array:
    """A signal that beeps steadily.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.
        pitch: Range of the pitch in Hz.
        period: Range of the time between two beeps, in seconds.
        length: Length of a beep in seconds.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    root = float(rng.uniform(*pitch))
    time = Span(span.rate, int(length * span.rate)).times()
    edge = np.minimum(1.0, np.minimum(time, time[::-1]) / 0.005)
    tone = (edge * (np.sin(2 * np.pi * root * time) + 0.3 * np.sin(6 * np.pi * root * time))).astype(np.float32)
    return unit(mix_events(span, [(t, tone) for t in event_times(rng, span, float(rng.uniform(*period)))]), span.rate)


def crossing(rng: Rng, span: Span) -> Array:
    """A pedestrian crossing's sounder: slow ticks for red, or a fast chirp for green.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    if rng.random() < 0.5:
        return beeps(rng, span, pitch=(800, 2200), period=(0.09, 0.14), length=0.035)
    return beeps(rng, span, pitch=(800, 2200), period=(0.45, 0.7), length=0.05)


def tills(rng: Rng, span: Span) -> Array:
    """Checkout scanners: single short beeps at no fixed time.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    time = Span(span.rate, int(0.12 * span.rate)).times()
    edge = np.minimum(1.0, np.minimum(time, time[::-1]) / 0.004)
    tones = [(edge * np.sin(2 * np.pi * f * time)).astype(np.float32) for f in rng.uniform(1200, 2900, 2)]
    return unit(
        mix_events(span, [(t, tones[int(rng.integers(2))]) for t in event_times(rng, span, 0.9, 0.5)]), span.rate
    )


def door_chime(rng: Rng, span: Span) -> Array:
    """A train's doors closing: three falling notes, again and again.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    root, ratio = float(rng.uniform(900, 1700)), float(rng.uniform(0.75, 0.88))
    gap = float(rng.uniform(0.12, 0.22))
    events = [
        (start + gap * k, ring(span.rate, (root * ratio**k, 2 * root * ratio**k), 0.12))
        for start in event_times(rng, span, float(rng.uniform(1.2, 2.5)), 0.3)
        for k in range(3)
    ]
    return unit(mix_events(span, events), span.rate)


def stop_request(rng: Rng, span: Span) -> Array:
    """The bus's stop bell: ding, dong.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    root = float(rng.uniform(900, 1700))
    high, low = ring(span.rate, (root, 2.76 * root), 0.15), ring(span.rate, (root * 0.8, 2.2 * root), 0.2)
    starts = event_times(rng, span, float(rng.uniform(1.8, 3.5)), 0.3)
    return unit(mix_events(span, [(t, high) for t in starts] + [(t + 0.3, low) for t in starts]), span.rate)


def tram_gong(rng: Rng, span: Span) -> Array:
    """The tram's warning bell: fast strokes on one gong.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    root = float(rng.uniform(900, 1700))
    gong = ring(span.rate, (root, 1.51 * root, 2.4 * root, 3.3 * root), 0.25, 0.001)
    stroke = float(rng.uniform(0.14, 0.24))
    starts = event_times(rng, span, float(rng.uniform(1.2, 2.6)), 0.3)
    return unit(mix_events(span, [(t + stroke * k, gong) for t in starts for k in range(3)]), span.rate)


def church_bell(rng: Rng, span: Span) -> Array:
    """A bell tower: slow strokes of inharmonic partials.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    root = float(rng.uniform(200, 450))
    bell = ring(span.rate, (root, 1.2 * root, 1.5 * root, 2 * root, 2.6 * root, 3 * root), 1.0)
    return unit(
        mix_events(span, [(t, bell) for t in event_times(rng, span, float(rng.uniform(0.9, 1.7)), 0.02)]), span.rate
    )


def music(rng: Rng, span: Span) -> Array:
    """Shop music: chords over four beats, a melody of plucked notes, a bass and a hat on the beat.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    beat = 60.0 / float(rng.uniform(85, 132))
    root = float(rng.uniform(160, 260))
    scale = root * 2.0 ** (np.array([0, 2, 4, 7, 9, 12, 14, 16]) / 12)
    notes = [ring(span.rate, 2 * pitch * np.arange(1, 5), 0.18) for pitch in scale]
    basses = [ring(span.rate, pitch / 2 * np.arange(1, 4), 0.25) for pitch in scale[:4]]
    chords = [0.5 * ring(span.rate, pitch * np.array([1, 1.25, 1.5, 2, 2.5, 3]), 0.4, 0.02) for pitch in scale[:4]]
    hat = burst(rng, span.rate, attack=0.001, decay=0.02, gain=band(5000, 12000)) * np.float32(0.15)
    events: list[tuple[float, Array]] = []
    for index, start in enumerate(event_times(rng, span, beat)):
        events += [(start, hat), (start + beat / 2, hat * np.float32(0.6))]
        if index % 2 == 0:
            degree = int(rng.integers(4))
            events += [(start, basses[degree]), (start, chords[degree])]
        events += [(start + lag, notes[int(rng.integers(8))]) for lag in (0.0, beat / 2) if rng.random() < 0.75]
    return unit(mix_events(span, events), span.rate)


def clatter(rng: Rng, span: Span) -> Array:
    """Dishes and cups of a café: bright rings at random.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    cups = [ring(span.rate, rng.uniform(2000, 7500, 3), float(rng.uniform(0.02, 0.06)), 0.0005) for _ in range(6)]
    starts = event_times(rng, span, float(rng.uniform(0.15, 0.45)), 0.8)
    events = [(t, cups[int(rng.integers(6))] * np.float32(rng.uniform(0.1, 1.0))) for t in starts]
    return unit(mix_events(span, events), span.rate)


def horn(rng: Rng, span: Span) -> Array:
    """Car horns: two-tone blasts, seldom.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    length = Span(span.rate, int(float(rng.uniform(0.2, 0.5)) * span.rate))
    time, root = length.times(), float(rng.uniform(350, 480))
    blast = sum((((root * k * time) % 1.0) - 0.5 for k in (1.0, 1.25)), np.zeros(1, np.float32)).astype(np.float32)
    blast *= np.minimum(1.0, np.minimum(time, time[::-1]) / 0.02)
    return unit(
        mix_events(span, [(t, blast) for t in event_times(rng, span, float(rng.uniform(1.5, 4)), 0.5)]), span.rate
    )


def wheels_on_stone(rng: Rng, span: Span) -> Array:
    """A skateboard or bicycle over slabs: a rough roll with a clack at each gap.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    roll = noise(rng, span, band(500, 4000, 1)) * swell(rng, span, 1.2, 18)
    gap = burst(rng, span.rate, attack=0.001, decay=0.012, gain=band(400, 3000))
    starts = event_times(rng, span, 1.0 / float(rng.uniform(3, 6)), 0.05)
    return unit(unit(roll, span.rate) + mix_events(span, [(t, gap) for t in starts]) * np.abs(roll), span.rate)
