"""The profiling report: what an architecture costs, where, and whether it fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hwasc.cost import Costs, Layer, memory
from hwasc.cost import graph as deployment
from hwasc.cost.firmware import Firmware
from hwasc.cost.frontend import front_end_costs
from hwasc.cost.limits import Check, certainty
from hwasc.cost.offline import plan_offline
from hwasc.records.architecture import Architecture
from hwasc.records.blocks.units import pair
from hwasc.records.budget import Runtime
from hwasc.records.front_end import FrontEnd
from hwasc.records.schema import plain
from hwasc.report import plots
from hwasc.report.formats import TIMES, amount, count, kib, percent, shape, short, size
from hwasc.report.page import Fact, Facts, Meter, Paragraph, Part, Picture, Preformatted, Section, Table, page
from hwasc.report.verdicts import profile_verdict

if TYPE_CHECKING:
    from hwasc.deploy.profiling import Arena, Profile

EXACT = (
    "Figures marked exact are counted on the deployment graph: the int8 tensors and operators as they run on the chip. The "
    "model file's size is predicted within 2 % until it is written; the arena is exact on a 64-bit host with reference kernels, "
    "and on a chip, whose pointers are half as wide, a bound."
)


def profile_report(
    profile: Profile,
    *,
    provenance: Mapping[str, Any] | None = None,
    environment: Mapping[str, Any] | None = None,
) -> str:
    """Render the page about an architecture.

    Args:
        profile: What it costs.
        provenance: Where it comes from, as the architecture file has it.
        environment: What `records.run.environment()` gives, for the footer.

    Returns:
        The page as HTML text.
    """
    architecture, checks = profile.architecture, profile.checks
    limit = next((int(c.limit) for c in checks if c.name == "int8_memory.activations"), None)
    summary: list[Part] = [Facts(cards(profile.costs)), Paragraph(EXACT)]
    sections = [Section("Verdict", [profile_verdict(profile, provenance)]), Section("Summary", summary)]
    if checks:
        sections.append(Section(f"Limits of {profile.budget or 'the budget'}", [limits_table(checks, profile.runtime)]))
    if profile.arena:
        sections.append(Section("The file in its interpreter", [arena_table(profile.arena)]))
    if npu := profile.npu:
        caption = "Estimate by Arm Vela's own performance model; operators left to the CPU are not in the time"
        sections.append(Section(f"On {npu.accelerator}", [flat_table(plain(npu), caption)]))
    pictures = [
        Picture(
            plots.memory_timeline(architecture, limit),
            "Exact. The arena as the runtime's greedy planner lays it out: each box is one activation buffer, as wide as the "
            "steps during which it is alive and as high as its bytes, at its place in the arena, in the colour of the part of "
            "the net that writes it. The stepped line sums what is alive.",
        )
    ]
    offline = plan_offline(deployment.build(architecture))
    if offline.planner == "offline":
        pictures.append(
            Picture(
                plots.memory_timeline(architecture, limit, offline),
                "Exact. The same with the optimised plan that `hwasc export --planner offline` writes into the file.",
            )
        )
    sections.append(Section("Activation memory over time", [Paragraph(_peak(architecture)), *pictures]))
    if profile.firmware:
        sections.append(Section("Export as C", firmware_parts(profile.firmware, architecture)))
    sections.append(
        Section(
            "Layers",
            [
                Picture(
                    plots.layer_chart(profile.layers),
                    "Exact. Multiply-accumulates, bytes of constants in flash and bytes of activations alive, by "
                    "layer in the order of the run (output as channels, frequency, time). Layers at the memory peak "
                    "are red.",
                ),
                layer_table(profile.layers),
            ],
        )
    )
    sections.append(Section("Front end", [front_end_table(architecture.front_end)]))
    sections.append(
        Section(
            "Architecture",
            [
                Paragraph(
                    f"Padding: {architecture.padding}. One line a block: kernel (k), stride (s), expanded channels (e), "
                    "output channels (c), shortcut (skip), GRN."
                ),
                Preformatted(architecture.text()),
                Paragraph(f"id {architecture.id}"),
            ],
        )
    )
    if profile.cross_checks:
        rows = [(c.tool, count(c.macs), c.explanation) for c in profile.cross_checks]
        sections.append(
            Section(
                "Cross-checks",
                [Table(("tool", "MACs", "how it differs"), rows, "MACs of the same net as other tools count them")],
            )
        )
    if provenance:
        sections.append(Section("Provenance", [flat_table(provenance)]))
    return page(
        "Profile of " + short(architecture.id, 40),
        f"{f'Budget {profile.budget}' if profile.budget else 'No budget'}; {len(architecture.blocks)} blocks, "
        f"{architecture.classes} classes, log-mel {shape((architecture.front_end.mels, architecture.front_end.frames))}",
        sections,
        environment,
    )


def firmware_parts(firmware: Firmware, architecture: Architecture) -> list[Part]:
    """What the C export takes of the chip, beside what the interpreter's arena takes.

    Args:
        firmware: RAM and flash of the C export.
        architecture: The net.

    Returns:
        A table and a picture.
    """
    ram, flash, exact = firmware.ram, firmware.flash, "exact"
    rows = [
        ("samples", count(ram.audio), exact),
        ("features of the clip", count(ram.features), exact),
        ("shared by front end and net", count(ram.scratch), exact),
        ("  front end", count(ram.front_end), exact),
        ("  net", count(ram.net), exact),
        ("counters, logits", count(ram.other), exact),
        ("RAM from microphone to class", count(ram.total), exact),
        ("stack", count(firmware.stack), "measured"),
        ("flash: weights", count(flash.weights), exact),
        ("flash: biases", count(flash.biases), exact),
        ("flash: multipliers and shifts", count(flash.scales), exact),
        ("flash: the net's plan", count(flash.plan), exact),
        ("flash: the front end's tables", count(flash.front_end), exact),
        ("flash: program", count(flash.program), "estimate"),
        ("flash", count(flash.total), "estimate"),
    ]
    return [
        Table(("what", "bytes", ""), rows, f"`hwasc export --format c --target {firmware.core}`"),
        Picture(
            plots.row_timeline(architecture),
            "Exact. Left the arena of TensorFlow Lite Micro's greedy plan. Right the memory of the C export, whose rows "
            f"are {firmware.rows}. The features (grey, at the bottom) are kept while the net runs. Whole maps stand only where a "
            "segment of operators ends; between them are line buffers.",
        ),
    ]


def cards(costs: Costs) -> dict[str, Fact]:
    """The summary cards of an architecture's costs."""
    m = costs.int8_memory
    over = m.activations / m.lower_bound - 1 if m.lower_bound else 0.0
    plan = "the least that any plan of these operators needs" + (
        f"; the {m.planner} plan takes {percent(over)} more" if over else f", and the {m.planner} plan meets it"
    )
    return {
        "Parameters": Fact(
            count(costs.parameters), f"{size(costs.parameter_memory)} at int8, batch norm counted", "exact"
        ),
        "MACs, torchinfo rule": Fact(count(costs.macs.torchinfo), "the DCASE rule, unfused; a clip", "exact"),
        "MACs as run": Fact(
            count(costs.macs.conv), f"batch norm folded, of which GRN {count(costs.macs.grn)}; a clip", "exact"
        ),
        "Weights in flash": Fact(kib(m.weights), f"{count(m.weights)} B: int8 weights, int32 biases", "exact"),
        "Peak activations in RAM": Fact(
            kib(m.activations), f"{count(m.activations)} B: arena head of the {m.planner} plan", "exact"
        ),
        "Model file in flash": Fact(
            kib(costs.model_file), f"{count(costs.model_file)} B, structure included", "estimate"
        ),
        "Arena in RAM": Fact(
            kib(costs.arena), f"{count(costs.arena)} B: activations and the interpreter's structs", "estimate"
        ),
        "Lower bound of activations": Fact(kib(m.lower_bound), f"{count(m.lower_bound)} B: {plan}", "exact"),
    }


