"""Peak activation memory by the rules of TensorFlow Lite Micro's greedy planner (see DESIGN).

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

MEAN_SCRATCH = (16, 16)  # bytes: a mean's index and its resolved axes, besides an int32 sum for each output element


@dataclass(frozen=True, slots=True)
class Buffer:
    """One planned buffer.

    Attributes:
        tensor: The graph's index; kernel scratch continues the numbers of the tensors, in the order of the operators.
        size: Bytes, aligned.
        first: First step in which it is alive.
        last: Last step in which it is alive.
    """

    tensor: int
    size: int
    first: int
    last: int


@dataclass(frozen=True)
class Plan:
    """A memory plan.

    Attributes:
        buffers: The buffers.
        offsets: Bytes from the start of the arena, by the buffer's `tensor`.
        head: Bytes that the plan needs.
        lower_bound: The least that any plan needs, in bytes.
        planner: `greedy` is the interpreter's own plan; an `offline` plan is written into the file.
    """

    buffers: tuple[Buffer, ...]
    offsets: dict[int, int]
    head: int
    lower_bound: int
    planner: Literal["greedy", "offline"] = "greedy"


def lifetimes(graph: Graph, scratch: Mapping[int, int] | None = None) -> list[Buffer]:
    """List the buffers of a graph as the interpreter adds them.

    Args:
        graph: The deployment graph.
        scratch: Bytes by operator (from 0) that kernels other than the reference ones take (see `cost.scratch`).

    Returns:
        Tensors in order, then kernel scratch.
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


def place(order: list[Buffer], around: Mapping[Buffer, int] | None = None) -> dict[int, int]:
    """Place buffers by first fit: each, in the order given, at the lowest offset free of those that are alive with it.

    Args:
        order: The buffers.
        around: Offsets of buffers that have their place.

    Returns:
        Offsets by the buffers' `tensor`, those of `around` too.
    """
    fixed = around or {}
    placed = sorted((at, at + b.size, b.first, b.last) for b, at in fixed.items())
    offsets = {b.tensor: at for b, at in fixed.items()}
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
    """Sum the bytes alive at each step, from step 0."""
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
    """Compute the interpreter's own plan: largest buffers first, among equals the latest tensor first.

    Args:
        graph: The deployment graph.
        scratch: See `lifetimes`.

    Returns:
        The plan.
    """
    buffers = lifetimes(graph, scratch)
    offsets = place(sorted(reversed(buffers), key=lambda b: -b.size))
    head = max(offsets[b.tensor] + b.size for b in buffers)
    return Plan(tuple(buffers), offsets, head, max(live(buffers)))
