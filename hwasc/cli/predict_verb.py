"""Classify recordings, raw samples from standard input, or a microphone, with a finished model: .tflite in TensorFlow Lite Micro,
.onnx in ONNX Runtime, .safetensors in torch, a folder of C as a program of this machine, a run folder by its int8 weights.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hwasc
from hwasc.cli import common
from hwasc.cli.next_step import next_step
from hwasc.cli.verdict_lines import print_verdict
from hwasc.errors import UsageError
from hwasc.parts import RUNTIMES

if TYPE_CHECKING:
    import numpy as np

    from hwasc.students.classifier import Classifier
    from hwasc.students.prediction import Classified, Predictions, Window

STDIN = "-"
PIPE, FILE = 1 << 16, 1 << 22  # bytes that are read at once
EXAMPLES = """examples:
  hwasc predict student.tflite street.wav
  hwasc predict runs/distill my_recordings --every 0.25 --csv scenes.csv --html scenes.html
  arecord -f S16_LE -r 32000 -t raw | hwasc predict student.onnx - --rate 32000 --every 0.5
  hwasc predict runs/distill --mic
  hwasc predict student.onnx street.wav --json"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument(
        "model", metavar="MODEL", type=Path, help="a model file, a folder of C, or the run folder of distill"
    )
    parser.add_argument(
        "sources",
        metavar="SOURCE",
        nargs="*",
        help="recordings, folders of recordings, or - for raw samples (int16, mono)",
    )
    parser.add_argument(
        "--mic",
        nargs="?",
        const="",
        metavar="INPUT",
        help="listen to the microphone until Ctrl-C; INPUT: number or part of the name of another input (hwasc[mic])",
    )
    parser.add_argument("--every", type=float, metavar="SECONDS", help="step of the windows (default: their length)")
    parser.add_argument(
        "--rate",
        type=common.whole(1),
        metavar="HZ",
        help="sample rate of raw samples and of --mic (default: the model's)",
    )
    common.add_part(parser, "--runtime", RUNTIMES, help="%(choices)s; default: by the kind of file")
    parser.add_argument("--csv", metavar="FILE", type=Path, help="write a table with a row for each window")
    parser.add_argument(
        "--html", metavar="FILE", type=Path, help="write a page: the scenes over time, with spectrograms"
    )
    machine = parser.add_argument_group("machine")
    machine.add_argument(
        "--device", default="auto", help="of .safetensors: auto, cpu, cuda, cuda:1, mps (default auto)"
    )
    machine.add_argument("--workers", type=common.whole(1), default=1, help="processes for .tflite and C (default 1)")
    common.add_output(parser)


def run(args: argparse.Namespace) -> None:
    """Classify and print."""
    live = args.mic is not None or STDIN in args.sources
    _check(args, live)
    if not live:
        from hwasc.api.recordings import recordings

        files = recordings(args.sources)  # a missing source is named before the model is opened
    classifier = hwasc.load(args.model, runtime=args.runtime, device=args.device, workers=args.workers)
    if live:
        _listen(args, classifier)
        return
    from hwasc.progress import Reporter

    result = hwasc.predict(
        classifier, files, every=args.every, csv=args.csv, html=args.html, reporter=Reporter(quiet=args.quiet)
    )
    for s in result.skipped:
        where = "" if s.start is None else f", {s.start:g} s"
        print(f"not classified: {s.file}{where} ({s.reason})", file=sys.stderr)
    if args.json:
        common.print_json(result)
        return
    _print(result, spans=args.every is not None)
    for kind, path in (("table", args.csv), ("page", args.html)):
        if path:
            print(f"{kind} {path}")
    if len(files) > 1:  # the line of a single one says it all
        from hwasc.report.verdicts import prediction_verdict

        print_verdict(prediction_verdict(result))
    if args.html is None:
        again = [("--every", args.every), ("--runtime", args.runtime)]
        given = [word for option, value in again if value is not None for word in (option, value)]
        next_step(["predict", args.model, *args.sources, *given, "--html", "scenes.html"])


def _check(args: argparse.Namespace, live: bool) -> None:
    if args.mic is not None and args.sources:
        raise UsageError("--mic goes with no SOURCE")
    if STDIN in args.sources and len(args.sources) > 1:
        raise UsageError("- goes with no other SOURCE")
    if not live and not args.sources:
        raise UsageError("name a recording, a folder, - for raw samples, or --mic")
    if live and (args.csv or args.html):
        raise UsageError("--csv and --html need recordings; the lines of sound as it comes can be kept by > FILE")
    if not live and args.rate:
        raise UsageError("--rate is for raw samples and --mic; recordings have their own")


def _print(result: Predictions, *, spans: bool) -> None:
    for file in result.files:
        count = len(file.windows)
        others = f" ({_counts(file)} of {count} windows)" if count > 1 else ""
        common.print_text(f"{file.file}: {file.scene} {file.probability:.0%}{others}")
        if spans:
            for first, last, scene, mean in _spans(file):
                common.print_text(f"  {first:8.2f} to {last:8.2f} s  {scene} {mean:.0%}")


def _counts(file: Classified) -> str:
    """How many windows have each scene, the most frequent first."""
    scenes = [w.scene for w in file.windows]
    return ", ".join(f"{s} {scenes.count(s)}" for s in sorted(set(scenes), key=lambda s: (-scenes.count(s), s)))


def _spans(file: Classified) -> Iterator[tuple[float, float, str, float]]:
    """Neighbouring windows of one scene together: begin of the first, begin of the next scene, scene, mean probability."""
    group: list[Window] = []
    for window in (*file.windows, None):
        if group and (window is None or window.scene != group[0].scene):
            until = group[-1].end if window is None else window.start
            yield group[0].start, until, group[0].scene, sum(w.probability for w in group) / len(group)
            group = []
        if window is not None:
            group.append(window)


def _listen(args: argparse.Namespace, classifier: Classifier) -> None:
    from hwasc.records.schema import canonical
    from hwasc.students.prediction import Skipped

    rate = args.rate or classifier.sample_rate
    if args.mic is not None:
        from hwasc.audio.microphone import microphone

        blocks: Iterator[np.ndarray] = microphone(rate, args.mic or None)
    else:
        blocks = _raw()
    with contextlib.suppress(KeyboardInterrupt) if args.mic is not None else contextlib.nullcontext():
        for decided in classifier.listen(blocks, rate, every=args.every):
            if args.json:
                print(canonical(decided), flush=True)
            elif isinstance(decided, Skipped):
                print(f"{decided.start:8.2f} s  not classified ({decided.reason})", flush=True)
            else:
                print(
                    f"{decided.start:8.2f} to {decided.end:8.2f} s  {decided.scene} {decided.probability:.0%}",
                    flush=True,
                )


def _raw() -> Iterator[np.ndarray]:
    """int16 samples, little-endian, as soon as they come."""
    import numpy as np

    stream: Any = sys.stdin.buffer
    regular = stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    rest = b""
    while data := stream.read1(FILE if regular else PIPE):
        data = rest + data
        even = len(data) - len(data) % 2
        yield np.frombuffer(data[:even], "<i2")
        rest = data[even:]
