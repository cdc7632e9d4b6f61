"""The greedy plan: valid, bounded, and equal to a brute-force reading of the rules on small graphs."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from hwasc.cost import graph as deployment
from hwasc.cost.graph import Graph, Operator
from hwasc.cost.memory import Buffer, lifetimes, live, place, plan_greedy
from hwasc.records.presets import PRESETS

buffers = st.lists(st.tuples(st.integers(1, 20), st.integers(0, 8), st.integers(0, 4)), min_size=1, max_size=12).map(
    lambda rows: [Buffer(i, 16 * size, first, first + length) for i, (size, first, length) in enumerate(rows)]
)


def overlaps(a: Buffer, b: Buffer) -> bool:
    return a.first <= b.last and b.first <= a.last


@settings(max_examples=300, deadline=None)
@given(buffers)
def test_no_two_live_buffers_overlap_and_each_lies_lowest(order: list[Buffer]) -> None:
    offsets = place(order)
    for a, b in itertools.combinations(order, 2):
        if overlaps(a, b):
            assert offsets[a.tensor] + a.size <= offsets[b.tensor] or offsets[b.tensor] + b.size <= offsets[a.tensor]
    for i, a in enumerate(order):  # brute force: no lower offset on the 16-byte grid was free when it was placed
        for lower in range(0, offsets[a.tensor], 16):
            assert any(
                overlaps(a, b) and lower < offsets[b.tensor] + b.size and offsets[b.tensor] < lower + a.size
                for b in order[:i]
            )


@settings(max_examples=100, deadline=None)
@given(buffers)
def test_live_memory_is_the_sum_at_each_step(rows: list[Buffer]) -> None:
    steps = max(b.last for b in rows) + 1
    assert live(rows) == [sum(b.size for b in rows if b.first <= t <= b.last) for t in range(steps)]


def test_the_rules_on_a_graph_by_hand() -> None:
    """in -> a -> b, and a sum of a and b: 'a' lives over both; sizes are rounded up to 16."""
    shapes = ((1, 1, 1, 10), (1, 1, 1, 33), (1, 1, 1, 20), (1, 1, 1, 33))
    ops = (
        Operator("conv", "a", (0,), 1),
        Operator("conv", "b", (1,), 2),
        Operator("add", "sum", (1, 2), 3),
    )
    graph = Graph(shapes, ops, (0,), (3,))
    assert lifetimes(graph) == [Buffer(0, 16, 0, 1), Buffer(1, 48, 1, 3), Buffer(2, 32, 2, 3), Buffer(3, 48, 3, 3)]
    plan = plan_greedy(graph)
    # largest first, the later of the equals first: 3 at 0, 1 beside it, 2 above both, the input where 3 will be
    assert plan.offsets == {3: 0, 1: 48, 2: 96, 0: 0}
    assert (plan.head, plan.lower_bound) == (128, 128)


def test_plans_of_the_presets_stay_between_bound_and_sum() -> None:
    for make in PRESETS.values():
        plan = plan_greedy(deployment.build(make()))
        assert plan.lower_bound <= plan.head <= sum(b.size for b in plan.buffers)
        assert plan.head % 16 == 0


def test_a_mean_takes_kernel_scratch() -> None:
    """Figures of the interpreter itself for one MEAN over 2x2x512, 3x3x300 and 1x1x1024 (tflite-micro, October 2026)."""
    for side, channels, head in ((2, 512, 4_640), (3, 300, 4_240), (1, 1_024, 6_176)):
        shapes = ((1, side, side, channels), (1, 1, 1, channels))
        assert plan_greedy(Graph(shapes, (Operator("mean", "pool", (0,), 1),), (0,), (1,))).head == head
