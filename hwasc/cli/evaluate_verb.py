"""Measure a finished model file on the test split: student.tflite in TensorFlow Lite Micro, the interpreter that runs on the
chip, student.onnx in ONNX Runtime, *.safetensors in torch, the folder of `export --format c` as a program of this machine. With
--snr it is measured again with noise added to the waveforms.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

import hwasc
from hwasc.cli import common
from hwasc.cli.next_step import next_step
from hwasc.cli.verdict_lines import print_verdict
from hwasc.data.clips import UnsplittableError
from hwasc.errors import DataError, UsageError
from hwasc.parts import RUNTIMES

if TYPE_CHECKING:
    from hwasc.students.evaluation import Evaluation

SNRS = "20,10,5,0"
SOURCES = ["white", "pink"]
EXAMPLES = """examples:
  hwasc evaluate --model student.tflite --data my_recordings --workers 4
  hwasc evaluate --model student.tflite --data new_recordings --split all
  hwasc evaluate --model student.tflite --data my_recordings --html mistakes.html   # hear what it gets wrong
  hwasc evaluate --model student.tflite --runtime litert-ref
  hwasc evaluate --model runs/distill/student.onnx --data my_recordings --snr --html noise.html
  hwasc evaluate --model runs/distill/student.onnx --snr 20,0 --noise pink recordings_of_noise
  hwasc evaluate --model firmware/student --from waveform
  hwasc evaluate --model runs/distill/int8.safetensors --json"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument(
        "--model",
        required=True,
        metavar="FILE",
        type=Path,
        help="student.tflite, student.onnx, int8.safetensors, float.safetensors, a folder of C",
    )
    common.add_part(
        parser,
        "--runtime",
        RUNTIMES,
        help="%(choices)s; default: tflm for .tflite (litert-ref: LiteRT's reference kernels), onnx for .onnx, torch for "
        ".safetensors, c for a folder of C",
    )
    parser.add_argument(
        "--from",
        dest="source",
        choices=("features", "waveform"),
        default="features",
        help="what the model gets: features, which hwasc computes (default), or the waveform: a folder of C has its own log-mel",
    )
    parser.add_argument(
        "--snr",
        nargs="?",
        const=SNRS,
        metavar="DB,...",
        help=f"measure again with noise at these signal-to-noise ratios (--snr alone: {SNRS} dB; below 0: --snr=-5)",
    )
    parser.add_argument(
        "--noise",
        nargs="+",
        metavar="KIND|DIR",
        help=f"white, pink, or a folder of recordings of noise; implies --snr (default {' '.join(SOURCES)})",
    )
    parser.add_argument(
        "--split",
        choices=("test", "all"),
        default="test",
        help="test: the test split (default); all: every clip of a folder that is all new, of any number of places and of any of "
        "the model's scenes. Clips at places that the model was trained on or chosen by are left out in both",
    )
    parser.add_argument(
        "--csv",
        metavar="FILE",
        type=Path,
        help="write a table of what the model says of each clip (with --html PAGE.html: PAGE.predictions.csv by default)",
    )
    parser.add_argument(
        "--html",
        metavar="FILE",
        type=Path,
        help="write a page; it has the clips that the model gets wrong, to be heard",
    )
    common.add_embed(parser)
    common.add_unseen(parser)
    common.add_data(parser)


def run(args: argparse.Namespace) -> None:
    """Evaluate and print."""
    snrs = _snrs(args.snr or (SNRS if args.noise else ""))
    noise = list(dict.fromkeys(args.noise or SOURCES))
    try:
        result = hwasc.evaluate(
            common.workspace(args, split=args.split, like=_run_of(args)),
            args.model,
            runtime=args.runtime,
            snrs=snrs,
            noise=noise,
            csv=args.csv,
            html=args.html,
            embed=args.embed,
            source=args.source,
            unseen=args.unseen,
        )
    except UnsplittableError as e:
        raise DataError(f"{e}; if all of the folder is new to the model, add --split all") from None
    if args.json:
        common.print_json(result)
        return
    from hwasc.report.verdicts import evaluation_verdict
    from hwasc.students import clip_predictions

    _print(result)
    print_verdict(evaluation_verdict(result))
    if table := args.csv or (args.html and clip_predictions.beside(args.html)):
        print(f"table {table}")
    if args.html:
        common.print_text(f"page {args.html}")
    if args.model.suffix == ".safetensors":
        next_step(["export", "--weights", args.model, "--format", "c"])
    elif not args.model.is_dir():
        next_step(["predict", args.model, "--mic"])


def _snrs(text: str) -> list[float]:
    try:
        found = list(dict.fromkeys(float(part) for part in text.split(",") if part.strip()))
    except ValueError:
        found = [math.inf]
    if not all(map(math.isfinite, found)):
        raise UsageError(f"--snr {text}: expected numbers (dB) with commas between them, e.g. {SNRS}")
    return found


def _print(result: Evaluation) -> None:
    m = result.metrics
    common.print_text(
        f"{result.model} in {result.runtime}: {m.accuracy:.1%} macro accuracy, "
        f"log loss {m.log_loss:.3f}, calibration error {m.ece:.3f}; "
        f"by location {m.by_location:.1%} of {m.locations}"
    )
    common.print_text(f"  on {result.measured.text()}")
    for title, values in (("scene", m.per_class), ("device", m.per_device), ("group", m.groups)):
        common.print_text(f"  by {title}: " + ", ".join(f"{k} {v:.1%}" for k, v in values.items()))
    if not result.noisy:
        return
    from hwasc.progress import Column

    levels = [("as recorded", "", m), *((n.noise, f"{n.snr:g} dB", n.metrics) for n in result.noisy)]
    rows = [
        (noise, snr, f"{x.accuracy:.1%}", f"{x.log_loss:.3f}", f"{x.ece:.3f}", *(f"{v:.1%}" for v in x.groups.values()))
        for noise, snr, x in levels
    ]
    common.print_table(("noise", "SNR", "accuracy", Column("log loss", drop=2), Column("ECE", drop=1), *m.groups), rows)


def _run_of(args: argparse.Namespace) -> Path | None:
    """The run folder in which the model lies, where no other data are named."""
    from hwasc.records.earlier_run import is_run

    if args.data is not None:
        return None
    model = args.model if args.model.is_dir() else args.model.parent
    return model if is_run(model) else None
