"""Write the int8 student of a finished distillation for a runtime: full-integer .tflite, ONNX QCDQ, source for firmware (C from
microphone to class, or C++ for TensorFlow Lite Micro), or a page that runs it in a browser."""

from __future__ import annotations

import argparse
from pathlib import Path

import hwasc
from hwasc.cli import common
from hwasc.cli.next_step import next_step
from hwasc.parts import EXPORTERS

OPTIONS = ("hop", "target", "arithmetic", "smoothing", "patches", "kernels", "budget", "name", "onnxruntime_web")
EXAMPLES = """examples:
  hwasc export --weights runs/distill/int8.safetensors --format tflite
  hwasc export --weights runs/distill/int8.safetensors --format tflite --planner offline --out student.tflite
  hwasc export --weights runs/distill/int8.safetensors --format c --out firmware/student
  hwasc export --weights runs/distill/int8.safetensors --format c --hop 250ms --target cortex-m0+
  hwasc export --weights runs/distill/int8.safetensors --format tflite --patches auto
  hwasc export --weights runs/distill/int8.safetensors --format tflm --kernels cortex-m4
  hwasc export --weights runs/distill/int8.safetensors --format tflm --budget nrf52840 --out firmware/student
  hwasc export --weights runs/distill/int8.safetensors --format web --out page
  hwasc export --weights runs/distill/int8.safetensors --out student.onnx"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument(
        "--weights", required=True, metavar="FILE", type=Path, help="int8.safetensors of `hwasc distill`"
    )
    common.add_part(parser, "--format", EXPORTERS, help="%(choices)s; default: by the ending of --out, else onnx")
    parser.add_argument(
        "--out",
        metavar="PATH",
        type=Path,
        help="default student.onnx, student.tflite; student_c, student_tflm and student_web (folders)",
    )
    parser.add_argument(
        "--planner",
        choices=("greedy", "offline"),
        default="greedy",
        help="memory plan of a .tflite or of the one in C++: by the interpreter (default), or optimised and stored in the file",
    )
    parser.add_argument(
        "--patches",
        metavar="N|auto",
        help="of tflite and tflm: the operators with the largest maps run in so many frequency patches, one after the other, "
        "with the same results in less memory; auto: whatever needs the smallest arena",
    )
    own = parser.add_argument_group("options of --format c")
    own.add_argument(
        "--hop", metavar="TIME", help="from decision to decision: 250ms, 0.5s, or samples; default: a clip"
    )
    own.add_argument(
        "--target",
        metavar="CORE",
        help="cortex-m0+, cortex-m3: log-mel in integers; "
        "cortex-m4 (default), cortex-m7, cortex-m33, cortex-m55: in single "
        "precision",
    )
    own.add_argument(
        "--arithmetic",
        choices=("float", "integer"),
        help="of the log-mel, instead of the target's; also of --format tflm",
    )
    own.add_argument(
        "--smoothing", metavar="SHARE", type=float, help="share of the decisions so far in the logits (default 0)"
    )
    interpreter = parser.add_argument_group("options of --format tflm")
    interpreter.add_argument(
        "--kernels",
        metavar="SET",
        help="what TensorFlow Lite Micro is built with, for the arena: reference, or CMSIS-NN for cortex-m0+, cortex-m4, "
        "cortex-m7, cortex-m33 or cortex-m55; "
        "default: the budget's, else the compiler chooses",
    )
    interpreter.add_argument("--budget", metavar="NAME", help="budget of the chip: a bundled one, or a file")
    interpreter.add_argument(
        "--name", metavar="NAME", help="of the model in files, functions and namespace; default: --out's"
    )
    page = parser.add_argument_group("options of --format web")
    page.add_argument(
        "--onnxruntime-web",
        metavar="DIR",
        type=Path,
        help="a copy of the npm package onnxruntime-web, of which two files go into the page; default: "
        "node_modules/onnxruntime-web here or in a folder above",
    )
    common.add_output(parser)


def run(args: argparse.Namespace) -> None:
    """Export and print the path."""
    from hwasc.deploy.exporters import choose_format, default_path, find
    from hwasc.records.earlier_run import is_run

    chosen = args.format or (None if args.out else "onnx")
    out = args.out or default_path(chosen or "onnx")
    options = {name: getattr(args, name) for name in OPTIONS if getattr(args, name) is not None}
    path = hwasc.export(args.weights, out, format=chosen, planner=args.planner, **options)
    size = sum(p.stat().st_size for p in (path.rglob("*") if path.is_dir() else [path]) if p.is_file())
    if args.json:
        common.print_json({"model": str(path), "format": chosen or path.suffix.lstrip("."), "bytes": size})
        return
    common.print_text(f"model {path} ({size:,} B)")
    summary = getattr(find(choose_format(out, chosen)), "summary", None)
    for line in summary(path) if summary else ():
        common.print_text(f"  {line}")
    run = args.weights.parent
    if choose_format(out, chosen) in ("c", "tflite", "onnx"):  # what `evaluate` runs
        next_step(["evaluate", "--model", path, *(["--like", run] if is_run(run) else [])])
