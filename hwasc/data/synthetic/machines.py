"""Vehicles and machines: engines, passing cars, rails, electric drives, rattles, pneumatics, escalators, fans."""

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
    phase,
    random_curve,
    ring,
    sine,
    swell,
    unit,
)


def diesel(rng: Rng, span: Span) -> Array:
    """The engine of a bus, inside the bus: firing pulses with uneven cylinders, revolutions that rise and fall by gears.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    idle = float(rng.uniform(22, 32))
    time, points, values = 0.0, [0.0], [idle]
    while time < span.seconds:
        hold = float(rng.uniform(0.4, 1.4))
        top = idle * float(rng.uniform(1.0, 2.8))
        points += [time + hold, time + hold + 0.12]
        values += [top, top * float(rng.uniform(0.6, 0.8))]
        time += hold + 0.12
    firing = np.interp(span.times(), points, values).astype(np.float32)
    cycles = phase(firing, span.rate)
    uneven = 1.0 + 0.5 * sine(phase(firing / 3, span.rate))
    pulses = np.exp(14.0 * (np.cos(2 * np.pi * cycles) - 1.0)).astype(np.float32) * uneven
    knock = noise(rng, span, band(200, 2500, 1)) * pulses
    return unit(pulses - pulses.mean() + np.float32(rng.uniform(0.3, 0.9)) * knock, span.rate)


def petrol_idle(rng: Rng, span: Span) -> Array:
    """Cars and vans waiting: one steady engine, slightly wavering.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    firing = float(rng.uniform(24, 45)) * (1 + 0.02 * random_curve(rng, span, hertz=3, low=-1, high=1))
    pulses = np.exp(5.0 * (np.cos(2 * np.pi * phase(firing, span.rate)) - 1.0)).astype(np.float32)
    return unit(pulses - pulses.mean() + 0.3 * noise(rng, span, band(150, 1500, 1)) * pulses, span.rate)


def passing_cars(rng: Rng, span: Span) -> Array:
    """Cars driving by: tyre noise that swells and brightens, with a Doppler-shifted engine tone.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    time = span.times()
    rumble = noise(rng, span, band(80, 700, 1))
    tyres = noise(rng, span, band(700, 3200, 1))
    mix = np.zeros(span.samples, np.float32)
    for centre in event_times(rng, span, float(rng.uniform(1.0, 2.6)), 0.4):
        width = float(rng.uniform(0.15, 0.55))
        offset = (time - np.float32(centre)) / np.float32(width)
        near = 1.0 / (1.0 + offset**2)
        tone = float(rng.uniform(70, 200)) * (1 - 0.06 * np.tanh(offset))
        engine = phase(tone, span.rate) - 0.5
        loud = np.float32(rng.uniform(0.4, 1.0))
        mix += loud * (0.6 * np.sqrt(near) * near * rumble + near**2 * tyres + 0.6 * near * engine)
    return unit(mix, span.rate)


def distant_traffic(rng: Rng, span: Span) -> Array:
    """The steady murmur of a road far off.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    return unit(noise(rng, span, band(50, 500, 1)) * swell(rng, span, 0.6, 6), span.rate)


def rail_joints(rng: Rng, span: Span, speed: tuple[float, float], axles: tuple[float, float]) -> Array:
    """Wheels over rail joints: at each joint two axles strike one after the other.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.
        speed: Range of the speed in m/s.
        axles: Range of the distance between the axles in m.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    pace = float(rng.uniform(*speed))
    axle = float(rng.uniform(*axles)) / pace
    joint = float(rng.uniform(11, 16)) / pace
    thump = burst(rng, span.rate, attack=0.004, decay=0.03, gain=band(90, 600))
    click = burst(rng, span.rate, attack=0.001, decay=0.010, gain=band(1200, 5000, 1))
    loud = float(rng.uniform(0.25, 0.6))
    events: list[tuple[float, Array]] = []
    for start in event_times(rng, span, joint, 0.01):
        for lag, gain in ((0.0, 1.0), (axle, 0.85)):
            events += [(start + lag, thump * np.float32(gain)), (start + lag, click * np.float32(gain * loud))]
    return unit(mix_events(span, events), span.rate)


def rolling(rng: Rng, span: Span, centre: tuple[float, float]) -> Array:
    """Steel wheels on steel rails: a roar with a slow beat from the corrugation of the rails.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.
        centre: Range of the centre frequency in Hz.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    middle = float(rng.uniform(*centre))
    roar = noise(rng, span, band(middle / 2, middle * 1.6, 1))
    beat = 1.0 + rng.uniform(0.1, 0.5) * sine(phase(random_curve(rng, span, hertz=0.5, low=2.0, high=5.0), span.rate))
    return unit(roar * beat * swell(rng, span, 0.5, 4), span.rate)


