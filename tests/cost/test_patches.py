"""Frequency patches: where they may begin and stop, what they compute twice, and that none of the other numbers change."""

from __future__ import annotations

import pytest

from hwasc.cost import graph as deployment
from hwasc.cost.memory import plan_greedy
from hwasc.cost.patch_choice import choose, count_of
from hwasc.cost.patch_stretches import stretches
from hwasc.cost.patches import in_patches, patched, whole
from hwasc.errors import UsageError
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import GRN, InvertedResidual
from hwasc.records.front_end import FrontEnd
from hwasc.records.patches import Patches, Stretch
from hwasc.records.presets import cp_mobile, dcase2024_baseline

BASELINE = dcase2024_baseline()


def test_a_stretch_stops_where_one_map_is_left() -> None:
    """Not inside a shortcut, not across a mean; after it, a GRN's gain is one value a channel, which is not cut."""
    assert stretches(deployment.build(BASELINE), 0) == [1, 2, 6, 10, 15, 16, 17, 18, 22, 23, 24, 25, 26]
    graph = deployment.build(cp_mobile())
    assert stretches(graph, 0) == [1, 2, 6]
    assert graph.operators[7].kind == "mean" and stretches(graph, 7) == []
    gain = next(op.inputs[1] for op in graph.operators[15:16])
    assert graph.tensors[gain] == (1, 1, 1, 32) and stretches(graph, 15) == [16, 17, 22]


def test_the_baseline_in_four_patches() -> None:
    graph = deployment.build(BASELINE)
    made = patched(BASELINE, Patches((Stretch(4, 0, 15),)))
    macs = [sum(op.macs for op in g.operators) for g in (graph, made.graph)]
    assert round(100 * (macs[1] / macs[0] - 1), 1) == 18.6
    assert plan_greedy(made.graph).head == 100_928 < plan_greedy(graph).head == 210_944
    cut = [op.kind for op in made.graph.operators]
    assert cut.count("slice") == 8 and cut.count("concat") == 1
    assert [i for i in made.operators if i is not None][-11:] == list(range(16, 27))


def test_patches_share_constants_and_keep_every_learned_number() -> None:
    graph = deployment.build(BASELINE)
    made = patched(BASELINE, Patches((Stretch(3, 2, 10),))).graph
    own = [op for op in made.operators if op.shares is None]
    for name in ("weights", "biases", "parameters"):
        assert sum(getattr(op, name) for op in own) == sum(getattr(op, name) for op in graph.operators), name
    assert all(made.operators[op.shares].layer == op.layer for op in made.operators if op.shares is not None)


def test_whole_is_the_graph_itself() -> None:
    graph = deployment.build(BASELINE)
    assert whole(graph).graph is graph and whole(graph).operators == tuple(range(27))


def test_more_patches_than_rows_are_none() -> None:
    a = Architecture(FrontEnd.for_clip(12, 9), (4, 8), (InvertedResidual(3, 16, 8, (1, 1), True, GRN()),), 3)
    assert in_patches(deployment.build(a), a.padding, Patches((Stretch(4, 0, 2),))) is None
    with pytest.raises(UsageError, match="this net cannot run so: operators 1 to 2 in 4 patches"):
        patched(a, Patches((Stretch(4, 0, 2),)))
    with pytest.raises(UsageError, match="cannot run in 10 patches"):
        choose(a, 10)


@pytest.mark.parametrize("bad", [((1, 0, 2),), ((11, 0, 2),), ((2, 2, 2),), ((2, 0, 6), (2, 5, 8)), ()])
def test_impossible_records_are_refused(bad: tuple[tuple[int, int, int], ...]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Patches(tuple(Stretch(*numbers) for numbers in bad))


def test_the_number_is_read_as_a_person_writes_it() -> None:
    assert count_of("auto") is None and count_of("4") == 4
    for text in ("1", "11", "four", "-2", "2.0"):
        with pytest.raises(UsageError, match="expected auto or a number from 2 to 10"):
            count_of(text)


@pytest.mark.parametrize(
    ("a", "count", "planner", "before", "at_most", "macs"),
    [
        (BASELINE, 4, "offline", 192_112, 130_592, 0.19),
        (cp_mobile(), 4, "greedy", 263_408, 158_720, 0.07),
        (cp_mobile(base=8), None, "greedy", 79_376, 67_696, 0.03),
    ],
    ids=["baseline", "cp_mobile", "cp_mobile_8"],
)
def test_what_patches_save(
    a: Architecture, count: int | None, planner: str, before: int, at_most: int, macs: float
) -> None:
    found = choose(a, count, planner)  # type: ignore[arg-type]
    assert found.whole.arena == before and found.chosen.arena <= at_most and 0 < found.more_macs < macs
    assert "more MACs" in str(found)


def test_auto_leaves_a_net_whole_where_the_tail_would_grow_more() -> None:
    a = Architecture(FrontEnd.for_clip(40, 17), (2, 4), (InvertedResidual(3, 8, 4),), 3)
    found = choose(a)
    assert found.chosen == found.whole and found.chosen.patches is None and str(found).startswith("no patches")
