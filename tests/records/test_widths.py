"""Channel counts by name: shortcuts share one, resizing changes them and nothing else."""

from __future__ import annotations

import dataclasses
import random

from hwasc.nas.declare import random_point
from hwasc.records.presets import PRESETS
from hwasc.records.space import SearchSpace
from hwasc.records.widths import resized, widths


def test_a_run_of_shortcuts_has_one_width() -> None:
    a = PRESETS["cp_mobile"]()  # three blocks of 32, two of 72, one of 168; those without a shortcut change the count
    assert widths(a) == {
        "stem.0": 8, "stem.1": 32, "blocks.0.expanded": 96, "blocks.1.expanded": 96, "blocks.2.expanded": 96,
        "blocks.3.expanded": 96, "blocks.3.channels": 72, "blocks.4.expanded": 216, "blocks.5.expanded": 216,
        "blocks.5.channels": 168,
    }  # fmt: skip
    b = resized(a, widths(a) | {"stem.1": 24, "blocks.4.expanded": 100})
    assert [x.channels for x in b.blocks] == [24, 24, 24, 72, 72, 168] and b.blocks[4].expanded == 100
    assert b.stem == (8, 24) and dataclasses.replace(b, stem=a.stem, blocks=a.blocks) == a


def test_resizing_gives_the_widths_asked_for_and_keeps_the_rest() -> None:
    space, rng = SearchSpace.load("full"), random.Random(0)
    for _ in range(100):
        a = space.architecture(random_point(space, rng), 10)
        assert resized(a, widths(a)) == a
        counts = {name: rng.randrange(1, 99) for name in widths(a)}
        b = resized(a, counts)
        assert widths(b) == counts
        for old, new in zip(a.blocks, b.blocks, strict=True):
            assert dataclasses.replace(new, expanded=old.expanded, channels=old.channels) == old
