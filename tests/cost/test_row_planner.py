"""Row plans: run on a memory of tags, nothing is overwritten before it was read for the last time, and no row is held in vain."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from hwasc.cost.graph import Builder, Graph, Operator, build
from hwasc.cost.kernel_scratch import patch_bytes
from hwasc.cost.row_plan import RowPlan, Segment
from hwasc.cost.row_planner import plan_rows
from hwasc.errors import UsageError
from hwasc.nas.declare import random_point
from hwasc.records.architecture import Architecture
from hwasc.records.presets import PRESETS
from hwasc.records.space import SearchSpace

WINDOWED = ("conv", "depthwise", "average_pool")


class Overwritten(Exception):
    """A row was not what was written there."""


class Machine:
    """Runs a plan as the engine does, with a tag for each row in place of its bytes."""

    def __init__(self, plan: RowPlan, graph: Graph, padding: str) -> None:
        self.plan, self.graph, self.padding = plan, graph, padding
        self.along = 1 if plan.axis == "mels" else 2
        self.memory = np.full(plan.size, -1, np.int64)
        self.done: set[int] = set()

    def height(self, tensor: int) -> int:
        return self.graph.tensors[tensor][self.along]

    def place(self, segment: Segment, tensor: int, row: int) -> slice:
        rows = segment.buffers[tensor]
        _, h, w, c = self.graph.tensors[tensor]
        size = h * w * c // self.height(tensor)
        assert rows.offset % 4 == 0 and rows.bytes % 4 == 0 and size <= rows.bytes < size + 4
        at = rows.offset + row % rows.held * rows.bytes
        assert rows.offset >= 0 and rows.offset + rows.held * rows.bytes <= self.plan.size
        return slice(at, at + rows.bytes)

    def tag(self, tensor: int, row: int) -> int:
        return tensor * 1_000 + row

    def write(self, segment: Segment, tensor: int, row: int) -> None:
        self.memory[self.place(segment, tensor, row)] = self.tag(tensor, row)

    def check(self, segment: Segment, tensor: int, row: int) -> None:
        if not (self.memory[self.place(segment, tensor, row)] == self.tag(tensor, row)).all():
            raise Overwritten(f"tensor {tensor} row {row}")

    def window(self, op: Operator, tensor: int, row: int) -> tuple[int, int]:
        """First and last input row."""
        if op.kind not in WINDOWED:
            return (row, row)
        kernel, stride = op.window[self.along - 1], op.stride[self.along - 1]
        height, out = self.height(tensor), self.height(op.output)
        pad = kernel // 2 if self.padding == "torch" else max((out - 1) * stride + kernel - height, 0) // 2
        return max(0, row * stride - pad), min(height - 1, row * stride - pad + kernel - 1)

    def run(self) -> None:
        for number, segment in enumerate(self.plan.segments):
            self.segment(number, segment)
        for tensor in self.graph.outputs:
            for row in range(self.height(tensor)):
                self.check(self.plan.segments[-1], tensor, row)

    def segment(self, number: int, segment: Segment) -> None:
        graph, start = self.graph, self.graph.inputs[0]
        operators: dict[int, Operator] = {n: graph.operators[n] for n in segment.rows}
        order = list(segment.rows)
        if start in segment.buffers:
            order.insert(0, -1)
            operators[-1] = Operator("conv", "load", (), start)
        sums = {}
        for k, (n, offset) in enumerate(segment.sums.items()):
            assert offset % 4 == 0
            sums[n] = (slice(offset, offset + 4 * graph.tensors[graph.operators[n].output][3]), -1_000 * number - k - 7)
            self.memory[sums[n][0]] = sums[n][1]
        assert set(sums) == {n for n in order if operators[n].kind == "mean"}
        made = {op.output: 0 for op in operators.values() if op.kind != "mean"}
        counts = dict.fromkeys(order, 0)
        total = {n: self.height(op.inputs[0] if op.kind == "mean" else op.output) for n, op in operators.items()}
        while any(counts[n] < total[n] for n in order):
            n = next(
                n
                for n in reversed(order)
                if counts[n] < total[n]
                and all(
                    i not in made or self.window(operators[n], i, counts[n])[1] < made[i]
                    for i in self.maps(operators[n])
                )
            )
            self.step(segment, operators[n], counts[n], sums.get(n))
            counts[n] += 1
            if operators[n].output in made:
                made[operators[n].output] += 1
        for n, (where, tag) in sums.items():
            assert (self.memory[where] == tag).all(), "sums"
            self.write(segment, graph.operators[n].output, 0)
            self.done.add(n)
        for n in segment.cells:
            for i in graph.operators[n].inputs:
                self.check(segment, i, 0)
            self.write(segment, graph.operators[n].output, 0)
            for i in graph.operators[n].inputs:
                if i != graph.operators[n].output:
                    self.check(segment, i, 0)
        self.done |= set(segment.rows) | set(segment.cells)

    def maps(self, op: Operator) -> list[int]:
        shape = self.graph.tensors[op.output]
        return [i for i in op.inputs if op.kind in (*WINDOWED, "mean") or self.graph.tensors[i] == shape]

    def step(self, segment: Segment, op: Operator, row: int, sums: tuple[slice, int] | None) -> None:
        graph = self.graph

        def check() -> None:
            for i in op.inputs:
                first, last = self.window(op, i, row) if i in self.maps(op) else (0, 0)
                for r in range(first, last + 1):
                    self.check(segment, i, r)

        check()
        if op.layer != "load":
            patch = patch_bytes(graph, op, self.plan.axis)
            assert segment.patch % 4 == 0 or patch == 0
            self.memory[segment.patch : segment.patch + patch] = -3
        if sums:
            assert (self.memory[sums[0]] == sums[1]).all(), "sums"
        else:
            if op.kind in WINDOWED:  # the kernels read while they write
                self.write(segment, op.output, row)
                check()
                if op.layer != "load":
                    assert (self.memory[segment.patch : segment.patch + patch] == -3).all()
            self.write(segment, op.output, row)


def random_architectures(count: int, space: str = "full", seed: int = 0) -> list[Architecture]:
    rng, found = random.Random(seed), SearchSpace.load(space)
    return [found.architecture(random_point(found, rng), 10) for _ in range(count)]


def check(plan: RowPlan, graph: Graph, padding: str) -> None:
    Machine(plan, graph, padding).run()
    order = [n for s in plan.segments for n in (*s.rows, *s.cells)]
    assert sorted(order) == list(range(len(graph.operators)))
    assert plan.lower_bound <= plan.size


@pytest.mark.parametrize("name", PRESETS)
def test_presets_run_and_hold_no_row_in_vain(name: str) -> None:
    a = PRESETS[name]()
    graph = build(a)
    plan = plan_rows(graph, a.padding)
    check(plan, graph, a.padding)
    for s, segment in enumerate(plan.segments):
        for tensor, rows in segment.buffers.items():
            if rows.held > 1:
                less = {**segment.buffers, tensor: replace(rows, held=rows.held - 1)}
                segments = list(plan.segments)
                segments[s] = replace(segment, buffers=less)
                with pytest.raises(Overwritten):
                    Machine(replace(plan, segments=tuple(segments)), graph, a.padding).run()


@pytest.mark.parametrize("padding", ["same", "torch"])
def test_random_nets_of_the_full_space_run(padding: str) -> None:
    for a in random_architectures(12):
        graph = build(a)
        for axis in ("mels", "frames"):
            check(plan_rows(graph, padding, axis=axis), graph, padding)  # type: ignore[arg-type]


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
    ],
)
def test_what_cannot_run_row_by_row_is_refused(make: Callable[[Builder, int], int]) -> None:
    with pytest.raises(UsageError, match="layer"):
        plan_rows(_graph(make))