def arena_table(arena: Arena) -> Table:
    """A file's arena as its interpreter allocated it, beside the prediction; all in bytes."""
    measured, exact = f"measured ({arena.runtime})", "exact"
    rows = [
        (f"head, {arena.planner} plan: activations and kernel scratch", arena.head, measured),
        ("head as predicted", arena.predicted_head, exact),
        ("tail: the interpreter's own structs", arena.tail, measured),
        ("total", arena.total, measured),
        ("smallest arena that the file loads and runs in", arena.smallest, measured),
        ("file", arena.file, exact),
        ("head with the greedy plan", arena.greedy_head, exact),
        ("head with the offline plan", arena.offline_head, exact),
        ("least that any plan needs", arena.lower_bound, exact),
    ]
    return Table(("bytes of", "bytes", "how known"), [(n, count(b), how) for n, b, how in rows])


def limits_table(checks: Sequence[Check], runtime: Runtime = "tflm") -> Table:
    """Each limit with value, slack and a bar; exceeded limits are marked.

    Args:
        checks: The limits.
        runtime: What costs are counted for.

    Returns:
        The table.
    """
    rows = [
        (
            c.name,
            amount(c.name, c.value),
            certainty(c.name, runtime),
            amount(c.name, c.limit),
            amount(c.name, c.slack),
            "met" if c.slack >= 0 else "exceeded",
            Meter(c.value / c.limit),
        )
        for c in checks
    ]
    return Table(
        ("cost", "value", "how known", "limit", "slack", "verdict", "share"),
        rows,
        "",
        [i for i, c in enumerate(checks) if c.slack < 0],
    )


