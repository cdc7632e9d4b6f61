"""Measure a finished model file on the test split: student.tflite in TensorFlow Lite Micro, the interpreter that runs on the
chip, student.onnx in ONNX Runtime, *.safetensors in torch.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from hwasc.cli import common

EXAMPLES = """examples:
  hwasc evaluate --model student.tflite --data my_recordings --workers 4
  hwasc evaluate --model student.tflite --runtime litert-ref
  hwasc evaluate --model runs/distill/student.onnx --data my_recordings
  hwasc evaluate --model runs/distill/int8.safetensors --json"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument(
        "--model",
        required=True,
        metavar="FILE",
        type=Path,
        help="student.tflite, student.onnx, int8.safetensors, float.safetensors",
    )
    parser.add_argument(
        "--runtime",
        choices=("tflm", "litert-ref", "onnx", "torch"),
        help="default: tflm for .tflite (litert-ref: LiteRT's reference kernels), onnx for .onnx, torch for .safetensors",
    )
    common.add_data(parser)


def run(args: argparse.Namespace) -> None:
    """Evaluate and print."""
    ws = common.workspace(args)
    from hwasc.pipelines.evaluating import evaluate

    result = evaluate(ws, args.model, args.runtime)
    if args.json:
        common.print_json(result)
        return
    m = result.metrics
    print(
        f"{result.model} in {result.runtime}: {m.accuracy:.1%} macro accuracy, "
        f"log loss {m.log_loss:.3f}, calibration error {m.ece:.3f} on {m.clips:,} test clips; "
        f"by location {m.by_location:.1%} of {m.locations}"
    )
    for title, values in (("scene", m.per_class), ("device", m.per_device), ("group", m.groups)):
        print(f"  by {title}: " + ", ".join(f"{k} {v:.1%}" for k, v in values.items()))
