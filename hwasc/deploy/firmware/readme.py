"""README.md of a C export: what this model is, what it needs, how to build and to call it."""

from __future__ import annotations

from hwasc import __version__
from hwasc.cost.firmware import STACK
from hwasc.cost.firmware_flash import CODE
from hwasc.cost.firmware_front_end import front_end_flash
from hwasc.cost.firmware_latency import ARITHMETIC, estimate_c
from hwasc.cost.firmware_rates import RATES
from hwasc.cost.firmware_state import StateBytes, samples_needed
from hwasc.cost.row_plan import RowPlan
from hwasc.deploy.firmware.front_end_text import front_end_text
from hwasc.deploy.firmware.options import FirmwareOptions
from hwasc.deploy.firmware.readme_text import INSTRUCTIONS, TEMPLATE
from hwasc.records.architecture import Architecture

MOST_CODE = 18_000  # bytes; on an M0+ with the compiler's floating point


def text(
    architecture: Architecture,
    classes: tuple[str, ...],
    options: FirmwareOptions,
    *,
    plan: RowPlan,
    state: StateBytes,
    front_end_bytes: int,
    decision_hop: int,
    net_flash: int,
    macs: int,
) -> str:
    """Write the README.

    Args:
        architecture: The student.
        classes: Scenes in the order of the logits.
        options: Of the export.
        plan: Of the net.
        state: RAM by part.
        front_end_bytes: Of the front end's scratch memory.
        decision_hop: Samples from decision to decision.
        net_flash: Bytes of the net's tables.
        macs: Multiply-accumulates of the net.

    Returns:
        The text.
    """
    fe = architecture.front_end

    core = options.target or ("cortex-m4" if options.numbers == "float" else "cortex-m3")

    def milliseconds(samples: int) -> str:
        return f"{1000 * samples / fe.sample_rate:.4g}"

    return TEMPLATE.format(
        count=len(classes),
        classes=", ".join(" ".join(name.split()) for name in classes),
        version=__version__,
        id=architecture.id,
        rate=fe.sample_rate,
        core=core,
        stack=STACK,
        code=CODE[core] if options.numbers == ARITHMETIC[core] else MOST_CODE,
        instructions=_instructions(architecture, core, options),
        needed=milliseconds(samples_needed(fe)),
        hop=milliseconds(decision_hop),
        clip=milliseconds(fe.samples),
        smoothing=f" A decision has {options.smoothing:.0%} of those before it (`SCENE_SMOOTHING`)."
        if options.share
        else "",
        shared="" if state.audio else " (a part of the scratch memory, since clips do not overlap)",
        audio=state.audio,
        features=state.features,
        front_end=front_end_bytes,
        net=plan.size,
        scratch=state.scratch,
        other=state.other,
        total=state.total,
        weights=net_flash,
        tables=front_end_flash(fe, options.numbers),
        mels=fe.mels,
        frames=fe.frames,
        n_fft=fe.n_fft,
        window=fe.window,
        frame_hop=fe.hop,
        arithmetic="single precision" if options.numbers == "float" else "integers only",
        f_min=fe.f_min,
        f_max=fe.f_max,
        parts=front_end_text(fe),
        macs=macs,
        axis=plan.axis,
        decision_hop=decision_hop,
        frames_a_decision=decision_hop // fe.hop,
    )


def _instructions(architecture: Architecture, core: str, options: FirmwareOptions) -> str:
    """The table of instructions; empty for an arithmetic that was not counted on the core."""
    if f"frame/{options.numbers}" not in RATES[core]:
        return ""
    counts = estimate_c(architecture, core, 1, arithmetic=options.numbers)
    return INSTRUCTIONS.format(
        core=core,
        frames=architecture.front_end.frames,
        of_front_end=_rounded(counts.front_end),
        of_net=_rounded(counts.net),
    )


def _rounded(count: int) -> int:
    """To three digits: it is an estimate."""
    return int(float(f"{count:.3g}"))
