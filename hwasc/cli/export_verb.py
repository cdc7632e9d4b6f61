"""Write the int8 student of a finished distillation for a runtime: full-integer .tflite, ONNX QCDQ, or C++ for firmware."""

from __future__ import annotations

import argparse
from pathlib import Path

import hwasc
from hwasc.cli import common
from hwasc.parts import EXPORTERS

EXAMPLES = """examples:
  hwasc export --weights runs/distill/int8.safetensors --format tflite
  hwasc export --weights runs/distill/int8.safetensors --format tflite --planner offline --out student.tflite
  hwasc export --weights runs/distill/int8.safetensors --format tflm --out firmware/student
  hwasc export --weights runs/distill/int8.safetensors --out student.onnx"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument(
        "--weights", required=True, metavar="FILE", type=Path, help="int8.safetensors of `hwasc distill`"
    )
    common.add_part(parser, "--format", EXPORTERS, help="%(choices)s; default: by the ending of --out, else onnx")
    parser.add_argument(
        "--out", metavar="PATH", type=Path, help="default student.onnx, student.tflite, student_tflm (a folder)"
    )
    parser.add_argument(
        "--planner",
        choices=("greedy", "offline"),
        default="greedy",
        help="memory plan of a .tflite or of the one in C++: by the interpreter (default), or optimised and stored in the file",
    )
    common.add_output(parser)


def run(args: argparse.Namespace) -> None:
    """Export and print the path."""
    from hwasc.deploy.exporters import default_path

    chosen = args.format or (None if args.out else "onnx")
    out = args.out or default_path(chosen or "onnx")
    path = hwasc.export(args.weights, out, format=chosen, planner=args.planner)
    size = sum(p.stat().st_size for p in (path.rglob("*") if path.is_dir() else [path]) if p.is_file())
    if args.json:
        common.print_json({"model": str(path), "format": chosen or path.suffix.lstrip("."), "bytes": size})
    else:
        print(f"model {path} ({size:,} B)")
