"""Nets of many kinds for the firmware's tests, and the interpreter's answers to compare with."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import numpy as np
import torch
from torch import nn

from hwasc.cost.graph import Builder, Graph
from hwasc.cost.graph import build as build_graph
from hwasc.cost.row_plan import Axis
from hwasc.cost.row_planner import plan_rows
from hwasc.deploy import tflite
from hwasc.deploy.constants import IntegerFilters, Quantized, quantized_numbers
from hwasc.deploy.firmware.host import HostNet, host_net
from hwasc.deploy.firmware.net_numbers import Net
from hwasc.models import build
from hwasc.models.blocks import GlobalResponseNorm
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import GRN, AxisResidual, Block, FusedResidual, InvertedResidual, Pointwise
from hwasc.records.front_end import FrontEnd
from hwasc.training.quantization import calibrate, quantize

FORMS = [GRN(shape, at, response) for shape in ("scalar", "channel") for at in ("sum", "expanded") for response in ("mean", "l2")]  # type: ignore[arg-type]  # fmt: skip


def numbers(a: Architecture, clips: int = 4) -> tuple[Graph, Quantized]:
    """The graph and the numbers of an untrained student with lively GRN, calibrated on noise."""
    torch.manual_seed(0)
    model = build(a)
    for m in model.modules():
        if isinstance(m, GlobalResponseNorm):
            nn.init.uniform_(m.gamma, -0.5, 0.5)
            if m.beta is not None:
                nn.init.uniform_(m.beta, -0.3, 0.3)
    x = torch.randn(clips, 1, a.front_end.mels, a.front_end.frames)
    graph = build_graph(a)
    return graph, quantized_numbers(calibrate(quantize(model.eval()), [x], correct_bias=False), graph)


def with_other_scales(graph: Graph, found: Quantized, seed: int, octaves: float = 2.0) -> Quantized:
    """The same constants with scales that no calibration would give."""
    rng, steps = np.random.default_rng(seed), dict(found.steps)
    constants: list[IntegerFilters | tflite.FileTensor | None] = []
    for op, constant in zip(graph.operators, found.constants, strict=True):
        scale, zero = steps[op.output]
        if op.kind in ("average_pool", "maximum"):  # these kernels give their input's scale
            steps[op.output] = steps[op.inputs[0]]
        else:
            steps[op.output] = float(np.float32(scale * 2 ** rng.uniform(-octaves, octaves))), zero
        if op.kind == "maximum":
            assert isinstance(constant, tflite.FileTensor)
            constant = dataclasses.replace(constant, scale=steps[op.output][0])
        constants.append(constant)
    return Quantized(steps, tuple(constants))


def random_architecture(seed: int) -> Architecture:
    """Blocks of every kind: odd channel counts, kernels 1 to 7, every stride, both paddings, every GRN, shortcuts."""
    rng = random.Random(seed)
    stem = (rng.randint(1, 9), rng.randint(1, 20))
    channels = stem[1]
    blocks: list[Block] = []
    for _ in range(rng.randint(1, 4)):
        width = rng.choice([channels, rng.randint(1, 30)])
        shortcut = width == channels and rng.random() < 0.8
        stride = rng.choice([(1, 1), (2, 2), (1, 2), (2, 1)])
        grn = rng.choice([None, *FORMS])
        kernel = rng.choice([1, 3, 5, 7])
        kind = rng.choice([InvertedResidual, AxisResidual, FusedResidual])
        blocks.append(kind(kernel, rng.randint(1, 40), width, stride, shortcut, grn))
        channels = width
    if rng.random() < 0.5:
        blocks.append(Pointwise(rng.randint(1, 40)))
    front_end = FrontEnd.for_clip(rng.randint(40, 90), rng.randint(9, 40))
    padding = rng.choice(["same", "torch"])
    return Architecture(front_end, stem, tuple(blocks), rng.randint(2, 20), padding=padding)  # type: ignore[arg-type]


def compiled(
    graph: Graph,
    found: Quantized,
    a: Architecture,
    folder: Path,
    *,
    axis: Axis | None = None,
    flags: tuple[str, ...] = ("-O1",),
) -> HostNet:
    """The net as a program of this machine."""
    plan = plan_rows(graph, a.padding, axis=axis)
    return host_net(Net(graph, found, plan.axis, a.padding), plan, folder, flags=flags)


def features(a: Architecture, seed: int) -> np.ndarray:
    """int8 features (n, mels, frames): uniform, normal and constant ones."""
    rng, shape = np.random.default_rng(seed), (a.front_end.mels, a.front_end.frames)
    uniform = rng.integers(-128, 128, (3, *shape))
    normal = np.clip(np.round(rng.normal(0, 30, (3, *shape))), -128, 127)
    ends = np.stack([np.full(shape, value) for value in (-128, 0, 127)])
    return np.concatenate([uniform, normal, ends]).astype(np.int8)


def quotients(real: float, seed: int, channels: int = 24) -> tuple[Graph, Quantized]:
    """A net that divides means of channels by their mean; some means are 0. `real` is the factor of the stored quotient."""
    rng, graph = np.random.default_rng(seed), Builder()
    x = graph.tensor((1, 2, 2, 1))
    y = graph.conv("conv", x, channels)
    response = graph.mean("response", y, "map")
    mean = graph.mean("mean", response, "channels")
    quotient = graph.pointwise("div", "quotient", response, mean)
    steps = {x: 0.02, y: 0.02, response: 0.02, mean: 0.02}  # a mean may keep its input's scale
    steps[quotient] = steps[response] / (steps[mean] * real)
    weight = rng.integers(-127, 128, (channels, 1, 1, 1)).astype(np.int8)
    weight[:4] = rng.integers(0, 3, (4, 1, 1, 1))
    scale = np.full(channels, 0.01, np.float32)
    bias = rng.integers(-3000, 20000, channels).astype(np.int32)
    filters = IntegerFilters(weight, scale, bias, scale * np.float32(0.02))
    numbers = Quantized({k: (float(np.float32(v)), -128) for k, v in steps.items()}, (filters, None, None, None))
    return Graph(tuple(graph.tensors), tuple(graph.operators), (x,), (quotient,)), numbers
