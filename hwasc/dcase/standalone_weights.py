"""A quantized student as the tensors of `standalone.student`: int8 weights, int32 biases, multipliers and shifts.

They are those of `training.quantization` in evaluation, which rounds in the same places but sums in float32: now and then an
activation of it falls on the other side of a half, and on which side depends on the batch. Without that error the logits are
those of the .tflite in the chip's interpreter, to the bit; with GRN's L2 response they may be a few steps away.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from hwasc.audio.frontend import LogMel
from hwasc.dcase.standalone.frontend import LogMel as PackagedLogMel
from hwasc.dcase.standalone.student import Student as PackagedStudent
from hwasc.dcase.standalone.system import KEY
from hwasc.models.student import Student
from hwasc.records import schema
from hwasc.records.architecture import FrontEnd
from hwasc.training.quantization import QuantConvUnit, QuantGRN
from hwasc.training.rounding import shift_of, shift_of_mean

ROOT_BITS = 20  # of the RSQRT kernel, see `training.quantization`
FRONT_END = ("sample_rate", "seconds", "n_fft", "hop", "window", "mels", "frames", "log_offset", "mean", "std")


@torch.no_grad()
def to_bytes(students: Mapping[str, Student], classes: tuple[str, ...]) -> bytes:
    """A safetensors file for `standalone.system.System`: calibrated or trained int8 students by name, with their front ends."""
    state: dict[str, Tensor] = {}
    front_ends: dict[str, Any] = {}
    for name, model in students.items():
        state |= {f"model.{name}.{k}": v for k, v in student_tensors(model.cpu().eval()).items()}
        settings, tensors = _front_end(model.architecture.front_end)
        front_ends[name] = settings
        state |= {f"front_ends.{name}.{k}": v for k, v in tensors.items()}
    about = {
        "classes": list(classes),
        "students": {name: schema.plain(m.architecture) for name, m in students.items()},
        "front_ends": front_ends,
    }
    whole = {k: v.detach().contiguous().clone() for k, v in state.items()}
    return safetensors.torch.save(whole, {KEY: json.dumps(about, sort_keys=True)})


def packaged_student(model: Student) -> PackagedStudent:
    """The package's own student: `model` as the chip computes it, without the errors of float32 sums."""
    made = PackagedStudent(schema.plain(model.architecture))
    made.load_state_dict(student_tensors(model.cpu().eval()))
    return made.eval()


def packaged_log_mel(front_end: FrontEnd) -> PackagedLogMel:
    """The package's own log-mel, which also hears clips that training leaves out (silent or short ones)."""
    settings, tensors = _front_end(front_end)
    made = PackagedLogMel(settings)
    made.load_state_dict(tensors)
    return made