def layer_table(layers: Sequence[Layer]) -> Table:
    """One row for each operator; operators at the memory peak are marked."""
    peak = max((r.live_memory for r in layers), default=0)
    rows = [
        (
            i,
            r.name,
            r.kind,
            shape(r.shape),
            shape(pair(r.kernel)),
            shape(r.stride),
            r.parameters,
            r.macs,
            r.weights,
            r.live_memory,
            kib(r.live_memory),
        )
        for i, r in enumerate(layers, 1)
    ]
    columns = (
        "step",
        "layer",
        "operator",
        f"output C{TIMES}F{TIMES}T",
        "kernel",
        f"stride F{TIMES}T",
        "parameters",
        "MACs",
        "weights, B",
        "alive, B",
        "alive",
    )
    return Table(
        columns,
        rows,
        "Exact. Every operator in the order of the run; rows at the memory peak are marked",
        [i for i, r in enumerate(layers) if r.live_memory == peak],
    )


def front_end_table(front_end: FrontEnd) -> Table:
    """The front end, and what it costs the chip beside the net."""
    fe, c = front_end, front_end_costs(front_end)
    rows = [
        ("MACs a clip", count(c.macs.total), f"FFT {count(c.macs.fft)}, mel filters {count(c.macs.mel)}"),
        ("RAM", size(c.ram.total), f"samples {count(c.ram.samples)} B, FFT {count(c.ram.fft)} B; one frame at a time"),
        (
            "constants in flash",
            size(c.flash.total),
            f"window {count(c.flash.window)} B, FFT {count(c.flash.fft)} B, mel filters {count(c.flash.mel)} B",
        ),
    ]
    return Table(
        ("front end", "figure", "of which"),
        rows,
        f"Log-mel of {fe.seconds:g} s at {fe.sample_rate:,} Hz: STFT of {fe.n_fft:,} points, window {fe.window:,}, "
        f"hop {fe.hop:,}; {fe.mels} mel bands from {fe.f_min:,.0f} to {fe.f_max:,.0f} Hz, {fe.frames} frames. Estimates beside "
        f"the net's figures, in float32 as CMSIS-DSP computes it. The map of {count(c.map)} B is the net's input, in the arena",
    )


def flat_table(values: Mapping[str, Any], caption: str = "") -> Table:
    """A table of nested keys and values, with dotted keys. What was not counted or given (None) is left out.

    Args:
        values: Plain values, nested.
        caption: Of the table.

    Returns:
        The table.
    """

    def walk(value: Any, name: str) -> list[tuple[str, Any]]:
        if isinstance(value, Mapping) and value:
            return [
                row for k, v in value.items() for row in walk(v, f"{name}.{k}" if name else str(k)) if v is not None
            ]
        text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
        return [(name, text if isinstance(text, (int, float)) else str(text))]

    return Table(("key", "value"), walk(values, ""), caption)


def _peak(architecture: Architecture) -> str:
    net = deployment.build(architecture)
    plan = memory.plan_greedy(net)
    alive = memory.live(list(plan.buffers))
    step = max(range(len(alive)), key=lambda s: (alive[s], -s))
    writer = {op.output: op.layer for op in net.operators}
    at_peak = sorted((b for b in plan.buffers if b.first <= step <= b.last), key=lambda b: -b.size)
    names = ", ".join(f"{writer.get(b.tensor, 'the input')} ({kib(b.size)})" for b in at_peak[:6]) + (
        " and smaller ones" if len(at_peak) > 6 else ""
    )
    where = f"step {step}, {net.operators[step - 1].layer}" if step else "the input"
    text = f"The most is alive at {where}: {size(alive[step])}, the outputs of {names}. "
    if plan.head == plan.lower_bound:
        return text + "The greedy plan needs no more than that."
    return text + (
        f"The greedy plan leaves gaps and needs {size(plan.head)}: {size(plan.head - plan.lower_bound)} more than the "
        "lower bound, which an offline plan of the same operators may save."
    )
