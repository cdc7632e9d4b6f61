"""The ten scenes: which sources each is made of, how loud and how far away they are, and in what room."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import numpy as np

from . import events, machines, nature, voices
from .rooms import Room, bed, reverberate
from .signals import Array, Source, Span, decibels, stream

CITIES = ("barcelona", "helsinki", "lisbon", "london", "lyon", "paris", "prague", "vienna")

BED_SPREAD = 4.0  # dB; how far the spectra of locations differ
LIFT = 5.0  # dB; added to every level below: how clearly the sources stand out of the bed
CITY_SPREAD = 2.0  # dB; how far a city's habit of each source differs from the others'


@dataclass(frozen=True)
class Ingredient:
    """One source of a scene.

    presence: share of the locations that have it. level: range in dB of its loudest moments over the bed.
    wet: range of the share that arrives through the room's reverberation. civic: the city has one model of it
    (the same door chime in all its trains), so it sounds alike at all locations of that city.
    """

    source: Source
    presence: float
    level: tuple[float, float]
    wet: tuple[float, float] = (0.0, 0.4)
    civic: bool = False


@dataclass(frozen=True)
class Scene:
    """A scene: its ingredients by name and its kind of room."""

    ingredients: Mapping[str, Ingredient]
    room: Room


def _scene(room: Room, **ingredients: Ingredient) -> Scene:
    return Scene(MappingProxyType(ingredients), room)


_HALL, _MALL = Room((1.2, 2.5), (3.5, 6.5)), Room((0.8, 1.8), (3.5, 6.5))
_PLATFORM, _CABIN = Room((1.0, 2.2), (3.5, 6.5)), Room((0.12, 0.35), (4.5, 7.5))
_STREET, _SQUARE, _OPEN = Room((0.3, 0.8), (3.5, 6.5)), Room((0.4, 1.0), (3.0, 6.0)), Room((0.2, 0.6), (2.5, 5.5))
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
            babble=Ingredient(voices.babble, 0.9, (-12, 2), _FAR),
            announcement=Ingredient(voices.announcement, 0.8, (-4, 8), _FAR),
            suitcase=Ingredient(machines.suitcase, 0.95, (-4, 8), _MIDDLE),
            footsteps=Ingredient(partial(_stone, walkers=(1, 3)), 0.6, (-10, 2), _MIDDLE),
            jet=Ingredient(machines.jet, 0.5, (-8, 4)),
            ventilation=Ingredient(machines.ventilation, 0.5, (-10, 2)),
            talker=Ingredient(voices.talker, 0.2, (-6, 4)),
        ),
        "shopping_mall": _scene(
            _MALL,
            babble=Ingredient(voices.babble, 0.9, (-8, 4), _MIDDLE),
            music=Ingredient(events.music, 0.95, (-3, 7), _MIDDLE),
            footsteps=Ingredient(partial(_stone, walkers=(2, 5)), 0.7, (-8, 4), _MIDDLE),
            tills=Ingredient(events.tills, 0.5, (-6, 4), _MIDDLE, civic=True),
            escalator=Ingredient(machines.escalator, 0.2, (-8, 2)),
            announcement=Ingredient(voices.announcement, 0.15, (-6, 4), _FAR),
            clatter=Ingredient(events.clatter, 0.3, (-10, 0), _MIDDLE),
            ventilation=Ingredient(machines.ventilation, 0.4, (-10, 2)),
        ),
        "metro_station": _scene(
            _PLATFORM,
            arriving=Ingredient(machines.arriving_train, 0.85, (0, 10), _MIDDLE),
            escalator=Ingredient(machines.escalator, 0.7, (-4, 6), _MIDDLE),
            door_chime=Ingredient(events.door_chime, 0.5, (-6, 6), _FAR, civic=True),
            announcement=Ingredient(voices.announcement, 0.35, (-4, 6), _FAR),
            footsteps=Ingredient(partial(_stone, walkers=(2, 5)), 0.7, (-4, 6), _FAR),
            babble=Ingredient(voices.babble, 0.5, (-12, 0), _FAR),
            inverter=Ingredient(machines.inverter, 0.25, (-8, 2), _FAR),
        ),
        "street_pedestrian": _scene(
            _STREET,
            footsteps=Ingredient(partial(_pavement, walkers=(2, 5)), 0.95, (0, 10)),
            talker=Ingredient(voices.talker, 0.8, (-2, 8)),
            babble=Ingredient(voices.babble, 0.5, (-10, 0)),
            clatter=Ingredient(events.clatter, 0.4, (-8, 2)),
            traffic=Ingredient(machines.distant_traffic, 0.6, (-8, 2)),
            wheels=Ingredient(events.wheels_on_stone, 0.25, (-6, 4)),
            birds=Ingredient(_few_birds, 0.2, (-12, -2)),
            music=Ingredient(events.music, 0.15, (-10, 0), _MIDDLE),
        ),
        "public_square": _scene(
            _SQUARE,
            fountain=Ingredient(nature.fountain, 0.7, (-4, 6)),
            children=Ingredient(voices.children, 0.7, (-4, 6), _MIDDLE),
            pigeons=Ingredient(nature.pigeons, 0.5, (-2, 6)),
            bell=Ingredient(events.church_bell, 0.35, (-4, 6), _MIDDLE),
            wheels=Ingredient(events.wheels_on_stone, 0.4, (-6, 6)),
            babble=Ingredient(voices.babble, 0.6, (-12, 0), _MIDDLE),
            footsteps=Ingredient(partial(_pavement, walkers=(1, 3)), 0.5, (-8, 2)),
            traffic=Ingredient(machines.distant_traffic, 0.6, (-8, 4)),
            birds=Ingredient(_few_birds, 0.3, (-12, -2)),
        ),
        "street_traffic": _scene(
            _STREET,
            cars=Ingredient(machines.passing_cars, 0.95, (2, 12)),
            idle=Ingredient(machines.petrol_idle, 0.5, (-8, 4)),
            crossing=Ingredient(events.crossing, 0.5, (-8, 4), civic=True),
            horn=Ingredient(events.horn, 0.3, (-4, 6)),
            traffic=Ingredient(machines.distant_traffic, 0.8, (-4, 4)),
            rain=Ingredient(nature.rain, 0.15, (-10, 0)),
            birds=Ingredient(_few_birds, 0.2, (-12, -2)),
            footsteps=Ingredient(partial(_pavement, walkers=(1, 2)), 0.3, (-10, 0)),
        ),
        "tram": _scene(
            _CABIN,
            joints=Ingredient(_tram_joints, 0.9, (0, 10)),
            whine=Ingredient(machines.traction_whine, 0.95, (-6, 5)),
            gong=Ingredient(events.tram_gong, 0.4, (-8, 4), civic=True),
            squeal=Ingredient(machines.squeal, 0.3, (-12, 0)),
            rolling=Ingredient(_tram_rolling, 0.7, (-8, 4)),
            rattle=Ingredient(machines.rattle, 0.2, (-8, 2)),
            talker=Ingredient(voices.talker, 0.4, (-8, 2)),
        ),
        "bus": _scene(
            _CABIN,
            diesel=Ingredient(machines.diesel, 0.9, (0, 10)),
            rattle=Ingredient(machines.rattle, 0.9, (-4, 8)),
            air=Ingredient(machines.air_brake, 0.4, (-4, 6)),
            indicator=Ingredient(machines.indicator, 0.4, (-8, 4)),
            stop=Ingredient(events.stop_request, 0.3, (-8, 4), civic=True),
            talker=Ingredient(voices.talker, 0.4, (-8, 2)),
            traffic=Ingredient(machines.distant_traffic, 0.3, (-8, 2)),
        ),
        "metro": _scene(
            _CABIN,
            rolling=Ingredient(_metro_rolling, 0.9, (-2, 8)),
            joints=Ingredient(_metro_joints, 0.95, (0, 10)),
            inverter=Ingredient(machines.inverter, 0.9, (-6, 5)),
            squeal=Ingredient(machines.squeal, 0.25, (-12, 0)),
            door_chime=Ingredient(events.door_chime, 0.2, (-8, 2), civic=True),
            talker=Ingredient(voices.talker, 0.3, (-8, 2)),
            announcement=Ingredient(voices.announcement, 0.2, (-8, 2)),
        ),
        "park": _scene(
            _OPEN,
            birds=Ingredient(_many_birds, 0.95, (-10, 2)),
            leaves=Ingredient(nature.leaves, 0.6, (-10, 0)),
            gravel=Ingredient(events.gravel, 0.5, (-6, 4)),
            wind=Ingredient(nature.wind, 0.5, (-6, 6)),
            insects=Ingredient(nature.insects, 0.3, (-14, -4)),
            dog=Ingredient(nature.dog, 0.25, (-8, 2)),
            children=Ingredient(voices.children, 0.25, (-12, -2)),
            traffic=Ingredient(machines.distant_traffic, 0.5, (-8, 2)),
            rain=Ingredient(nature.rain, 0.1, (-12, -4)),
        ),
    }
)


def record(seed: int, scene_name: str, city: str, place: object, span: Span) -> Array:
    """What a perfect microphone hears at one location, shape (samples,), finite, RMS 1.

    `place` names the location within its scene; everything that is drawn depends on the seed and these names only.
    """
    scene = SCENES[scene_name]
    rng = stream(seed, scene_name, place)
    tilt = float(rng.uniform(*scene.room.tilt)) + float(stream(seed, city, "tilt").normal(0.0, 0.7))
    dry = bed(rng, span, tilt, BED_SPREAD)
    wet = np.zeros(span.samples, np.float32)
    for name, ingredient in scene.ingredients.items():
        own = stream(seed, scene_name, place, name)
        if own.random() >= ingredient.presence:
            continue
        habit = float(stream(seed, city, name).normal(0.0, CITY_SPREAD))
        level = decibels(float(own.uniform(*ingredient.level)) + habit + LIFT)
        share = float(own.uniform(*ingredient.wet))
        if ingredient.civic:
            sound = np.roll(ingredient.source(stream(seed, city, name), span), int(own.integers(span.samples)))
        else:
            sound = ingredient.source(own, span)
        dry += np.float32(level * (1.0 - share)) * sound
        wet += np.float32(level * share) * sound
    mix = dry + reverberate(rng, wet, span.rate, scene.room)
    return (mix / np.sqrt(np.mean(mix**2))).astype(np.float32)
