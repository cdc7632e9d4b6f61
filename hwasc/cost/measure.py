"""Costs of an architecture: parameters, MACs by both rules, int8 memory, flash, arena, RAM.

No torch; about a millisecond, some where the net runs row by row.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from hwasc.cost import firmware, memory, persistent
from hwasc.cost import graph as deployment
from hwasc.cost.firmware import Firmware
from hwasc.cost.firmware_latency import estimate_c
from hwasc.cost.flash import flash
from hwasc.cost.frontend import front_end_costs
from hwasc.cost.latency import estimate
from hwasc.cost.offline import plan_offline
from hwasc.cost.scratch import scratch
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import Kernel
from hwasc.records.budget import Planner, Runtime

BIAS_BYTES = 4  # int32


@dataclass(frozen=True)
class Macs:
    """Multiply-accumulates of one clip.

    Attributes:
        conv: Convolutions with batch norm folded, plus `grn`.
        torchinfo: By the DCASE rule, unfused: (weights + bias) x output positions for a convolution, 2 x channels for a batch
            norm, nothing for GRN's bare parameters and for functional operations.
        grn: Multiplications and divisions of GRN as they run on the chip.
    """

    conv: int
    torchinfo: int
    grn: int


@dataclass(frozen=True)
class Int8Memory:
    """Memory of the int8 student, in bytes.

    Attributes:
        weights: int8 weights, int32 biases and GRN constants.
        activations: The arena head of the plan that is counted.
        lower_bound: The least that any plan of the same operators needs for activations.
        total: weights + activations.
        planner: The plan that is counted, or `bound` for the lower bound.
    """

    weights: int
    activations: int
    lower_bound: int
    total: int
    planner: Planner | Literal["bound"] = "greedy"


@dataclass(frozen=True)
class Costs:
    """Costs of a candidate; the attribute names are the JSON keys.

    Attributes:
        parameters: Number of parameters by the DCASE rule.
        parameter_memory: Their bytes by the DCASE rule.
        macs: Multiply-accumulates of one clip.
        int8_memory: Memory of the int8 student.
        model_file: Bytes of the .tflite file, predicted within 2 %.
        flash: Bytes of flash: `model_file`; of tables and program where the runtime is `c`.
        arena: Bytes of the smallest arena that the interpreter runs it in (see `cost.persistent`): with reference kernels exact
            on a 64-bit host, which is more than a chip needs; with CMSIS-NN's for a core, those of that 32-bit chip.
        ram: Bytes of RAM from microphone to class. With `c` exact; with `tflm` the arena and an estimate of the front end.
        latency_ms: Estimated milliseconds, if a target was named.
        firmware: The parts of RAM and flash where the runtime is `c`.
    """

    parameters: int
    parameter_memory: int
    macs: Macs
    int8_memory: Int8Memory
    model_file: int
    flash: int
    arena: int
    ram: int
    latency_ms: float | None = None
    firmware: Firmware | None = None

    @property
    def memory(self) -> int:
        """Bytes of RAM that a search trades for accuracy: from microphone to class with `c`, else the arena's activations."""
        return self.ram if self.firmware else self.int8_memory.activations


@dataclass(frozen=True)
class Counting:
    """The system that costs are counted for.

    Attributes:
        planner: Planner of the memory plan; `bound`: the least that any plan needs.
        kernels: `reference`, or the core that CMSIS-NN is built for.
        target: Core that latency is estimated on, or None.
        clock_mhz: Its clock.
        runtime: `tflm`: TensorFlow Lite Micro. `c`: the C export, which runs the net row by row.
        core: Core that the C export is built for.
        hop_seconds: Time between decisions of the C export, s; None: a clip.
        quick: Whether the C export's RAM may be an upper bound, which is counted sooner.
    """

    planner: Planner | Literal["bound"] = "greedy"
    kernels: str = "reference"
    target: str | None = None
    clock_mhz: float = 0.0
    runtime: Runtime = "tflm"
    core: str = "cortex-m4"
    hop_seconds: float | None = None
    quick: bool = False


