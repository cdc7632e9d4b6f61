"""Write the int8 student of a finished distillation as a file for a runtime: full-integer .tflite, or ONNX QCDQ."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from hwasc.cli import common
from hwasc.errors import UsageError

EXAMPLES = """examples:
  hwasc export --weights runs/distill/int8.safetensors --format tflite
  hwasc export --weights runs/distill/int8.safetensors --format tflite --planner offline --out student.tflite
  hwasc export --weights runs/distill/int8.safetensors --out student.onnx"""
FORMATS = ("onnx", "tflite")


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument(
        "--weights", required=True, metavar="FILE", type=Path, help="int8.safetensors of `hwasc distill`"
    )
    parser.add_argument("--format", choices=FORMATS, help="default: what --out ends with, else onnx")
    parser.add_argument("--out", metavar="FILE", type=Path, help="default student.onnx, student.tflite")
    parser.add_argument(
        "--planner",
        choices=("greedy", "offline"),
        default="greedy",
        help="memory plan of a .tflite: the interpreter's own (default), or an optimised one in the file",
    )
    common.add_output(parser)


def run(args: argparse.Namespace) -> None:
    """Export and say where."""
    named = args.out.suffix.lstrip(".") if args.out else ""
    chosen: Any = args.format or (named if named in FORMATS else "onnx")
    if named in FORMATS and named != chosen:
        raise UsageError(f"--format {chosen} does not go into {args.out}; name a file that ends with .{chosen}")
    if args.planner == "offline" and chosen != "tflite":
        raise UsageError("--planner offline is for --format tflite")
    from hwasc.pipelines.exporting import export

    path = export(args.weights, args.out or Path(f"student.{chosen}"), chosen, args.planner)
    if args.json:
        common.print_json({"model": str(path), "format": chosen, "bytes": path.stat().st_size})
    else:
        print(f"model {path} ({path.stat().st_size:,} B)")
