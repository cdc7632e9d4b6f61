"""Compare the net in C with TensorFlow Lite Micro, logit by logit: random nets of the full search space, and the presets.

python experiments/firmware/bit_exact.py [--nets 200] [--clips 4] [--part 0 --parts 1]

The nets are untrained, their scales calibrated on noise, their GRN lively. Each is compiled for this machine along both axes.
Ends with exit status 1 at a difference.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

from hwasc.cost.graph import build as build_graph
from hwasc.cost.row_planner import plan_rows
from hwasc.deploy import tflite
from hwasc.deploy.constants import quantized_numbers
from hwasc.deploy.firmware.host import host_net
from hwasc.deploy.firmware.net_numbers import Net
from hwasc.deploy.interpreter import Interpreter
from hwasc.models import build
from hwasc.models.blocks import GlobalResponseNorm
from hwasc.nas.declare import random_point
from hwasc.records.architecture import Architecture
from hwasc.records.presets import PRESETS
from hwasc.records.space import SearchSpace
from hwasc.training.quantization import calibrate, quantize


def different(a: Architecture, chip: Interpreter, folder: Path, clips: int, seed: int) -> tuple[int, int, int]:
    """Compare one net: logits that differ, logits, and how many values they have."""
    torch.manual_seed(seed)
    model = build(a)
    for m in model.modules():
        if isinstance(m, GlobalResponseNorm):
            nn.init.uniform_(m.gamma, -0.5, 0.5)
    shape = (a.front_end.mels, a.front_end.frames)
    model = calibrate(quantize(model.eval()), [torch.randn(2, 1, *shape)], correct_bias=False)
    graph = build_graph(a)
    found = quantized_numbers(model, graph)
    chip.load(tflite.export(model, folder / "m.tflite", tuple(map(str, range(a.classes)))))
    rng = np.random.default_rng(seed)
    noise = rng.integers(-128, 128, (clips // 2, *shape))
    scenes = np.clip(np.round(rng.normal(0, 35, (clips - clips // 2, *shape))), -128, 127)
    features = np.concatenate([noise, scenes]).astype(np.int8)
    expected = chip.run(features[..., None])
    wrong = 0
    for axis in ("mels", "frames"):
        plan = plan_rows(graph, a.padding, axis=axis)
        logits = host_net(Net(graph, found, axis, a.padding), plan, folder / axis).run(features)
        wrong += int((logits != expected).sum())
    return wrong, 2 * expected.size, len(np.unique(expected))


def main() -> None:
    """Compare and print; the exit status tells whether all logits are equal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nets", type=int, default=200)
    parser.add_argument("--clips", type=int, default=4)
    parser.add_argument("--part", type=int, default=0, help="of the nets, where several processes share them")
    parser.add_argument("--parts", type=int, default=1)
    arguments = parser.parse_args()
    space, rng = SearchSpace.load("full"), random.Random(0)
    nets = {name: make() for name, make in PRESETS.items()}
    for i in range(arguments.nets):
        nets[f"random {i}"] = space.architecture(random_point(space, rng), rng.randint(2, 20))
    wrong = logits = done = 0
    with Interpreter() as chip, tempfile.TemporaryDirectory() as folder:
        for seed, (name, a) in list(enumerate(nets.items()))[arguments.part :: arguments.parts]:
            differ, count, values = different(a, chip, Path(folder), arguments.clips, seed)
            wrong, logits = wrong + differ, logits + count
            if differ or values < 3:
                print(f"{name}: {differ} of {count} logits differ, {values} values\n{a.text()}", flush=True)
            done += 1
            if done % 20 == 0:
                print(f"{done} nets: {wrong} of {logits} logits differ", flush=True)
    print(f"{done} nets: {wrong} of {logits} logits differ")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