def traction_whine(rng: Rng, span: Span) -> Array:
    """A tram's motors and gears: a tone with harmonics that glides with the speed.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    low = float(rng.uniform(250, 600))
    tone = low * np.exp(random_curve(rng, span, hertz=float(rng.uniform(0.5, 1.0)), low=0.0, high=1.5))
    whine = np.zeros(span.samples, np.float32)
    for order, gain in ((1.0, 1.0), (2.0, 0.7), (3.0, 0.4)):
        whine += np.float32(gain) * sine(phase(tone * np.float32(order), span.rate))
    return unit(whine * swell(rng, span, 1.0, 8), span.rate)


def inverter(rng: Rng, span: Span) -> Array:
    """A metro's traction inverter: a switching tone that climbs or falls in steps, with sidebands of the motor.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    points, values, time = [0.0], [float(rng.uniform(350, 900))], 0.0
    steps = 2.0 ** (np.array([-4, -2, 2, 3, 4, 5]) / 12)
    while time < span.seconds:
        time += float(rng.uniform(0.15, 0.4))
        following = float(np.clip(values[-1] * rng.choice(steps), 300, 1800))
        points += [time, time + 0.01]
        values += [values[-1], following]
    carrier = phase(np.interp(span.times(), points, values).astype(np.float32), span.rate)
    motor = phase(random_curve(rng, span, hertz=0.5, low=20, high=60), span.rate)
    tone = sine(carrier) + 0.6 * sine(2 * carrier + motor) + 0.4 * sine(2 * carrier - motor) + 0.3 * sine(3 * carrier)
    return unit(tone.astype(np.float32), span.rate)


def squeal(rng: Rng, span: Span) -> Array:
    """Flanges in a curve or brakes: piercing tones that come and go and waver.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    mix = np.zeros(span.samples, np.float32)
    for _ in range(2):
        tone = float(rng.uniform(1800, 5500)) * (1 + 0.02 * random_curve(rng, span, hertz=6, low=-1, high=1))
        gate = np.clip(random_curve(rng, span, hertz=1.5, low=-1.5, high=1.0), 0, 1)
        mix += gate * sine(phase(tone, span.rate))
    return unit(mix, span.rate)


def rattle(rng: Rng, span: Span) -> Array:
    """Loose panels and windows of a bus: clusters of irregular knocks, shaken by the road.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    knock = [
        burst(rng, span.rate, attack=0.001, decay=float(rng.uniform(0.004, 0.012)), gain=band(900, 4500))
        for _ in range(4)
    ]
    events: list[tuple[float, Array]] = []
    for start in event_times(rng, span, float(rng.uniform(0.5, 1.1)), 0.4):
        for _ in range(int(rng.integers(3, 9))):
            lag = float(rng.exponential(0.12))
            events.append((start + lag, knock[int(rng.integers(4))] * np.float32(rng.uniform(0.2, 1.0))))
    return unit(mix_events(span, events), span.rate)


