"""The ten scenes: their sound sources, levels, distances and rooms."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import numpy as np

from hwasc.data.synthetic import events, machines, nature, voices
from hwasc.data.synthetic.rooms import Room, background_noise, reverberate
from hwasc.data.synthetic.signals import Array, SoundFunction, Span, decibels, stream

CITIES = ("barcelona", "helsinki", "lisbon", "london", "lyon", "paris", "prague", "vienna")

BACKGROUND_SPREAD = 4.0  # dB; differences between the background spectra of locations
SOURCE_GAIN = 5.0  # dB; added to all levels below, which are relative to the background noise
CITY_SPREAD = 2.0  # dB; differences between cities in the level of a source


@dataclass(frozen=True)
class SoundSource:
    """One sound source of a scene.

    Attributes:
        render: Function that makes the sound.
        probability: Share of the locations that have this source, 0 to 1.
        level: Range of the level of its loudest moments in dB over the background noise.
        wet: Range of the share of the sound that is reverberant, 0 to 1.
        shared_in_city: The source sounds the same at all locations of a city, for example the door chime of its trains.
    """

    render: SoundFunction
    probability: float
    level: tuple[float, float]
    wet: tuple[float, float] = (0.0, 0.4)
    shared_in_city: bool = False


@dataclass(frozen=True)
class Scene:
    """A scene.

    Attributes:
        sources: Sound sources by name. The name is part of a source's seed.
        room: Acoustics of the scene.
    """

    sources: Mapping[str, SoundSource]
    room: Room


def _scene(room: Room, **sources: SoundSource) -> Scene:
    return Scene(MappingProxyType(sources), room)


_HALL, _MALL = Room(time60=(1.2, 2.5), tilt=(3.5, 6.5)), Room(time60=(0.8, 1.8), tilt=(3.5, 6.5))
_PLATFORM, _CABIN = Room(time60=(1.0, 2.2), tilt=(3.5, 6.5)), Room(time60=(0.12, 0.35), tilt=(4.5, 7.5))
_STREET, _SQUARE, _OPEN = (
    Room(time60=(0.3, 0.8), tilt=(3.5, 6.5)),
    Room(time60=(0.4, 1.0), tilt=(3.0, 6.0)),
    Room(time60=(0.2, 0.6), tilt=(2.5, 5.5)),
)
_FAR, _MIDDLE = (0.6, 1.0), (0.3, 0.7)

_stone = partial(events.footsteps, floor="stone")
_pavement = partial(events.footsteps, floor="pavement")
_tram_joints = partial(machines.rail_joints, speed=(5.0, 9.0), axles=(1.6, 2.0))
_metro_joints = partial(machines.rail_joints, speed=(15.0, 22.0), axles=(2.1, 2.6))
_tram_rolling = partial(machines.rolling, centre=(250, 600))
_metro_rolling = partial(machines.rolling, centre=(400, 1000))
_few_birds = partial(nature.birds, count=(1, 2), pause=(2.0, 5.0))
_many_birds = partial(nature.birds, count=(2, 5), pause=(0.9, 2.2))

SCENES: Mapping[str, Scene] = MappingProxyType(
    {
        "airport": _scene(
            _HALL,
            babble=SoundSource(voices.babble, 0.9, (-12, 2), _FAR),
            announcement=SoundSource(voices.announcement, 0.8, (-4, 8), _FAR),
            suitcase=SoundSource(machines.suitcase, 0.95, (-4, 8), _MIDDLE),
            footsteps=SoundSource(partial(_stone, walkers=(1, 3)), 0.6, (-10, 2), _MIDDLE),
            jet=SoundSource(machines.jet, 0.5, (-8, 4)),
            ventilation=SoundSource(machines.ventilation, 0.5, (-10, 2)),
            talker=SoundSource(voices.talker, 0.2, (-6, 4)),
        ),
        "shopping_mall": _scene(
            _MALL,
            babble=SoundSource(voices.babble, 0.9, (-8, 4), _MIDDLE),
            music=SoundSource(events.music, 0.95, (-3, 7), _MIDDLE),
            footsteps=SoundSource(partial(_stone, walkers=(2, 5)), 0.7, (-8, 4), _MIDDLE),
            tills=SoundSource(events.tills, 0.5, (-6, 4), _MIDDLE, shared_in_city=True),
            escalator=SoundSource(machines.escalator, 0.2, (-8, 2)),
            announcement=SoundSource(voices.announcement, 0.15, (-6, 4), _FAR),
            clatter=SoundSource(events.clatter, 0.3, (-10, 0), _MIDDLE),
            ventilation=SoundSource(machines.ventilation, 0.4, (-10, 2)),
        ),
        "metro_station": _scene(
            _PLATFORM,
            arriving=SoundSource(machines.arriving_train, 0.85, (0, 10), _MIDDLE),
            escalator=SoundSource(machines.escalator, 0.7, (-4, 6), _MIDDLE),
            door_chime=SoundSource(events.door_chime, 0.5, (-6, 6), _FAR, shared_in_city=True),
            announcement=SoundSource(voices.announcement, 0.35, (-4, 6), _FAR),
            footsteps=SoundSource(partial(_stone, walkers=(2, 5)), 0.7, (-4, 6), _FAR),
            babble=SoundSource(voices.babble, 0.5, (-12, 0), _FAR),
            inverter=SoundSource(machines.inverter, 0.25, (-8, 2), _FAR),
        ),
        "street_pedestrian": _scene(
            _STREET,
            footsteps=SoundSource(partial(_pavement, walkers=(2, 5)), 0.95, (0, 10)),
            talker=SoundSource(voices.talker, 0.8, (-2, 8)),
            babble=SoundSource(voices.babble, 0.5, (-10, 0)),
            clatter=SoundSource(events.clatter, 0.4, (-8, 2)),
            traffic=SoundSource(machines.distant_traffic, 0.6, (-8, 2)),
            wheels=SoundSource(events.wheels_on_stone, 0.25, (-6, 4)),
            birds=SoundSource(_few_birds, 0.2, (-12, -2)),
            music=SoundSource(events.music, 0.15, (-10, 0), _MIDDLE),
        ),
        "public_square": _scene(
            _SQUARE,
            fountain=SoundSource(nature.fountain, 0.7, (-4, 6)),
            children=SoundSource(voices.children, 0.7, (-4, 6), _MIDDLE),
            pigeons=SoundSource(nature.pigeons, 0.5, (-2, 6)),
            bell=SoundSource(events.church_bell, 0.35, (-4, 6), _MIDDLE),
            wheels=SoundSource(events.wheels_on_stone, 0.4, (-6, 6)),
            babble=SoundSource(voices.babble, 0.6, (-12, 0), _MIDDLE),
            footsteps=SoundSource(partial(_pavement, walkers=(1, 3)), 0.5, (-8, 2)),
            traffic=SoundSource(machines.distant_traffic, 0.6, (-8, 4)),
            birds=SoundSource(_few_birds, 0.3, (-12, -2)),
        ),
        "street_traffic": _scene(
            _STREET,
            cars=SoundSource(machines.passing_cars, 0.95, (2, 12)),
            idle=SoundSource(machines.petrol_idle, 0.5, (-8, 4)),
            crossing=SoundSource(events.crossing, 0.5, (-8, 4), shared_in_city=True),
            horn=SoundSource(events.horn, 0.3, (-4, 6)),
            traffic=SoundSource(machines.distant_traffic, 0.8, (-4, 4)),
            rain=SoundSource(nature.rain, 0.15, (-10, 0)),
            birds=SoundSource(_few_birds, 0.2, (-12, -2)),
            footsteps=SoundSource(partial(_pavement, walkers=(1, 2)), 0.3, (-10, 0)),
        ),
        "tram": _scene(
            _CABIN,
            joints=SoundSource(_tram_joints, 0.9, (0, 10)),
            whine=SoundSource(machines.traction_whine, 0.95, (-6, 5)),
            gong=SoundSource(events.tram_gong, 0.4, (-8, 4), shared_in_city=True),
            squeal=SoundSource(machines.squeal, 0.3, (-12, 0)),
            rolling=SoundSource(_tram_rolling, 0.7, (-8, 4)),
            rattle=SoundSource(machines.rattle, 0.2, (-8, 2)),
            talker=SoundSource(voices.talker, 0.4, (-8, 2)),
        ),
        "bus": _scene(
            _CABIN,
            diesel=SoundSource(machines.diesel, 0.9, (0, 10)),
            rattle=SoundSource(machines.rattle, 0.9, (-4, 8)),
            air=SoundSource(machines.air_brake, 0.4, (-4, 6)),
            indicator=SoundSource(machines.indicator, 0.4, (-8, 4)),
            stop=SoundSource(events.stop_request, 0.3, (-8, 4), shared_in_city=True),
            talker=SoundSource(voices.talker, 0.4, (-8, 2)),
            traffic=SoundSource(machines.distant_traffic, 0.3, (-8, 2)),
        ),
        "metro": _scene(
            _CABIN,
            rolling=SoundSource(_metro_rolling, 0.9, (-2, 8)),
            joints=SoundSource(_metro_joints, 0.95, (0, 10)),
            inverter=SoundSource(machines.inverter, 0.9, (-6, 5)),
            squeal=SoundSource(machines.squeal, 0.25, (-12, 0)),
            door_chime=SoundSource(events.door_chime, 0.2, (-8, 2), shared_in_city=True),
            talker=SoundSource(voices.talker, 0.3, (-8, 2)),
            announcement=SoundSource(voices.announcement, 0.2, (-8, 2)),
        ),
        "park": _scene(
            _OPEN,
            birds=SoundSource(_many_birds, 0.95, (-10, 2)),
            leaves=SoundSource(nature.leaves, 0.6, (-10, 0)),
            gravel=SoundSource(events.gravel, 0.5, (-6, 4)),
            wind=SoundSource(nature.wind, 0.5, (-6, 6)),
            insects=SoundSource(nature.insects, 0.3, (-14, -4)),
            dog=SoundSource(nature.dog, 0.25, (-8, 2)),
            children=SoundSource(voices.children, 0.25, (-12, -2)),
            traffic=SoundSource(machines.distant_traffic, 0.5, (-8, 2)),
            rain=SoundSource(nature.rain, 0.1, (-12, -4)),
        ),
    }
)


def render_location(seed: int, *, scene_name: str, city: str, location: object, span: Span) -> Array:
    """Make the sound at one location, as an ideal microphone would record it.

    All draws depend on the seed and the names alone.

    Args:
        seed: Seed of the data set.
        scene_name: A key of SCENES.
        city: One of CITIES.
        location: Name of the location within its scene.
        span: Length and sample rate of the sound.

    Returns:
        Samples of shape (samples,), finite, with an RMS of 1.
    """
    scene = SCENES[scene_name]
    rng = stream(seed, scene_name, location)
    tilt = float(rng.uniform(*scene.room.tilt)) + float(stream(seed, city, "tilt").normal(0.0, 0.7))
    dry = background_noise(rng, span, tilt, BACKGROUND_SPREAD)
    wet = np.zeros(span.samples, np.float32)
    for name, source in scene.sources.items():
        own = stream(seed, scene_name, location, name)
        if own.random() >= source.probability:
            continue
        city_offset = float(stream(seed, city, name).normal(0.0, CITY_SPREAD))
        level = decibels(float(own.uniform(*source.level)) + city_offset + SOURCE_GAIN)
        share = float(own.uniform(*source.wet))
        if source.shared_in_city:
            sound = np.roll(source.render(stream(seed, city, name), span), int(own.integers(span.samples)))
        else:
            sound = source.render(own, span)
        dry += np.float32(level * (1.0 - share)) * sound
        wet += np.float32(level * share) * sound
    mix = dry + reverberate(rng, wet, span.rate, scene.room)
    return (mix / np.sqrt(np.mean(mix**2))).astype(np.float32)
