"""The costs of an architecture: parameters, MACs under both named rules, int8 memory. No torch, about a millisecond."""

from __future__ import annotations

from dataclasses import dataclass

from hwasc.cost import graph as deployment
from hwasc.cost import memory
from hwasc.records.architecture import Architecture

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
    """Bytes. weights: int8 weights, int32 biases and GRN constants. activations: the arena head of the greedy planner.

    lower_bound: the least any plan of the same operators needs for activations. total: weights + activations.
    """

    weights: int
    activations: int
    lower_bound: int
    total: int


@dataclass(frozen=True)
class Costs:
    """What a candidate costs; the attribute names are the JSON keys."""

    parameters: int
    parameter_memory: int
    macs: Macs
    int8_memory: Int8Memory


@dataclass(frozen=True)
class Layer:
    """One row of the per-layer table. live_memory: bytes alive while the operator runs."""

    name: str
    kind: str
    shape: tuple[int, int, int]
    kernel: int
    stride: tuple[int, int]
    parameters: int
    macs: int
    weights: int
    live_memory: int


def measure(architecture: Architecture) -> Costs:
    """The costs of an architecture. Raises nothing: every valid record has costs."""
    return measure_graph(deployment.build(architecture))


def measure_graph(graph: deployment.Graph) -> Costs:
    """The costs of a deployment graph."""
    conv = torchinfo = grn = parameters = weights = 0
    for op in graph.operators:
        parameters += op.parameters
        weights += op.weights + BIAS_BYTES * op.biases
        if op.kind in ("conv", "depthwise"):
            conv += op.macs
            torchinfo += op.macs + 2 * op.folded_norm
        else:
            grn += op.macs
    plan = memory.plan_greedy(graph)
    int8 = Int8Memory(weights, plan.head, plan.lower_bound, weights + plan.head)
    # The challenge counts parameters x bytes of their type, biases and norms folded or not: one byte each at int8.
    return Costs(parameters, parameters, Macs(conv + grn, torchinfo, grn), int8)


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
