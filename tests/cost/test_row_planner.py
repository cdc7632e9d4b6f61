"""Row plans: run on a memory of tags, nothing is overwritten before it was read for the last time, and no row is held in vain."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwasc.cost.graph import Builder, Graph, build
from hwasc.cost.kernel_scratch import patch_bytes
from hwasc.cost.row_costs import Costs
from hwasc.cost.row_flow import Flow
from hwasc.cost.row_graph import Padding, row_graph
from hwasc.cost.row_parts import list_parts
from hwasc.cost.row_pieces import Pieces
from hwasc.cost.row_placement import arrange
from hwasc.cost.row_plan import Axis, RowPlan
from hwasc.cost.row_planner import plan_rows
from hwasc.cost.row_segments import partition
from hwasc.cost.row_shift import Shift, shift
from hwasc.cost.row_timeline import timeline
from hwasc.errors import UsageError
from hwasc.nas.declare import random_point
from hwasc.records.architecture import Architecture
from hwasc.records.presets import PRESETS
from hwasc.records.space import SearchSpace
from tests.cost.row_machine import Machine, Overwritten, random_graph
from tests.speed import seconds

AXES: tuple[Axis, ...] = ("mels", "frames")


def random_architectures(count: int, seed: int = 0) -> list[Architecture]:
    rng, found = random.Random(seed), SearchSpace.load("full")
    return [found.architecture(random_point(found, rng), 10) for _ in range(count)]


def check(plan: RowPlan, graph: Graph, padding: str) -> None:
    machine = Machine(plan, graph, padding)
    machine.run()
    order = [n for s in plan.segments for n in (*s.rows, *s.cells)]
    assert sorted(order) == list(range(len(graph.operators)))
    assert plan.lower_bound <= plan.size and plan.size % 4 == 0
    for (segment, tensor), needed in machine.held.items():
        held = plan.segments[segment].buffers[tensor].held
        assert held in (needed, machine.height(tensor)), f"segment {segment}, tensor {tensor}"


@pytest.mark.parametrize("name", PRESETS)
def test_presets_run_and_hold_no_row_in_vain(name: str) -> None:
    a = PRESETS[name]()
    graph = build(a)
    plan = plan_rows(graph, a.padding)
    check(plan, graph, a.padding)
    assert plan.size == plan.lower_bound
    for s, segment in enumerate(plan.segments[:3]):
        for tensor, rows in segment.buffers.items():
            if rows.held > 1:
                less = {**segment.buffers, tensor: replace(rows, held=rows.held - 1)}
                segments = list(plan.segments)
                segments[s] = replace(segment, buffers=less)
                with pytest.raises(Overwritten):
                    Machine(replace(plan, segments=tuple(segments)), graph, a.padding).run()


def test_presets_need_a_fraction_of_the_interpreters_memory() -> None:
    """Net and int8 features, against `fused_rows.py`'s estimate, whose input's place is free after the first segment."""
    sizes = {name: plan_rows(build(make()), "torch").size for name, make in PRESETS.items()}
    assert sizes["dcase2024_baseline"] + 256 * 65 <= 48 * 1024
    assert sizes["cp_mobile_8"] + 256 * 64 <= 27 * 1024
    assert sizes["cp_mobile"] + 256 * 64 <= 57_000 and sizes["cp_mobile_24"] + 256 * 64 <= 47_000


@pytest.mark.parametrize("padding", ["same", "torch"])
def test_random_nets_of_the_full_space_run(padding: Padding) -> None:
    for a in random_architectures(5):
        graph = build(a)
        for axis in AXES:
            check(plan_rows(graph, padding, axis=axis), graph, padding)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["same", "torch"]), st.sampled_from(AXES))
def test_any_graph_runs(seed: int, padding: Padding, axis: Axis) -> None:
    graph = random_graph(seed)
    check(plan_rows(graph, padding, axis=axis), graph, padding)


def costs_of(graph: Graph, padding: Padding, axis: Axis) -> Costs:
    rows = row_graph(graph)
    patches = [patch_bytes(graph, graph.operators[op.number], axis) for op in rows.rows]
    return Costs(Pieces(rows.along(axis, padding), Flow(rows)), patches)


def fullest(costs: Costs, segments: tuple[tuple[int, int], ...]) -> int:
    """Bytes of the fullest moment while rows run, counted from the list of buffers."""
    pieces, most, now = costs.pieces, 0, 0
    parts = list_parts(costs, segments)
    for s, (a, b) in enumerate(segments):
        alive = [
            sum(p.size for p in parts.parts.values() if p.first <= moment <= p.last)
            for moment in range(now, now + b - a + 1)
        ]
        more = costs.excess(a, b, bound=0)
        made, gone = pieces.flow.results(a, b), pieces.flow.spent(a, b)
        total, given_ = sum(pieces.sizes[z] for z in made), sum(pieces.sizes[x] for x in gone)
        most = max(most, max(alive) - min(total, given_) + more)
        now += b - a + 2 + len(parts.cells[s])
    return most


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["same", "torch"]), st.sampled_from(AXES))
def test_the_search_finds_the_best_of_all_partitions(seed: int, padding: Padding, axis: Axis) -> None:
    costs = costs_of(random_graph(seed, most=4), padding, axis)
    count, limits = len(costs.patches), costs.pieces.flow.limits
    best = None
    for size in range(min(count, 9)):
        for cuts in itertools.combinations(range(1, count), size):
            segments = tuple(itertools.pairwise((0, *cuts, count)))
            if count <= 9 and all(limits[a] >= b for a, b in segments):
                needed = fullest(costs, segments)
                best = needed if best is None else min(best, needed)
                parts = list_parts(costs, segments)
                assert arrange(tuple(parts.parts.values()), parts.shifts, bound=needed)[0] >= needed
    found = partition(costs)
    assert found is not None
    if best is not None:
        assert found.bound == best
    assert fullest(costs, found.segments) <= found.bound


def test_rows_over_the_longer_axis_take_less() -> None:
    """Where one axis alone is tried, the other needs no fewer bytes."""
    for a in random_architectures(30, seed=9):
        graph = build(a)
        if len({shape[1] > shape[2] for shape in graph.tensors if shape[1] != shape[2]}) == 1:
            plan = plan_rows(graph)
            for axis in AXES:
                other = plan_rows(graph, axis=axis)
                assert other.size >= plan.size and other.lower_bound >= plan.lower_bound


def test_a_result_lies_over_a_spent_input_as_rows_permit() -> None:
    """A convolution reads one row above the one that it makes, and writes while it reads; a sum may write over what it reads."""
    builder = Builder()
    start = builder.tensor((1, 8, 6, 4))
    x = builder.conv("stem", start, 4)
    y = builder.conv("conv", x, 4, kernel=3)
    z = builder.pointwise("add", "sum", y, constants=4)
    w = builder.conv("wide", z, 8)
    out = builder.mean("pool", w, "map")
    graph = Graph(tuple(builder.tensors), tuple(builder.operators), (start,), (out,))
    pieces = costs_of(graph, "same", "mels").pieces
    assert shift(pieces, x, y, start=1, end=2) == Shift(8 * 24 - 6 * 24, exact=False)
    assert shift(pieces, y, z, start=2, end=3) == Shift(24, exact=True)
    assert shift(pieces, x, z, start=1, end=3) == Shift(24, exact=False)
    assert shift(pieces, z, w, start=3, end=4) == Shift(8 * 48 - 7 * 24, exact=False)


def test_the_timeline_adds_up() -> None:
    for a in (PRESETS["cp_mobile_8"](), PRESETS["dcase2024_baseline"](), *random_architectures(4)):
        graph = build(a)
        plan = plan_rows(graph, a.padding)
        moments = timeline(graph, plan)
        assert [n for m in moments for n in m.operators] == [n for s in plan.segments for n in (*s.rows, *s.cells)]
        assert max(m.maps + m.lines + m.patch for m in moments) <= plan.size
        assert max(m.total for m in moments) >= plan.lower_bound
    first = timeline(build(PRESETS["cp_mobile"]()), plan_rows(build(PRESETS["cp_mobile"]()), "torch"))[0]
    assert first.maps == 64 * 16 * 32 and first.lines == 3 * 64 + 3 * 32 * 8 and first.sums == first.cells == 0


def test_a_plan_takes_a_few_milliseconds() -> None:
    sample = [build(a) for a in random_architectures(30, seed=3)]
    each = seconds(lambda: [plan_rows(graph) for graph in sample]) / len(sample)
    assert each < 12e-3, f"{each * 1e3:.2f} ms a candidate"


def _graph(make: Callable[[Builder, int], int]) -> Graph:
    builder = Builder()
    start = builder.tensor((1, 8, 6, 4))
    out = make(builder, start)
    return Graph(tuple(builder.tensors), tuple(builder.operators), (start,), (out,))


@pytest.mark.parametrize(
    "make",
    [
        lambda b, x: b.mean("pool", b.mean("pool", x, "channels"), "map"),
        lambda b, x: b.mean("pool", b.pointwise("div", "quotient", x, x), "map"),
        lambda b, x: b.mean("pool", b.pointwise("add", "sum", b.conv("a", x, 4), b.conv("b", x, 1)), "map"),
    ],
)
def test_what_cannot_run_row_by_row_is_refused(make: Callable[[Builder, int], int]) -> None:
    with pytest.raises(UsageError, match="layer"):
        plan_rows(_graph(make))


def test_more_than_one_input_is_refused() -> None:
    graph = _graph(lambda b, x: b.mean("pool", x, "map"))
    with pytest.raises(UsageError, match="2 inputs"):
        plan_rows(replace(graph, inputs=(0, 0)))