def air_brake(rng: Rng, span: Span) -> Array:
    """Pneumatic doors and brakes: hisses with a sudden beginning.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    events = []
    for start in event_times(rng, span, float(rng.uniform(1.5, 4.0)), 0.4):
        hiss = burst(rng, span.rate, attack=0.005, decay=float(rng.uniform(0.06, 0.25)), gain=band(1500, 9000, 1))
        events.append((start, hiss * np.float32(rng.uniform(0.5, 1.0))))
    return unit(mix_events(span, events), span.rate)


def indicator(rng: Rng, span: Span) -> Array:
    """The direction indicator's relay: tick, tock.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    tick = ring(span.rate, (float(rng.uniform(1800, 2600)), float(rng.uniform(3000, 4500))), 0.006, 0.0005)
    tock = ring(span.rate, (float(rng.uniform(1200, 1800)), float(rng.uniform(2400, 3400))), 0.006, 0.0005)
    period = float(rng.uniform(0.6, 0.75))
    starts = event_times(rng, span, period)
    return unit(mix_events(span, [(t, tick) for t in starts] + [(t + period / 2, tock) for t in starts]), span.rate)


def escalator(rng: Rng, span: Span) -> Array:
    """Steps of an escalator: a regular clack, several times a second, over a motor's hum.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    clack = burst(rng, span.rate, attack=0.002, decay=0.018, gain=band(300, 2200))
    events = [
        (t, clack * np.float32(rng.uniform(0.7, 1.0))) for t in event_times(rng, span, float(rng.uniform(0.2, 0.3)))
    ]
    hum = sine(phase(np.full(span.samples, float(rng.choice([100.0, 150.0])), np.float32), span.rate))
    return unit(mix_events(span, events) + 0.3 * hum, span.rate)


def suitcase(rng: Rng, span: Span) -> Array:
    """Trolley wheels over tiles: a fast, even patter that comes near and goes away.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    click = burst(rng, span.rate, attack=0.001, decay=0.007, gain=band(500, 3500))
    starts = event_times(rng, span, 1.0 / float(rng.uniform(9, 18)), 0.06)
    patter = mix_events(span, [(t, click * np.float32(rng.uniform(0.5, 1.0))) for t in starts])
    return unit(patter * swell(rng, span, 0.8, 16), span.rate)


def ventilation(rng: Rng, span: Span) -> Array:
    """Air conditioning: mains hum, a blade tone, and a stream of air.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    mains = np.full(span.samples, 50.0, np.float32)
    blade = float(rng.uniform(110, 400))
    hum = sum((rng.uniform(0.1, 0.6) * sine(phase(mains * k, span.rate)) for k in (1, 2, 4)), np.zeros(1, np.float32))
    tone = rng.uniform(0.2, 0.6) * sine(phase(np.full(span.samples, blade, np.float32), span.rate))
    return unit((hum + tone + noise(rng, span, band(120, 1500, 1))).astype(np.float32), span.rate)


def jet(rng: Rng, span: Span) -> Array:
    """An aircraft on the apron, through the glass: slow low thunder and a faint turbine tone.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    turbine = sine(
        phase(
            float(rng.uniform(1500, 3200)) * (1 + 0.02 * random_curve(rng, span, hertz=0.3, low=-1, high=1)), span.rate
        )
    )
    return unit(swell(rng, span, 0.3, 15) * (noise(rng, span, band(60, 400)) + 0.2 * turbine), span.rate)


def arriving_train(rng: Rng, span: Span) -> Array:
    """A train entering a station: a wave of air and wheel noise that rises for seconds and ends in brakes.

    Args:
        rng: Source of the draws.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), scaled by `unit`.
    """
    time = span.times()
    stop = float(rng.uniform(0.2, 1.1)) * span.seconds
    near = np.exp(-np.abs(time - stop) / np.where(time < stop, 2.0, 0.4)).astype(np.float32)
    wheels = noise(rng, span, band(200, 2500, 1))
    brake = sine(
        phase(float(rng.uniform(2200, 4500)) * (1 + 0.05 * random_curve(rng, span, hertz=4, low=-1, high=1)), span.rate)
    )
    return unit(near * wheels + 0.5 * near**3 * brake, span.rate)