DEFAULT = Counting()


@dataclass(frozen=True)
class Layer:
    """One row of the per-layer table.

    Attributes:
        name: The layer's.
        kind: Kind of operator.
        shape: Output: channels, mels, frames.
        kernel: Kernel size.
        stride: Over mels and frames.
        parameters: Number of parameters.
        macs: Multiply-accumulates.
        weights: Bytes of weights and biases.
        live_memory: Bytes alive while the operator runs.
    """

    name: str
    kind: str
    shape: tuple[int, int, int]
    kernel: Kernel
    stride: tuple[int, int]
    parameters: int
    macs: int
    weights: int
    live_memory: int


def measure(architecture: Architecture, counting: Counting = DEFAULT, *, runtime: Runtime | None = None) -> Costs:
    """Compute the costs of an architecture. Every valid record has costs.

    Args:
        architecture: The architecture.
        counting: The system that costs are counted for.
        runtime: What runs the net, instead of `counting`'s.

    Returns:
        The costs.

    Raises:
        UsageError: A core is unknown, or the C export can't run the net or its front end.
    """
    if runtime is not None:
        counting = replace(counting, runtime=runtime)
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
    extra = _scratch(architecture, graph, counting)
    plan = _plan(graph, counting, extra)
    int8 = Int8Memory(
        weights=weights,
        activations=plan.head,
        lower_bound=plan.lower_bound,
        total=weights + plan.head,
        planner=counting.planner,
    )
    arena = persistent.arena(
        architecture, plan.head, graph, structs=persistent.structs_of(counting.kernels), scratch=extra
    )
    model_file, ours = flash(architecture, graph), None
    if counting.runtime == "c":
        hop, quick = counting.hop_seconds, counting.quick
        ours = firmware.measure(architecture, graph, counting.core, hop_seconds=hop, quick=quick)
    # The challenge counts parameters x bytes of their type, biases and norms folded or not: one byte each at int8.
    return Costs(
        parameters=parameters,
        parameter_memory=parameters,
        macs=Macs(conv=conv + grn, torchinfo=torchinfo, grn=grn),
        int8_memory=int8,
        model_file=model_file,
        flash=ours.flash.total if ours else model_file,
        arena=arena,
        ram=ours.ram.total if ours else arena + front_end_costs(architecture.front_end).ram.total,
        latency_ms=_latency(architecture, graph, counting),
        firmware=ours,
    )


def _latency(architecture: Architecture, graph: deployment.Graph, counting: Counting) -> float | None:
    if counting.target is None:
        return None
    if counting.runtime == "c":
        return estimate_c(architecture, counting.target, counting.clock_mhz).milliseconds
    return estimate(graph, counting.target, counting.clock_mhz).milliseconds


def _scratch(architecture: Architecture, graph: deployment.Graph, counting: Counting) -> dict[int, int]:
    """Bytes by operator that other kernels than the reference ones take."""
    return scratch(graph, counting.kernels, architecture.padding) if counting.kernels != "reference" else {}


def _plan(graph: deployment.Graph, counting: Counting, extra: dict[int, int]) -> memory.Plan:
    if counting.planner == "offline":
        return plan_offline(graph, scratch=extra)
    greedy = memory.plan_greedy(graph, extra)
    return replace(greedy, head=greedy.lower_bound) if counting.planner == "bound" else greedy


def layers(architecture: Architecture) -> list[Layer]:
    """List the operators of the deployment graph, in the order in which they run."""
    graph = deployment.build(architecture)
    alive = memory.live(memory.lifetimes(graph))
    rows = []
    for step, op in enumerate(graph.operators, 1):
        _, h, w, c = graph.tensors[op.output]
        rows.append(
            Layer(
                name=op.layer,
                kind=op.kind,
                shape=(c, h, w),
                kernel=op.kernel,
                stride=op.stride,
                parameters=op.parameters,
                macs=op.macs,
                weights=op.weights + BIAS_BYTES * op.biases,
                live_memory=alive[step],
            )
        )
    return rows