def _front_end(front_end: FrontEnd) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Settings and buffers of `standalone.frontend.LogMel`."""
    made = LogMel(front_end)
    filters = {f"filters{i}": made.get_buffer(f"filters{i}") for i in range(len(made.ranges))}
    ranges = [[f.shape[1], *pair] for f, pair in zip(filters.values(), made.ranges, strict=True)]
    settings: dict[str, Any] = {name: getattr(front_end, name) for name in FRONT_END}
    return {**settings, "ranges": ranges}, {"window": made.get_buffer("window"), **filters}


@torch.no_grad()
def student_tensors(model: Student) -> dict[str, Tensor]:
    """The state of `standalone.student.Student`."""
    writer = _Writer(model.architecture.front_end.mels, model.architecture.front_end.frames)
    step = _step(model.input)
    writer.tensors["input.step"] = step
    for i, unit in enumerate(model.stem):
        step = writer.unit(f"stem.{i}", unit, step)
    for i, block in enumerate(model.blocks):
        step = writer.block(f"blocks.{i}", block, step)
    step = writer.unit("head", model.head, step)
    last = model.get_submodule("output.act")
    writer.tensors["logit_step"] = writer.mean("output", last, step, writer.height * writer.width)
    return writer.tensors


def _step(act: Any) -> Tensor:
    quant = act.act_quant
    assert int(quant.bit_width()) == 8
    step: Tensor = quant.scale().detach()
    return step.reshape(())


class _Writer:
    """Collects tensors by name; methods take the step of what goes in and give the step of what comes out."""

    def __init__(self, height: int, width: int) -> None:
        self.tensors: dict[str, Tensor] = {}
        self.height, self.width = height, width

    def rescaler(self, name: str, act: Any, unit: Tensor, shift: Tensor | int) -> Tensor:
        """unit: what a sum's one stands for."""
        step = _step(act)
        down = 2.0 ** -torch.as_tensor(shift, dtype=torch.float64)
        multiplier = unit.double() / (step.double() * down)
        shape = (1, -1, 1, 1)
        self.tensors[f"{name}.multiplier"] = multiplier.reshape(shape)
        self.tensors[f"{name}.down"] = down.reshape(shape).expand_as(multiplier.reshape(shape))
        return step

    def mix(self, name: str, act: Any, left: Tensor, right: Tensor | float = 1.0) -> Tensor:
        step = _step(act)
        self.tensors[f"{name}.left"] = left.double() / step.double()
        self.tensors[f"{name}.right"] = torch.as_tensor(right).double() / step.double()
        return step

    def mean(self, name: str, act: Any, step: Tensor, elements: int) -> Tensor:
        shift = shift_of_mean(float(step / _step(act)), elements)
        return self.rescaler(name, act, step.double() / elements, shift)

    def product(self, name: str, act: Any, a: Tensor, b: Tensor) -> Tensor:
        return self.rescaler(name, act, a.double() * b.double(), shift_of(a * b / _step(act)))

    def unit(self, name: str, unit: nn.Module, step: Tensor) -> Tensor:
        assert isinstance(unit, QuantConvUnit)
        self.height, self.width = -(-self.height // unit.conv.stride[0]), -(-self.width // unit.conv.stride[1])
        weight = unit.conv.quant_weight()
        scale = weight.scale.detach().reshape(1, -1, 1, 1)
        one = step * scale
        biases = torch.round(unit.conv.bias.detach().reshape(1, -1, 1, 1) / one).double()
        self.tensors[f"{name}.conv.weight"] = weight.int().detach().to(torch.int8)
        self.tensors[f"{name}.bias.bias"] = biases.clamp(-(2**31), 2**31 - 1).to(torch.int32)
        return self.rescaler(f"{name}.act", unit.act, step.double() * scale.double(), shift_of(one / _step(unit.act)))

    def block(self, name: str, block: Any, step: Tensor) -> Tensor:
        start = step
        step = self.unit(f"{name}.expand", block.expand, step)
        step = self.unit(f"{name}.depthwise", block.depthwise, step)
        if isinstance(block.inner_grn, QuantGRN):
            step = self.grn(f"{name}.inner", block.inner_grn, step, block.expand.conv.out_channels)
        step = self.unit(f"{name}.project", block.project, step)
        if block.shortcut:
            step = self.mix(f"{name}.sum", block.sum.act, start, step)
        if isinstance(block.grn, QuantGRN):
            step = self.grn(f"{name}.grn", block.grn, step, block.project.conv.out_channels)
        return step

    def grn(self, name: str, grn: QuantGRN, x: Tensor, channels: int) -> Tensor:
        if grn.l2:
            square = self.product(f"{name}.square", grn.square, x, x)
            s = self.mean(f"{name}.mean_square", grn.mean_square, square, self.height * self.width)
            shift = shift_of(torch.rsqrt(s) / _step(grn.inverse) * 2.0**-ROOT_BITS)
            inverse = self.rescaler(f"{name}.inverse", grn.inverse, 1 / torch.sqrt(s.double()), shift)
            g = self.product(f"{name}.response", grn.response, s, inverse)
        else:
            g = self.mean(f"{name}.response", grn.response, x, self.height * self.width)
        mean = self.mean(f"{name}.mean", grn.mean, g, channels)
        n = self.mix(f"{name}.quotient", grn.quotient, g.double() / mean.double())
        gamma = self._vector(f"{name}.gamma", grn.gamma, grn.gamma_quant)
        scaled = self.product(f"{name}.scaled", grn.scaled, n, gamma)
        gain = self.mix(f"{name}.gain", grn.gain, scaled)
        step = self.product(f"{name}.product", grn.product, x, gain)
        if grn.beta is None:
            return step
        beta = self._vector(f"{name}.beta", grn.beta, grn.beta_quant)
        return self.mix(f"{name}.shifted", grn.shifted, step, beta)

    def _vector(self, name: str, values: Tensor, act: Any) -> Tensor:
        step = _step(act)
        self.tensors[name] = torch.round(values.detach() / step).clamp(-128, 127).to(torch.int8)
        return step
