"""Predicted arena heads beside TensorFlow Lite Micro's: the presets, then random architectures; `python heads.py [COUNT]`."""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from hwasc.cost import graph as deployment
from hwasc.cost.memory import plan_greedy
from hwasc.cost.offline import plan_offline
from hwasc.deploy import tflite
from hwasc.deploy.interpreter import Interpreter, version
from hwasc.models import build
from hwasc.nas.declare import random_point
from hwasc.records.architecture import Architecture
from hwasc.records.presets import PRESETS
from hwasc.records.space import SearchSpace
from hwasc.training.quantization import calibrate, quantize


def heads(a: Architecture, interpreter: Interpreter, folder: Path) -> tuple[list[int], bool, float]:
    """[greedy, TFLM's, offline, TFLM's with the plan, lower bound], whether outputs agree, share of logits off by a step."""
    graph = deployment.build(a)
    x = torch.randn(4, 1, a.front_end.mels, a.front_end.frames)
    model = calibrate(quantize(build(a).eval()), [x], correct_bias=False)
    greedy, offline, found, out = plan_greedy(graph), plan_offline(graph), [], []
    for planner in ("greedy", "offline"):
        path = tflite.export(model, folder / "m.tflite", tuple(map(str, range(a.classes))), planner)  # type: ignore[arg-type]
        interpreter.load(path)
        found.append(interpreter.allocation.head)
        stored = torch.round(x / interpreter.input.scale).clamp(-128, 127).permute(0, 2, 3, 1)
        out.append(interpreter.run(stored.numpy().astype(np.int8)))
    with torch.no_grad():
        ours = torch.round(model(x) / interpreter.output.scale).numpy()
    return (
        [greedy.head, found[0], offline.head, found[1], greedy.lower_bound],
        bool(np.array_equal(*out)),
        float(np.mean(ours != out[0])),
    )


def main() -> None:
    """Print the table and the sums."""
    torch.manual_seed(0)
    rng, space = random.Random(0), SearchSpace.load("full")
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with tempfile.TemporaryDirectory() as folder, Interpreter() as interpreter:
        print(f"{version()}\n\n| net | greedy | TFLM | offline | TFLM | lower bound |\n|---|---|---|---|---|---|")
        for name, make in PRESETS.items():
            row, same, _ = heads(make(), interpreter, Path(folder))
            print(f"| {name} | " + " | ".join(f"{n:,}" for n in row) + f" |{'' if same else ' OUTPUTS DIFFER'}")
        equal, saved, off = 0, [], []
        for _ in range(count):
            row, same, differ = heads(space.architecture(random_point(space, rng), 10), interpreter, Path(folder))
            equal += row[0] == row[1] and row[2] == row[3] and same
            saved.append(1 - row[2] / row[0])
            off.append(differ)
        print(f"\n{equal} of {count} random architectures of the full space: both heads equal, outputs identical;")
        better = float(np.mean(np.array(saved) > 0))
        print(f"the offline plan saves {np.mean(saved):.1%} on average, {max(saved):.1%} at most, in {better:.0%}")
        print(f"untrained logits that differ from the fake-quantized student's: {np.mean(off):.2%}")


if __name__ == "__main__":
    main()
