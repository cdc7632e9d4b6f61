"""What each form of global response normalization costs one architecture, and what it brings.

python experiments/deploy/grn.py --trial 22 --search runs/synthetic/search [--epochs 30] [--seeds 2] [--out grn.jsonl]

The architecture is a trial of a search on the embedded scenes; every block takes the same form. Accuracy: distilled from the
ensemble, calibrated int8, on validation clips (nothing is chosen on the test split). Time: TensorFlow Lite Micro on this
machine, the variants in turn, five rounds, the least of each. Resumable: scores already in --out are not computed again.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from hwasc.cost import graph as deployment
from hwasc.cost import measure
from hwasc.cost.latency import estimate
from hwasc.deploy import tflite
from hwasc.deploy.interpreter import Interpreter
from hwasc.ensemble.fusion import fuse, target_file
from hwasc.models import build
from hwasc.nas import proxies
from hwasc.nas.job import Proposal
from hwasc.nas.scoring import Scoring, candidate
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import GRN
from hwasc.records.settings import Settings
from hwasc.records.space import SearchSpace
from hwasc.training.quantization import calibrate, quantize
from hwasc.workspace import Workspace, open_workspace

FORMS: dict[str, GRN | None] = {"none": None} | {
    f"{shape}, {at}, {response}": GRN(shape=shape, at=at, response=response)  # type: ignore[arg-type]
    for response, shape, at in (
        ("mean", "scalar", "sum"), ("mean", "channel", "sum"), ("mean", "scalar", "expanded"),
        ("mean", "channel", "expanded"), ("l2", "scalar", "sum"), ("l2", "channel", "expanded"),
    )
}  # fmt: skip


def with_form(a: Architecture, grn: GRN | None) -> Architecture:
    """The architecture with one form of GRN in every block."""
    return replace(a, blocks=tuple(replace(b, grn=grn) for b in a.blocks))


def accuracy(ws: Workspace, a: Architecture, epochs: int, seed: int) -> tuple[float, float]:
    """(float, int8) macro accuracy on the validation clips after a distillation from the ensemble."""
    settings = replace(ws.settings.search.second, epochs=epochs)
    how = Scoring("distillation", target_file(ws, fuse(ws)), settings)
    found = proxies.score(candidate(ws, how, Proposal({}, a), seed))
    assert found.float_accuracy is not None
    return found.float_accuracy, found.value


def times(forms: dict[str, Architecture], clips: int = 20, rounds: int = 5) -> dict[str, float]:
    """Milliseconds a clip in the interpreter on this machine, the least of the rounds."""
    out: dict[str, list[float]] = {name: [] for name in forms}
    with tempfile.TemporaryDirectory() as folder, Interpreter() as one:
        for i, a in enumerate(forms.values()):
            x = torch.randn(4, 1, a.front_end.mels, a.front_end.frames)
            model = calibrate(quantize(build(a).eval()), [x], correct_bias=False)
            tflite.export(model, Path(folder) / f"{i}.tflite", tuple(map(str, range(a.classes))))
        for _ in range(rounds):
            for i, name in enumerate(forms):
                one.load(Path(folder) / f"{i}.tflite")
                x8 = np.zeros((clips, *one.input.shape[1:]), np.int8)
                start = time.perf_counter()
                one.run(x8)
                out[name].append(1000 * (time.perf_counter() - start) / clips)
    return {name: min(values) for name, values in out.items()}


def main() -> None:
    """Score what is missing, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--search", type=Path, required=True)
    parser.add_argument("--trial", type=int, required=True)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("grn.jsonl"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    trials = map(json.loads, (args.search / "trials.jsonl").read_text().splitlines())
    point = next(t["point"] for t in trials if t["number"] == args.trial)
    base = SearchSpace.load("full").architecture(point, 10)
    forms = {name: with_form(base, grn) for name, grn in FORMS.items()}
    ws = open_workspace("synthetic", Settings.load())
    lines = args.out.read_text().splitlines() if args.out.is_file() else []
    known = {(r["form"], r["seed"]): r for r in map(json.loads, lines)}
    for seed in range(args.seeds):
        for name, a in forms.items():
            if (name, seed) in known:
                continue
            reached = accuracy(ws, a, args.epochs, seed)
            known[name, seed] = {"form": name, "seed": seed, "float": reached[0], "int8": reached[1], "id": a.id}
            with args.out.open("a") as f:
                f.write(json.dumps(known[name, seed]) + "\n")
    took = times(forms)
    print("| GRN | parameters | MACs, as run | activations B | file B | M4 at 80 MHz, ms (estimate) | TFLM here, ms | "
          "float % | int8 % |\n|" + "---|" * 9)  # fmt: skip
    for name, a in forms.items():
        c = measure(a)
        reached8 = [[100 * known[name, seed][k] for seed in range(args.seeds)] for k in ("float", "int8")]
        cells = " | ".join(f"{statistics.mean(v):.1f} ({min(v):.1f}-{max(v):.1f})" for v in reached8)
        ms = estimate(deployment.build(a), "cortex-m4", 80).milliseconds
        print(f"| {name} | {c.parameters:,} | {c.macs.conv:,} | {c.int8_memory.activations:,} | {c.flash:,} | {ms:,.0f} | "
              f"{took[name]:.2f} | {cells} |")  # fmt: skip


if __name__ == "__main__":
    main()
