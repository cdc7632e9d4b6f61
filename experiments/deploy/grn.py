"""What each form of global response normalization costs one architecture.

python experiments/deploy/grn.py experiments/deploy/grn_student.json

Every block takes the same form. Time: TensorFlow Lite Micro on this machine, the forms in turn, five rounds, the least of each.
"""

from __future__ import annotations

import argparse
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
from hwasc.models import build
from hwasc.records.architecture import Architecture, load
from hwasc.records.blocks import GRN
from hwasc.training.quantization import calibrate, quantize

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
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("architecture", type=Path)
    base = load(parser.parse_args().architecture).architecture
    torch.set_num_threads(1)
    torch.manual_seed(0)
    forms = {name: with_form(base, grn) for name, grn in FORMS.items()}
    took = times(forms)
    print("| GRN | parameters | MACs, as run | activations B | lower bound B | file B | M4 at 80 MHz, ms (estimate) | "
          "TFLM here, ms |\n|" + "---|" * 8)  # fmt: skip
    for name, a in forms.items():
        c = measure(a)
        ms = estimate(deployment.build(a), "cortex-m4", 80).milliseconds
        print(f"| {name} | {c.parameters:,} | {c.macs.conv:,} | {c.int8_memory.activations:,} | {c.int8_memory.lower_bound:,} | "
              f"{c.flash:,} | {ms:,.0f} | {took[name]:.2f} |")  # fmt: skip


if __name__ == "__main__":
    main()
