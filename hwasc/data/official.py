"""Counts of the TAU Urban Acoustic Scenes 2022 Mobile development set and of the DCASE subsets.

They were counted in the official lists, and agree with the tables in the README of the data set (Zenodo 6337421).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

PARTS = ("train", "evaluate", "neither")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Official counts of a data set.

    Attributes:
        name: Title of the data set.
        clips: Number of all clips.
        segments: Number of recordings from which the clips were cut.
        counts: Clips by part (train, evaluate, neither), group (all, scene, device) and name.
        subsets: Clips of each training subset.
        fingerprints: Hash of the file names of each part, see `fingerprint`.
        seconds: Length of a clip in seconds.
        rate: Sample rate in Hz.
    """

    name: str
    clips: int
    segments: int
    counts: Mapping[str, Mapping[str, Mapping[str, int]]]
    subsets: Mapping[str, int]
    fingerprints: Mapping[str, str]
    seconds: float
    rate: int


def fingerprint(names: Iterable[str]) -> str:
    """Hash a set of file names, in any order, to 16 hexadecimal digits."""
    return hashlib.blake2b("\n".join(sorted(names)).encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def segment(name: str) -> str:
    """Name of the recording from which a clip was cut: `audio/airport-lisbon-1000-40000-3-a.wav` without the 3."""
    match name.rsplit("-", 2):
        case [recording, number, device] if number.isdigit():
            return f"{recording}-{device}"
    return name


def subset_faults(train: Sequence[str], subsets: Mapping[str, Sequence[str]]) -> list[str]:
    """Check the rules of training subsets.

    Every subset is a part of the next larger one, and the largest is a part of the training list. A subset contains all clips
    of a recording or none.

    Args:
        train: File names of the training list.
        subsets: File names of each subset, by its percentage.

    Returns:
        A message for each rule that is broken.
    """
    faults, larger, within = [], set(train), "fold1_train.csv"
    whole = Counter(map(segment, train))
    for name in sorted(subsets, key=int, reverse=True):
        chosen = set(subsets[name])
        if extra := chosen - larger:
            faults.append(f"split{name}.csv has {len(extra):,} clips that {within} has not, first {min(extra)}")
        partial = [s for s, n in Counter(map(segment, chosen)).items() if n != whole[s] and s in whole]
        if partial:
            faults.append(f"split{name}.csv has only some clips of {len(partial):,} recordings, first {min(partial)}")
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
    fingerprints={"train": "2166d3c42bee0f67", "evaluate": "b3c9d9f3187eed94", "neither": "c5c61065740fcae2"},
    seconds=1.0,
    rate=44_100,
)  # fmt: skip
