"""The costs of an architecture: parameters, MACs by both rules, int8 memory, flash, arena. No torch, about a millisecond."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from hwasc.cost import graph as deployment
from hwasc.cost import memory, persistent
from hwasc.cost.flash import flash
from hwasc.cost.latency import estimate
from hwasc.cost.offline import plan_offline
from hwasc.cost.scratch import scratch
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import Kernel
from hwasc.records.budget import Planner

BIAS_BYTES = 4  # int32


@dataclass(frozen=True)
class Macs:
    """Multiply-accumulates of one clip.

    conv: convolutions with batch norm folded, plus `grn`. grn: the multiplications and divisions of GRN as they run on the
    chip. torchinfo: the DCASE rule, unfused: (weights + bias) x output positions for a convolution, 2 x channels for a
    batch norm, nothing for GRN's bare parameters and for what is functional.
    """

    conv: int
    torchinfo: int
    grn: int


@dataclass(frozen=True)
class Int8Memory:
    """Bytes. weights: int8 weights, int32 biases and GRN constants. activations: the arena head of the plan that was counted.

    lower_bound: the least any plan of the same operators needs for activations. total: weights + activations.
    """

    weights: int
    activations: int
    lower_bound: int
    total: int
    planner: Planner | Literal["bound"] = "greedy"


@dataclass(frozen=True)
class Costs:
    """What a candidate costs; the attribute names are the JSON keys.

    flash: bytes of the model file, predicted within 2 %. arena: bytes of the smallest arena that the interpreter runs it in,
    exact on a 64-bit host with reference kernels and a bound on a 32-bit chip (see `cost.persistent`). latency_ms: an
    estimate, where a target was named.
    """

    parameters: int
    parameter_memory: int
    macs: Macs
    int8_memory: Int8Memory
    flash: int
    arena: int
    latency_ms: float | None = None


@dataclass(frozen=True)
class Counting:
    """What costs are counted for. planner: whose plan (`bound`: the least that any could reach); kernels: `reference`, or the
    core that CMSIS-NN's scratch is for; target, clock_mhz: the core that latency is estimated on.
    """

    planner: Planner | Literal["bound"] = "greedy"
    kernels: str = "reference"
    target: str | None = None
    clock_mhz: float = 0.0


DEFAULT = Counting()


@dataclass(frozen=True)
class Layer:
    """One row of the per-layer table. live_memory: bytes alive while the operator runs."""

    name: str
    kind: str
    shape: tuple[int, int, int]
    kernel: Kernel
    stride: tuple[int, int]
    parameters: int
    macs: int
    weights: int
    live_memory: int


def measure(architecture: Architecture, counting: Counting = DEFAULT) -> Costs:
    """The costs of an architecture. Every valid record has costs; UsageError for an unknown core."""
    graph = deployment.build(architecture)
    conv = torchinfo = grn = parameters = weights = 0
    for op in graph.operators:
        parameters += op.parameters
        weights += op.weights + BIAS_BYTES * op.biases
        if op.kind in ("conv", "depthwise"):
            conv += op.macs
            torchinfo += op.macs + 2 * op.folded_norm
        else:
            grn += op.macs
    plan = _plan(graph, counting)
    int8 = Int8Memory(weights, plan.head, plan.lower_bound, weights + plan.head, counting.planner)
    latency = estimate(graph, counting.target, counting.clock_mhz).milliseconds if counting.target else None
    # The challenge counts parameters x bytes of their type, biases and norms folded or not: one byte each at int8.
    return Costs(
        parameters,
        parameters,
        Macs(conv + grn, torchinfo, grn),
        int8,
        flash(architecture, graph),
        persistent.arena(architecture, plan.head, graph),
        latency,
    )


def _plan(graph: deployment.Graph, counting: Counting) -> memory.Plan:
    extra = scratch(graph, counting.kernels) if counting.kernels != "reference" else {}
    if counting.planner == "offline":
        return plan_offline(graph, scratch=extra)
    greedy = memory.plan_greedy(graph, extra)
    return replace(greedy, head=greedy.lower_bound) if counting.planner == "bound" else greedy


def layers(architecture: Architecture) -> list[Layer]:
    """The per-layer table, one row an operator of the deployment graph, in the order of the run."""
    graph = deployment.build(architecture)
    alive = memory.live(memory.lifetimes(graph))
    rows = []
    for step, op in enumerate(graph.operators, 1):
        _, h, w, c = graph.tensors[op.output]
        rows.append(
            Layer(
                op.layer,
                op.kind,
                (c, h, w),
                op.kernel,
                op.stride,
                op.parameters,
                op.macs,
                op.weights + BIAS_BYTES * op.biases,
                alive[step],
            )
        )
    return rows
