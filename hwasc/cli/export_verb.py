"""Write the int8 student of a finished distillation as a file for a runtime (ONNX QCDQ)."""

from __future__ import annotations

import argparse
from pathlib import Path

from hwasc.cli import common

EXAMPLES = """examples:
  hwasc export --weights runs/distill/int8.safetensors --out student.onnx"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument(
        "--weights", required=True, metavar="FILE", type=Path, help="int8.safetensors of `hwasc distill`"
    )
    parser.add_argument("--format", choices=("onnx",), default="onnx", help="default onnx")
    parser.add_argument("--out", metavar="FILE", type=Path, default=Path("student.onnx"), help="default student.onnx")
    common.add_output(parser)


def run(args: argparse.Namespace) -> None:
    """Export and say where."""
    from hwasc.pipelines.exporting import export

    path = export(args.weights, args.out)
    if args.json:
        common.print_json({"model": str(path), "format": args.format, "bytes": path.stat().st_size})
    else:
        print(f"model {path} ({path.stat().st_size:,} B)")
