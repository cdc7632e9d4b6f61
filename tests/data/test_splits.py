"""Folds and held-out clips: for any clips, no location is divided and no clip is lost."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwasc.data.clips import Clip
from hwasc.data.splits import folds, hold_out


def clip(number: int, scene: str, location: str) -> Clip:
    return Clip(
        id=f"{number}", path=Path("x.wav"), start=float(number), seconds=1.0, scene=scene, location=location, device="a"
    )


def table(sizes: dict[str, list[int]]) -> list[Clip]:
    """Scene to number of clips of each of its locations."""
    rows = [(s, f"{s}-{k}") for s, counts in sizes.items() for k, n in enumerate(counts) for _ in range(n)]
    return [clip(i, s, place) for i, (s, place) in enumerate(rows)]


separate_locations = st.dictionaries(
    st.sampled_from(["bus", "park", "tram", "metro"]), st.lists(st.integers(1, 9), min_size=1, max_size=8), min_size=1
).map(table)
shared_places = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("uvwxyz")), max_size=60).map(
    lambda rows: [clip(i, s, place) for i, (s, place) in enumerate(rows)]
)
any_clips = st.one_of(separate_locations, shared_places)
seeds = st.integers(0, 9)


def locations_by_scene(clips: list[Clip]) -> Counter[str]:
    return Counter(scene for scene, _ in {(c.scene, c.location) for c in clips})


@given(any_clips, st.integers(1, 6), seeds)
def test_folds_are_complete_disjoint_and_the_same_again(clips: list[Clip], count: int, seed: int) -> None:
    chosen = folds(clips, count, seed)
    assert len(chosen) == len(clips) and set(chosen) <= set(range(count))
    assert len({(c.location, f) for c, f in zip(clips, chosen, strict=True)}) == len({c.location for c in clips})
    assert folds(clips, count, seed) == chosen


@given(any_clips, st.integers(2, 5), seeds, st.randoms())
def test_folds_do_not_depend_on_the_order_of_clips(clips: list[Clip], count: int, seed: int, random: object) -> None:
    shuffled = list(clips)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    before = {c.id: f for c, f in zip(clips, folds(clips, count, seed), strict=True)}
    assert {c.id: f for c, f in zip(shuffled, folds(shuffled, count, seed), strict=True)} == before


@given(separate_locations, st.integers(2, 5), seeds)
def test_folds_are_stratified_and_balanced(clips: list[Clip], count: int, seed: int) -> None:
    chosen = folds(clips, count, seed)
    for scene, number in locations_by_scene(clips).items():
        filled = Counter(f for c, f in zip(clips, chosen, strict=True) if c.scene == scene)
        largest = max(Counter(c.location for c in clips if c.scene == scene).values())
        assert len(filled) == min(count, number)
        assert max(filled.values()) - min(filled[f] for f in range(count)) <= largest


@given(any_clips, st.floats(0.05, 0.9), seeds, st.integers(0, 2))
def test_hold_out_is_complete_disjoint_and_the_same_again(
    clips: list[Clip], share: float, seed: int, min_locations: int
) -> None:
    rest, held = hold_out(clips, share, seed, min_locations)
    assert sorted([*rest, *held], key=lambda c: int(c.id)) == clips
    assert not {c.location for c in rest} & {c.location for c in held}
    assert hold_out(clips, share, seed, min_locations) == (rest, held)
    before, after = locations_by_scene(clips), locations_by_scene(rest)
    assert all(after[scene] >= min(min_locations, number) for scene, number in before.items())


@given(separate_locations, st.floats(0.05, 0.9), seeds)
def test_hold_out_takes_about_the_share_of_every_scene(clips: list[Clip], share: float, seed: int) -> None:
    held = hold_out(clips, share, seed)[1]
    for scene, number in locations_by_scene(clips).items():
        locations = Counter(c.location for c in clips if c.scene == scene)
        out = sum(c.scene == scene for c in held)
        assert (out > 0) == (number > 1)
        if number > 1:
            assert abs(out - share * sum(locations.values())) <= max(locations.values())


@settings(max_examples=20)
@given(seeds)
def test_seeds_differ_and_shares_are_met_on_a_large_set(seed: int) -> None:
    clips = table({s: [30] * 20 for s in ("bus", "park", "tram")})
    held = hold_out(clips, 0.2, seed)[1]
    assert Counter(c.scene for c in held) == {"bus": 120, "park": 120, "tram": 120}
    assert held != hold_out(clips, 0.2, seed + 1)[1]
    assert set(Counter(folds(clips, 4, seed)).values()) == {450}


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 2.0])
def test_shares_out_of_range_are_refused(share: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        hold_out([], share, 0)


def test_a_count_of_zero_folds_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one fold"):
        folds([], 0, 0)
