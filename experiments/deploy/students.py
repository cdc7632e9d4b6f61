"""Distilled students on the chip's interpreter, beside the quantized torch model that they were exported from.

python experiments/deploy/students.py --data DATA [--config FILE] [--set a.b=c] RUN [RUN ...]

Prints a table: every RUN is a folder that `hwasc distill` left, on the same data. Reads the test split.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

from hwasc.cost import graph as deployment
from hwasc.cost.memory import plan_greedy
from hwasc.cost.offline import plan_offline
from hwasc.cost.persistent import arena
from hwasc.deploy import interpreter
from hwasc.deploy.exporting import load_int8
from hwasc.records.settings import Settings
from hwasc.training.loop import predict
from hwasc.training.metrics import measure_logits
from hwasc.workspace import Workspace, open_workspace

COLUMNS = ("student", "clips", "float %", "int8 in torch %", "in TFLM %", "same scene %", "equal logits %", "file B",
           "head: TFLM", "predicted", "greedy", "lower bound", "arena: TFLM", "predicted")  # fmt: skip


def row(ws: Workspace, run: Path) -> list[str]:
    """One line of the table."""
    model, _ = load_int8(run / "int8.safetensors")
    a, path = model.architecture, run / "student.tflite"
    test = ws.features(ws.dataset.test, a.front_end, "test")
    ours = predict(model, test, torch.device("cpu"))
    theirs = interpreter.predict(path, test, "tflm", workers=ws.workers)
    seen = sorted({c.device for c in ws.dataset.train})
    with interpreter.Interpreter() as one:
        one.load(path)
        head, smallest = one.allocation.head, interpreter.smallest_arena(one, path)
    graph = deployment.build(a)
    greedy, offline = plan_greedy(graph), plan_offline(graph)
    reached = [measure_logits(y, test, seen).accuracy for y in (ours, theirs)]
    shown = [json.loads((run / "result.json").read_text())["float"]["accuracy"], *reached]
    shown += [(ours.argmax(1) == theirs.argmax(1)).mean(), (abs(ours - theirs) < 1e-4).mean()]
    sizes = [path.stat().st_size, head, offline.head, greedy.head, greedy.lower_bound, smallest, arena(a, offline.head)]
    return [run.name, f"{len(test):,}", *(f"{100 * v:.2f}" for v in shown), *(f"{n:,}" for n in sizes)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--data", required=True)
    parser.add_argument("--config", type=Path)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args()
    ws = open_workspace(args.data, Settings.load(args.config, args.set), workers=args.workers)
    print(f"{interpreter.version()}\n\n| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS))
    for run in args.runs:
        print("| " + " | ".join(row(ws, run)) + " |", flush=True)


if __name__ == "__main__":
    main()
