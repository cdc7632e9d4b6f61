"""The profile on a terminal: limits, totals and the per-layer table on standard output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from hwasc.cost.limits import certainty
from hwasc.progress import print_table

if TYPE_CHECKING:
    from hwasc.cost.firmware import Firmware
    from hwasc.deploy.profiling import Profile


def print_profile(profile: Profile) -> None:
    """Print the per-layer table, the totals, the limits and the cross-checks."""
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    fe = profile.architecture.front_end
    title = f"{profile.architecture.id}: log-mel {fe.mels} x {fe.frames}, {profile.architecture.classes} classes"
    columns = ("layer", "kind", "output CxFxT", "kernel", "parameters", "MACs", "weights B", "live memory B", "")
    peak = max(layer.live_memory for layer in profile.layers)
    rows = []
    for y in profile.layers:
        stride = "" if y.stride == (1, 1) else f"/{y.stride[0]}x{y.stride[1]}"
        kernel = f"{'x'.join(map(str, y.kernel)) if isinstance(y.kernel, tuple) else y.kernel}{stride}"
        mark = "*" if y.live_memory == peak else ""
        output = "x".join(map(str, y.shape))
        rows.append((y.name, y.kind, output, kernel, y.parameters, y.macs, y.weights, y.live_memory, mark))
    print_table(console, columns, rows, title)
    c = profile.costs
    console.print(
        f"parameters {c.parameters:,}, MACs {c.macs.conv:,} conv (GRN {c.macs.grn:,} of it), {c.macs.torchinfo:,} torchinfo: "
        "exact"
    )
    console.print(
        f"int8 memory (exact): weights {c.int8_memory.weights:,} B, activations {c.int8_memory.activations:,} B by the "
        f"{c.int8_memory.planner} plan (lower bound {c.int8_memory.lower_bound:,} B), total {c.int8_memory.total:,} B"
    )
    latency = "" if c.latency_ms is None else f", latency {c.latency_ms:,.3g} ms"
    theirs, ours = ("", latency) if c.firmware else (latency, "")
    console.print(f"in TensorFlow Lite Micro (estimate): model file {c.model_file:,} B, arena {c.arena:,} B{theirs}")
    f = profile.front_end
    console.print(
        f"front end: {fe.sample_rate:,} Hz, FFT {fe.n_fft:,}, window {fe.window:,}, hop {fe.hop:,}, {fe.mels} mels, "
        f"{fe.frames} frames"
    )
    console.print(
        f"  in addition (estimate): {f.macs.total:,} MACs a clip (FFT {f.macs.fft:,} of it), RAM {f.ram.total:,} B, "
        f"constants {f.flash.total:,} B"
    )
    if profile.firmware is not None:
        _print_firmware(console, profile.firmware, ours)
    for check in profile.checks:
        verdict = "within" if check.slack >= 0 else "OVER  "
        value, limit, slack = (round(v, 3) for v in (check.value, check.limit, check.slack))
        known = certainty(check.name, profile.runtime)
        console.print(f"  {verdict}  {check.name:<24} {value:>12,} of {limit:>12,}   slack {slack:+,} ({known})")
    for cross in profile.cross_checks:
        console.print(f"cross-check {cross.tool}: {cross.macs:,} MACs; {cross.explanation}")
    if profile.patches is not None:
        console.print(f"in TensorFlow Lite Micro, {profile.patches}")
    if profile.arena is not None:
        a = profile.arena
        prediction = "as predicted" if a.head == a.predicted_head else f"PREDICTED {a.predicted_head:,} B"
        console.print(
            f"arena in {a.runtime} (measured): head {a.head:,} B ({prediction}, {a.planner} plan), tail {a.tail:,} B, "
            f"total {a.total:,} B; it runs in {a.smallest:,} B; file {a.file:,} B (exact)"
        )
        console.print(
            f"head by planner (exact): greedy {a.greedy_head:,} B, offline {a.offline_head:,} B, "
            f"lower bound {a.lower_bound:,} B"
        )
    if profile.npu is not None:
        n = profile.npu
        console.print(
            f"{n.accelerator} at {n.clock_mhz:g} MHz (estimate, {n.tool}, {n.system}): {n.milliseconds:,.3f} ms, "
            f"SRAM {n.sram:,} B, flash {n.flash:,} B; {n.npu_operators} operators on it, {n.cpu_operators} left to the CPU "
            "and not in the time"
        )


def _print_firmware(console: Console, firmware: Firmware, latency: str) -> None:
    ram, flash = firmware.ram, firmware.flash
    console.print(
        f"export as C for {firmware.core}, from microphone to class: RAM {ram.total:,} B (exact: samples {ram.audio:,}, features "
        f"{ram.features:,}, scratch {ram.scratch:,} that FFT ({ram.front_end:,}) and net ({ram.net:,}) "
        f"share, other {ram.other:,})"
    )
    console.print(
        f"  flash {flash.total:,} B (net {flash.net:,}, front end {flash.front_end:,}: exact; program about {flash.program:,}), "
        f"stack {firmware.stack:,} B{latency}"
    )
