"""A machine that runs a row plan as the engine in C does, with a tag in place of each row's bytes; and graphs to run."""

from __future__ import annotations

import random

import numpy as np

from hwasc.cost.graph import Builder, Graph, Operator
from hwasc.cost.kernel_scratch import patch_bytes
from hwasc.cost.row_plan import RowPlan, Segment
from hwasc.records.blocks import GRN

WINDOWED = ("conv", "depthwise", "average_pool")


class Overwritten(Exception):
    """A row was not what was written there."""


class Machine:
    """Runs a plan.

    Attributes:
        held: The most rows of a line buffer that were needed at once, by segment and tensor.
    """

    def __init__(self, plan: RowPlan, graph: Graph, padding: str) -> None:
        self.plan, self.graph, self.padding = plan, graph, padding
        self.along = 1 if plan.axis == "mels" else 2
        self.memory = np.full(plan.size, -1, np.int64)
        self.held: dict[tuple[int, int], int] = {}

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

    def write(self, segment: Segment, tensor: int, row: int) -> None:
        self.memory[self.place(segment, tensor, row)] = tensor * 1_000 + row

    def check(self, segment: Segment, tensor: int, row: int) -> None:
        if not (self.memory[self.place(segment, tensor, row)] == tensor * 1_000 + row).all():
            raise Overwritten(f"tensor {tensor} row {row}")

    def window(self, op: Operator, row: int) -> tuple[int, int]:
        """First and last input row."""
        if op.kind not in WINDOWED:
            return (row, row)
        kernel, stride = op.window[self.along - 1], op.stride[self.along - 1]
        height, out = self.height(op.inputs[0]), self.height(op.output)
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
                    i not in made or self.window(operators[n], counts[n])[1] < made[i] for i in self.maps(operators[n])
                )
            )
            tensor = operators[n].output
            if tensor in made:
                self.count(number, tensor, made[tensor], operators, counts, total)
            self.step(segment, operators[n], counts[n], sums.get(n))
            counts[n] += 1
            if tensor in made:
                made[tensor] += 1
        for n, (where, tag) in sums.items():
            assert (self.memory[where] == tag).all(), "sums"
            self.write(segment, graph.operators[n].output, 0)
        for n in segment.cells:
            for i in graph.operators[n].inputs:
                self.check(segment, i, 0)
            self.write(segment, graph.operators[n].output, 0)
            for i in graph.operators[n].inputs:
                self.check(segment, i, 0)

    def count(
        self,
        number: int,
        tensor: int,
        row: int,
        operators: dict[int, Operator],
        counts: dict[int, int],
        total: dict[int, int],
    ) -> None:
        """Rows from the first one that is still read to the one that is made."""
        readers = [n for n, op in operators.items() if tensor in self.maps(op) and counts[n] < total[n]]
        lowest = min([row, *(self.window(operators[n], counts[n])[0] for n in readers)])
        self.held[number, tensor] = max(self.held.get((number, tensor), 1), row - lowest + 1)

    def maps(self, op: Operator) -> list[int]:
        shape = self.graph.tensors[op.output]
        return [i for i in op.inputs if op.kind in (*WINDOWED, "mean") or self.graph.tensors[i] == shape]

    def step(self, segment: Segment, op: Operator, row: int, sums: tuple[slice, int] | None) -> None:
        graph = self.graph

        def check() -> None:
            for i in op.inputs:
                first, last = self.window(op, row) if i in self.maps(op) else (0, 0)
                for r in range(first, last + 1):
                    self.check(segment, i, r)

        check()
        patch = patch_bytes(graph, op, self.plan.axis) if op.layer != "load" else 0
        assert segment.patch % 4 == 0
        self.memory[segment.patch : segment.patch + patch] = -3
        if sums:
            assert (self.memory[sums[0]] == sums[1]).all(), "sums"
            return
        if op.kind in WINDOWED and op.layer != "load":  # the kernels read while they write
            self.write(segment, op.output, row)
            check()
            assert (self.memory[segment.patch : segment.patch + patch] == -3).all()
        self.write(segment, op.output, row)


def random_graph(seed: int, most: int = 12) -> Graph:
    """A graph of any form that the engine can run, with dead ends, long shortcuts and several means."""
    rng = random.Random(seed)
    builder = Builder()
    start = builder.tensor((1, rng.randint(3, 24), rng.randint(3, 9), rng.randint(1, 3)))
    maps = [builder.conv("stem", start, rng.randint(1, 5), kernel=rng.choice([1, 3, 5]), stride=(rng.randint(1, 2), 1))]
    for k in range(rng.randint(2, most)):
        layer = f"l{k}"
        x = maps[-1] if rng.random() < 0.7 else rng.choice(maps)
        same = [t for t in maps if builder.tensors[t] == builder.tensors[x]]
        kind = rng.choice(["conv", "conv", "depthwise", "pool", "add", "add", "mul", "grn", "gain", "start"])
        stride = rng.choice([(1, 1), (1, 1), (2, 1), (1, 2), (2, 2)])
        kernel = rng.choice([1, 3, 3, 5, (3, 1), (1, 3)])
        if kind == "conv":
            maps.append(builder.conv(layer, x, rng.randint(1, 6), kernel=kernel, stride=stride))
        elif kind == "depthwise":
            maps.append(builder.conv(layer, x, 0, kernel=kernel, stride=stride, depthwise=True))
            builder.tensors[maps[-1]] = (*builder.tensors[maps[-1]][:3], builder.tensors[x][3])
        elif kind == "pool":
            maps.append(builder.average_pool(layer, x, stride))
        elif kind == "add":
            other = rng.choice(same)
            maps.append(builder.pointwise("add", layer, *{x, other}, constants=int(x == other)))
        elif kind == "mul":
            maps.append(builder.pointwise("mul", layer, x, rng.choice(same)))
        elif kind == "grn":
            maps.append(builder.grn(layer, x, GRN("channel", "sum", rng.choice(["l2", "mean"])), False))  # type: ignore[arg-type]
        elif kind == "gain":
            squeezed = builder.conv(layer, builder.mean(layer, x, "map"), builder.tensors[x][3])
            maps.append(builder.pointwise("mul", layer, x, squeezed))
        else:
            maps.append(builder.conv(layer, start, rng.randint(1, 4), kernel=3, stride=stride))
    out = builder.mean("pool", builder.conv("head", maps[-1], 3), "map")
    return Graph(tuple(builder.tensors), tuple(builder.operators), (start,), (out,))
