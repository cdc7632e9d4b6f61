"""Train an architecture in full: float distillation from the ensemble, folding of batch norm, int8 quantization-aware
distillation, export, and metrics on the test split. The winner of a search starts from the weights that are saved beside it, if
they were trained on the same clips; a preset starts from random weights. Data, cache and settings are those of the search unless
others are given. Run the same command again to continue a stopped run.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import hwasc
from hwasc.cli import common
from hwasc.cli.next_step import next_step
from hwasc.cli.teachers_table import print_contributions
from hwasc.cli.verdict_lines import print_verdict

if TYPE_CHECKING:
    from hwasc.students.device_results import DeviceStudents
    from hwasc.students.result import DistillResult

EXAMPLES = """examples:
  hwasc distill --arch runs/search                          # the winner, with the data and settings of the search
  hwasc distill --arch runs/search:7                        # another trial of that search
  hwasc distill --arch best.json
  hwasc distill --arch dcase2024_baseline --data my_recordings --run runs/baseline --seed 1
  hwasc distill --arch best.json --initial-weights random   # not from the weights of the search
  hwasc distill --arch best.json --set distill.alpha=0      # on labels only, for comparison
  hwasc distill --arch best.json --sample-rate 16000        # of a search with --sample-rate 16000
  hwasc distill --arch cp_mobile --weights published.pt --no-training --unseen --data my_recordings
  hwasc distill --arch best.json --per-device               # and a student for each recording device"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument(
        "--arch",
        required=True,
        metavar="RUN|RUN:TRIAL|FILE|PRESET",
        help="a search's run folder or its best.json, a trial of it, or a preset",
    )
    parser.add_argument(
        "--run",
        metavar="DIR",
        type=Path,
        help="run folder (default runs/distill, or the next free runs/distill-2, ...)",
    )
    parser.add_argument(
        "--initial-weights",
        choices=("winner", "random", "both"),
        help="start from the weights that the search wrote beside best.json (default, if there are any), from random ones, "
        "or from both: the better student on validation clips goes on",
    )
    parser.add_argument(
        "--weights",
        metavar="FILE",
        type=Path,
        help="start from the float weights of this file: .safetensors by name, or a published .pt checkpoint in order",
    )
    parser.add_argument(
        "--no-training",
        action="store_true",
        help="only quantize, calibrate, export and measure the weights of --weights",
    )
    parser.add_argument(
        "--per-device",
        action="store_true",
        help="also fine-tune a copy for each recording device, for a device that is known when the student runs (DCASE 2025)",
    )
    common.add_embed(parser)
    common.add_track(parser)
    common.add_sample_rate(parser, "of the teachers; an architecture has its own rate, which it must be")
    common.add_unseen(parser)
    common.add_data(parser)


def run(args: argparse.Namespace) -> None:
    """Distill and print the results."""
    from hwasc.api.inputs import as_architecture, run_of
    from hwasc.records.teacher_settings import FUSED
    from hwasc.report.verdicts import distill_verdict

    as_architecture(args.arch)  # a wrong name is refused before torch is loaded
    result = hwasc.distill(
        common.workspace(args, like=run_of(args.arch)),
        args.arch,
        run=args.run,
        initial_weights=args.initial_weights,
        weights=args.weights,
        training=not args.no_training,
        unseen=args.unseen,
        per_device=args.per_device,
        embed=args.embed,
        track=args.track,
    )
    if args.json:
        common.print_json(result.to_json())
        return
    if result.starts:
        chosen = next(s.source for s in result.starts if s.chosen)
        common.print_text(
            f"float students on validation clips, by their start: {', '.join(map(str, result.starts))}; from {chosen}"
        )
    f, q = result.test.float, result.test.int8
    common.print_text(result.measured.text())
    common.print_text(
        f"float {f.accuracy:.1%}, int8 {q.accuracy:.1%} macro accuracy "
        f"(log loss {f.log_loss:.3f}, {q.log_loss:.3f}; ECE {f.ece:.3f}, {q.ece:.3f}); "
        f"by location {q.by_location:.1%} of {q.locations}"
    )
    common.print_text("  int8 by device group: " + ", ".join(f"{g} {v:.1%}" for g, v in q.groups.items()))
    if fused := [f"{r.name} {r.accuracy:.1%}" for r in result.fusion if r.name in FUSED]:
        common.print_text("  the teachers, fused: " + ", ".join(fused))
    print_contributions(result.fusion, result.leave_one_out, result.mixing, "test")
    common.print_text(f"  ONNX Runtime predicts the same scene for {result.onnx.agreement:.1%} of the clips")
    if result.devices is not None:
        _print_devices(result, result.devices)
    print_verdict(distill_verdict(result))
    tflite, onnx = result.run / result.tflite.file, result.run / result.onnx.file
    common.print_text(f"int8 model   {tflite} (for the chip), {onnx}")
    common.print_text(f"report       {result.run / 'report.html'}, {result.run / 'model_card.md'}")
    common.print_text(f"clips        {result.run / 'predictions.csv'}")
    next_step(["export", "--weights", result.run / "int8.safetensors", "--format", "c"])


def _print_devices(result: DistillResult, devices: DeviceStudents) -> None:
    """A line for each device, what all students together have, and what they take."""
    for s in devices.students:
        v, used = s.validation, s.tflite or "the general student remains"
        test = f"; test {s.test.general:.1%} to {s.test.own:.1%}" if s.test else ""
        common.print_text(f"  device {s.device}: validation {v.general:.1%} to {v.own:.1%}{test}: {used}")
    if devices.too_few:
        common.print_text(f"  too few clips, the general student remains: {', '.join(devices.too_few)}")
    common.print_text(
        f"  each clip by the student of its device: int8 {devices.test.accuracy:.1%}; each student is a whole model of "
        f"{result.tflite.bytes:,} B, {len(devices.chosen) + 1} in all"
    )
