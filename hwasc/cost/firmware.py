"""RAM and flash of the C export, from microphone to class, before anything is trained. RAM is exact to the byte; no torch."""

from __future__ import annotations

from dataclasses import dataclass

from hwasc.cost.firmware_flash import CODE, net_flash
from hwasc.cost.firmware_front_end import Arithmetic, front_end_bytes, front_end_flash
from hwasc.cost.firmware_latency import ARITHMETIC
from hwasc.cost.firmware_state import decision_hop, state_bytes
from hwasc.cost.graph import Graph
from hwasc.cost.row_planner import plan_rows
from hwasc.records.architecture import Architecture

STACK = 1_200  # bytes; on six cores the deepest path took at most 1,088, see `experiments/firmware/instructions.md`


@dataclass(frozen=True)
class Ram:
    """Bytes of the state of the C export. The front end and the net work in the same memory, one after the other.

    Attributes:
        audio: The last window of samples.
        features: int8 log-mels of the clip, and of clips that have begun.
        front_end: What the FFT works in.
        net: What the net works in: maps, line buffers, sums.
        scratch: The larger of `front_end` and `net`.
        other: Counters, logits, padding.
        total: `audio`, `features`, `scratch` and `other`.
    """

    audio: int
    features: int
    front_end: int
    net: int
    scratch: int
    other: int
    total: int


@dataclass(frozen=True)
class Flash:
    """Bytes of flash.

    Attributes:
        weights: int8 weights and constants.
        biases: int32, with the zero point of the input folded in.
        scales: Multipliers and shifts of each output channel.
        plan: Operators' numbers, steps, segments, buffers.
        front_end: Window, twiddle factors, mel bands.
        program: Instructions, as measured with one compiler for the core.
        total: Sum of these.
    """

    weights: int
    biases: int
    scales: int
    plan: int
    front_end: int
    program: int
    total: int

    @property
    def net(self) -> int:
        """The net's tables."""
        return self.weights + self.biases + self.scales + self.plan


@dataclass(frozen=True)
class Firmware:
    """Memory of the C export.

    Attributes:
        ram: Of one state, exact.
        flash: Tables are exact; the program's size depends on the compiler.
        stack: Bytes of stack that `scene_push` needs at most.
        core: Core that it is built for.
        arithmetic: Of the log-mel.
        rows: What the net's rows are: `mels` or `frames`.
        lower_bound: The least that any plan by rows needs for the net, bytes.
    """

    ram: Ram
    flash: Flash
    stack: int
    core: str
    arithmetic: Arithmetic
    rows: str
    lower_bound: int

    @property
    def least_ram(self) -> int:
        """Bytes that the state needs at least, whatever the plan."""
        return self.ram.total - self.ram.scratch + max(self.lower_bound, self.ram.front_end)


def measure(
    architecture: Architecture, graph: Graph, core: str, *, hop_seconds: float | None = None, quick: bool = False
) -> Firmware:
    """Count the memory of the C export of an architecture.

    Args:
        architecture: The student.
        graph: Its deployment graph.
        core: See `firmware_latency.ARITHMETIC`.
        hop_seconds: Time between decisions, s; None: a clip.
        quick: Whether an upper bound of the RAM is enough, see `plan_rows`.

    Returns:
        RAM and flash by part.
    """
    fe, arithmetic = architecture.front_end, ARITHMETIC[core]
    plan, fft = plan_rows(graph, architecture.padding, quick=quick), front_end_bytes(fe, arithmetic)
    state = state_bytes(
        fe, decision_hop(fe, hop_seconds), net_bytes=plan.size, front_end_bytes=fft, classes=architecture.classes
    )
    ram = Ram(
        audio=state.audio,
        features=state.features,
        front_end=fft,
        net=plan.size,
        scratch=state.scratch,
        other=state.other,
        total=state.total,
    )
    net = net_flash(graph, plan)
    parts = {
        "weights": net.weights + net.constants,
        "biases": net.biases,
        "scales": net.multipliers + net.shifts,
        "plan": net.numbers + net.schedule,
        "front_end": front_end_flash(fe, arithmetic),
        "program": CODE[core],
    }
    return Firmware(
        ram=ram,
        flash=Flash(**parts, total=sum(parts.values())),
        stack=STACK,
        core=core,
        arithmetic=arithmetic,
        rows=plan.axis,
        lower_bound=plan.lower_bound,
    )
