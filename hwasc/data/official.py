"""What TAU Urban Acoustic Scenes 2022 Mobile's development set and the DCASE subsets are known to hold.

Counted on the official lists; they agree with the tables of the data set's own README (Zenodo 6337421).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

PARTS = ("train", "evaluate", "neither")


@dataclass(frozen=True)
class Facts:
    """Clips by part (train, evaluate, neither), group (all, scene, device) and name; `subsets` of train by their name.

    marks: `fingerprint` of each part's file names. segments: recordings that clips were cut from. rate: Hz.
    """

    name: str
    clips: int
    segments: int
    counts: Mapping[str, Mapping[str, Mapping[str, int]]]
    subsets: Mapping[str, int]
    marks: Mapping[str, str]
    seconds: float
    rate: int


def fingerprint(names: Iterable[str]) -> str:
    """A mark of a set of file names, whatever their order: 16 hexadecimal digits."""
    return hashlib.blake2b("\n".join(sorted(names)).encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def segment(name: str) -> str:
    """The recording that a clip was cut from: `audio/airport-lisbon-1000-40000-3-a.wav` without the 3."""
    match name.rsplit("-", 2):
        case [place, number, device] if number.isdigit():
            return f"{place}-{device}"
    return name


def subset_faults(train: Sequence[str], subsets: Mapping[str, Sequence[str]]) -> list[str]:
    """What is wrong with subsets of the training list, a sentence each: each lies whole in the next larger one and in the
    training list, and holds a recording whole or not at all.
    """
    faults, larger, within = [], set(train), "fold1_train.csv"
    whole = Counter(map(segment, train))
    for name in sorted(subsets, key=int, reverse=True):
        chosen = set(subsets[name])
        if foreign := chosen - larger:
            faults.append(f"split{name}.csv has {len(foreign):,} clips that {within} has not, first {min(foreign)}")
        torn = [s for s, n in Counter(map(segment, chosen)).items() if n != whole[s] and s in whole]
        if torn:
            faults.append(f"split{name}.csv holds {len(torn):,} recordings in part, first {min(torn)}")
        larger, within = chosen, f"split{name}.csv"
    return faults


_SCENES = ("airport", "bus", "metro", "metro_station", "park", "public_square", "shopping_mall", "street_pedestrian",
           "street_traffic", "tram")  # fmt: skip


def _part(scenes: Sequence[int], devices: Mapping[str, int]) -> dict[str, dict[str, int]]:
    return {
        "all": {"clips": sum(scenes)},
        "scene": dict(zip(_SCENES, scenes, strict=True)),
        "device": dict(devices),
    }


TAU2022 = Facts(
    name="TAU Urban Acoustic Scenes 2022 Mobile, development dataset",
    clips=230_350,
    segments=23_035,
    counts={
        "train": _part(
            (13_930, 14_000, 13_820, 13_800, 14_290, 14_270, 13_730, 13_860, 14_130, 13_790),
            {"a": 102_150, "b": 7_490, "c": 7_480, "s1": 7_500, "s2": 7_500, "s3": 7_500},
        ),
        "evaluate": _part(
            (2_960, 2_970, 2_970, 2_970, 2_970, 2_970, 2_970, 2_970, 2_970, 2_960),
            {"a": 3_300, "b": 3_290, "c": 3_290, "s1": 3_300, "s2": 3_300, "s3": 3_300, "s4": 3_300, "s5": 3_300,
             "s6": 3_300},
        ),
        "neither": _part(
            (6_130, 6_070, 6_250, 6_270, 5_780, 5_790, 6_330, 6_210, 5_940, 6_280),
            {"a": 38_550, "s4": 7_500, "s5": 7_500, "s6": 7_500},
        ),
    },
    subsets={"5": 6_980, "10": 13_960, "25": 34_900, "50": 69_800},
    marks={"train": "2166d3c42bee0f67", "evaluate": "b3c9d9f3187eed94", "neither": "c5c61065740fcae2"},
    seconds=1.0,
    rate=44_100,
)  # fmt: skip
