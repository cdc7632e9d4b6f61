"""Peak activation memory by the rules of TensorFlow Lite Micro's greedy planner (DESIGN: the chip's truth).

Time 0 is before operator 1; inputs exist from 0, an operator's output from its own step; whatever an operator reads or
writes is alive during it; graph outputs live to the end. Sizes are rounded up to 16 bytes; constants stay in flash.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from hwasc.cost.alignment import align
from hwasc.cost.graph import Graph

MEAN_SCRATCH = (16, 16)  # bytes: a mean's index and its resolved axes, beside an int32 sum per output element


@dataclass(frozen=True, slots=True)
class Buffer:
    """One planned buffer: `size` in bytes (aligned), alive in steps first..last inclusive.

    tensor: the graph's index; kernel scratch is numbered on from the last tensor, in the order of the operators.
    """

    tensor: int
    size: int
    first: int
    last: int


@dataclass(frozen=True)
class Plan:
    """Offsets (bytes) by buffer, the peak (`head`) they need, and the least any plan could need (`lower_bound`).

    planner: `greedy` is the interpreter's own, `offline` must travel in the file.
    """

    buffers: tuple[Buffer, ...]
    offsets: dict[int, int]
    head: int
    lower_bound: int
    planner: Literal["greedy", "offline"] = "greedy"


def lifetimes(graph: Graph, scratch: Mapping[int, int] | None = None) -> list[Buffer]:
    """The buffers of a graph: tensors in order, then kernel scratch, as the interpreter adds them.

    scratch: bytes by operator (from 0) that kernels other than the reference ones take (`scratch.py`).
    """
    first = dict.fromkeys(graph.inputs, 0)
    last = dict.fromkeys(graph.inputs, 0)
    for step, op in enumerate(graph.operators, 1):
        first.setdefault(op.output, step)
        for tensor in (*op.inputs, op.output):
            last[tensor] = step
    for tensor in graph.outputs:
        last[tensor] = len(graph.operators)
    buffers = []
    for tensor in sorted(first):
        _, h, w, c = graph.tensors[tensor]
        buffers.append(Buffer(tensor, align(h * w * c), first[tensor], last[tensor]))
    number = len(graph.tensors)
    more = scratch or {}
    for step, op in enumerate(graph.operators, 1):
        sizes = [more[step - 1]] if step - 1 in more else []
        if op.kind == "mean":
            _, h, w, c = graph.tensors[op.output]
            sizes += [4 * h * w * c, *MEAN_SCRATCH]
        for size in sizes:
            buffers.append(Buffer(number, align(size), step, step))
            number += 1
    return buffers


def place(order: list[Buffer]) -> dict[int, int]:
    """First fit: each buffer, in the order given, at the lowest offset free of all placed ones that live with it."""
    placed: list[tuple[int, int, int, int]] = []
    offsets = {}
    for b in order:
        at = 0
        for offset, end, first, last in placed:
            if first > b.last or last < b.first:
                continue
            if offset - at >= b.size:
                break
            at = max(at, end)
        bisect.insort(placed, (at, at + b.size, b.first, b.last))
        offsets[b.tensor] = at
    return offsets


def live(buffers: list[Buffer]) -> list[int]:
    """Bytes alive at each step, from step 0."""
    steps = max(b.last for b in buffers) + 1
    change = [0] * (steps + 1)
    for b in buffers:
        change[b.first] += b.size
        change[b.last + 1] -= b.size
    total, out = 0, []
    for step in range(steps):
        total += change[step]
        out.append(total)
    return out


def plan_greedy(graph: Graph, scratch: Mapping[int, int] | None = None) -> Plan:
    """The interpreter's own plan: largest first, among equals the latest tensor first; scratch: see `lifetimes`."""
    buffers = lifetimes(graph, scratch)
    offsets = place(sorted(reversed(buffers), key=lambda b: -b.size))
    head = max(offsets[b.tensor] + b.size for b in buffers)
    return Plan(tuple(buffers), offsets, head, max(live(buffers)))
