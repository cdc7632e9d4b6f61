"""The profile on a terminal: limits, totals and the per-layer table on standard output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwasc.cli import common
from hwasc.cost.limits import certainty
from hwasc.progress import Column

if TYPE_CHECKING:
    from hwasc.cost.firmware import Firmware
    from hwasc.deploy.profiling import Profile

LAYER_COLUMNS = (
    Column("layer"),
    Column("kind", drop=4),
    Column("output CxFxT", "output"),
    Column("kernel", drop=3),
    Column("parameters", "params", drop=2),
    Column("MACs"),
    Column("weights B", drop=1),
    Column("live memory B", "live B"),
    Column(""),
)


def print_profile(profile: Profile) -> None:
    """Print the totals, the limits and the cross-checks, and then the table of the layers."""
    fe = profile.architecture.front_end
    common.print_text(
        f"{profile.architecture.id}: log-mel {fe.mels} x {fe.frames}, {profile.architecture.classes} classes"
    )
    c = profile.costs
    common.print_text(
        f"parameters {c.parameters:,}, MACs {c.macs.conv:,} conv (GRN {c.macs.grn:,} of it), {c.macs.torchinfo:,} torchinfo: "
        "exact"
    )
    common.print_text(
        f"int8 memory (exact): weights {c.int8_memory.weights:,} B, activations {c.int8_memory.activations:,} B by the "
        f"{c.int8_memory.planner} plan (lower bound {c.int8_memory.lower_bound:,} B), total {c.int8_memory.total:,} B"
    )
    latency = "" if c.latency_ms is None else f", latency {c.latency_ms:,.3g} ms"
    theirs, ours = ("", latency) if c.firmware else (latency, "")
    common.print_text(
        f"in TensorFlow Lite Micro (estimate): model file {c.model_file:,} B, arena {c.arena:,} B{theirs}"
    )
    f = profile.front_end
    common.print_text(
        f"front end: {fe.sample_rate:,} Hz, FFT {fe.n_fft:,}, window {fe.window:,}, hop {fe.hop:,}, {fe.mels} mels, "
        f"{fe.frames} frames"
    )
    common.print_text(
        f"  in addition (estimate): {f.macs.total:,} MACs a clip (FFT {f.macs.fft:,} of it), RAM {f.ram.total:,} B, "
        f"constants {f.flash.total:,} B"
    )
    if profile.firmware is not None:
        _print_firmware(profile.firmware, ours)
    _print_checks(profile)
    for cross in profile.cross_checks:
        common.print_text(f"cross-check {cross.tool}: {cross.macs:,} MACs; {cross.explanation}")
    if profile.patches is not None:
        common.print_text(f"in TensorFlow Lite Micro, {profile.patches}")
    if profile.arena is not None:
        a = profile.arena
        prediction = "as predicted" if a.head == a.predicted_head else f"PREDICTED {a.predicted_head:,} B"
        common.print_text(
            f"arena in {a.runtime} (measured): head {a.head:,} B ({prediction}, {a.planner} plan), tail {a.tail:,} B, "
            f"total {a.total:,} B; it runs in {a.smallest:,} B; file {a.file:,} B (exact)"
        )
        common.print_text(
            f"head by planner (exact): greedy {a.greedy_head:,} B, offline {a.offline_head:,} B, "
            f"lower bound {a.lower_bound:,} B"
        )
    if profile.npu is not None:
        n = profile.npu
        common.print_text(
            f"{n.accelerator} at {n.clock_mhz:g} MHz (estimate, {n.tool}, {n.system}): {n.milliseconds:,.3f} ms, "
            f"SRAM {n.sram:,} B, flash {n.flash:,} B; {n.npu_operators} operators on it, {n.cpu_operators} left to the CPU "
            "and not in the time"
        )
    _print_layers(profile)


def _print_checks(profile: Profile) -> None:
    rows = []
    for check in profile.checks:
        value, limit, slack = (round(v, 3) for v in (check.value, check.limit, check.slack))
        verdict, known = "within" if slack >= 0 else "OVER", certainty(check.name, profile.runtime)
        rows.append((verdict, check.name, f"{value:,}", f"{limit:,}", f"{slack:+,}", known))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for verdict, name, *texts, known in rows:
        numbers = [f"{text:>{width}}" for text, width in zip(texts, widths[2:5], strict=True)]
        common.print_text(
            f"  {verdict:<6}  {name:<{widths[1]}}  {numbers[0]} of {numbers[1]}  slack {numbers[2]} ({known})"
        )


def _print_layers(profile: Profile) -> None:
    peak = max(layer.live_memory for layer in profile.layers)
    rows = []
    for y in profile.layers:
        stride = "" if y.stride == (1, 1) else f"/{y.stride[0]}x{y.stride[1]}"
        kernel = f"{'x'.join(map(str, y.kernel)) if isinstance(y.kernel, tuple) else y.kernel}{stride}"
        mark = "*" if y.live_memory == peak else ""
        output = "x".join(map(str, y.shape))
        rows.append((y.name, y.kind, output, kernel, y.parameters, y.macs, y.weights, y.live_memory, mark))
    common.print_table(LAYER_COLUMNS, rows)


def _print_firmware(firmware: Firmware, latency: str) -> None:
    ram, flash = firmware.ram, firmware.flash
    common.print_text(
        f"export as C for {firmware.core}, from microphone to class: RAM {ram.total:,} B (exact: samples {ram.audio:,}, features "
        f"{ram.features:,}, scratch {ram.scratch:,} that FFT ({ram.front_end:,}) and net ({ram.net:,}) "
        f"share, other {ram.other:,})"
    )
    common.print_text(
        f"  flash {flash.total:,} B (net {flash.net:,}, front end {flash.front_end:,}: exact; program about {flash.program:,}), "
        f"stack {firmware.stack:,} B{latency}"
    )
