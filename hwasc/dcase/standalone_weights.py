"""A quantized student as the tensors of `standalone.student`: int8 weights, int32 biases, multipliers and shifts.

`training.quantization` rounds in the same places in evaluation, but sums in float32: occasionally the error of a sum moves an
activation across a half, which depends on the batch. The package's student has no such error: its logits are those of the
.tflite in the chip's interpreter, bit for bit; with GRN's L2 response they may differ by a few steps.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import singledispatch
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from hwasc.audio.frontend import LogMel
from hwasc.dcase.standalone.frontend import LogMel as PackagedLogMel
from hwasc.dcase.standalone.student import Student as PackagedStudent
from hwasc.dcase.standalone.system import KEY
from hwasc.errors import HwascError
from hwasc.models.student import Student
from hwasc.records import schema
from hwasc.records.architecture import HEAD
from hwasc.records.blocks import INPUT, Conv, DepthwiseConv, Pool, ResponseNorm, Sum, Unit
from hwasc.records.front_end import FrontEnd
from hwasc.training.newton import ROOT_BITS
from hwasc.training.quantization import QuantGRN
from hwasc.training.rounding import shift_of, shift_of_mean

IN_BUFFERS = ("f_min", "f_max", "mel_scale", "triangles", "area_norm", "gain", "window_shape")
FRONT_END = tuple(f.name for f in fields(FrontEnd) if f.name not in IN_BUFFERS)


@torch.no_grad()
def to_bytes(students: Mapping[str, Student], classes: tuple[str, ...]) -> bytes:
    """A safetensors file for `standalone.system.System`.

    Args:
        students: Calibrated or trained int8 students by name, `general` or a device.
        classes: Names in the order of the logits.

    Returns:
        The file's bytes: weights and front ends of all students.
    """
    state: dict[str, Tensor] = {}
    front_ends: dict[str, Any] = {}
    packed = {name: pack(model) for name, model in students.items()}
    for name, model in students.items():
        state |= {f"model.{name}.{k}": v for k, v in packed[name].tensors.items()}
        settings, tensors = _front_end(model.architecture.front_end)
        front_ends[name] = settings
        state |= {f"front_ends.{name}.{k}": v for k, v in tensors.items()}
    about = {
        "classes": list(classes),
        "students": {name: p.architecture for name, p in packed.items()},
        "front_ends": front_ends,
    }
    state = {k: v.detach().contiguous().clone() for k, v in state.items()}
    return safetensors.torch.save(state, {KEY: json.dumps(about, sort_keys=True)})


def packaged_student(model: Student) -> PackagedStudent:
    """The student of the package: `model` as the chip computes it, without the errors of float32 sums."""
    packed = pack(model)
    made = PackagedStudent(packed.architecture)
    made.load_state_dict(packed.tensors)
    return made.eval()


def packaged_log_mel(front_end: FrontEnd) -> PackagedLogMel:
    """The log-mel of the package, which also takes clips that training leaves out (silent or short ones)."""
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


@dataclass(frozen=True)
class Packed:
    """A student for the package.

    Attributes:
        architecture: What `standalone.student.Student` is created from.
        tensors: Its state.
    """

    architecture: dict[str, Any]
    tensors: dict[str, Tensor]


@torch.no_grad()
def pack(model: Student) -> Packed:
    """Convert a student for the package.

    Args:
        model: A calibrated or trained int8 student.

    Returns:
        Its description and tensors.

    Raises:
        HwascError: A block has a unit that the package lacks.
    """
    model.cpu().eval()
    a = model.architecture
    writer = _Writer(a.padding, [[] for _ in a.blocks])
    step = writer.tensors["input.step"] = _step(model.input)
    found = {
        INPUT: _Map(step=step, signed=True, channels=1, height=a.front_end.mels, width=a.front_end.frames),
    }
    for unit in a.program:
        found[unit.name] = unit_tensors(unit, model.get_submodule(unit.name), writer, *(found[i] for i in unit.inputs))
    last = found[HEAD]
    writer.tensors["logit_step"] = writer.mean("output", model.get_submodule("output.act"), last.step, last.cells)
    channels = a.blocks[-1].channels if a.blocks else a.stem[-1]
    return Packed({**schema.plain(a), "blocks": writer.blocks, "channels": channels}, writer.tensors)


def student_tensors(model: Student) -> dict[str, Tensor]:
    """The state of `standalone.student.Student`."""
    return pack(model).tensors


def _step(act: Any) -> Tensor:
    quant = act.act_quant
    assert int(quant.bit_width()) == 8
    step: Tensor = quant.scale().detach()
    return step.reshape(())


@dataclass(frozen=True, kw_only=True)
class _Map:
    """A map between units: the step of its stored numbers, whether they have a sign, and its shape."""

    step: Tensor
    signed: bool
    channels: int
    height: int
    width: int

    @property
    def cells(self) -> int:
        return self.height * self.width

    def after(self, step: Tensor, relu: bool, channels: int, stride: tuple[int, int] = (1, 1)) -> _Map:
        """The output map of a unit that reads this one."""
        return _Map(
            step=step,
            signed=not relu,
            channels=channels,
            height=-(-self.height // stride[0]),
            width=-(-self.width // stride[1]),
        )


@singledispatch
def unit_tensors(unit: Unit, module: Any, writer: _Writer, *inputs: _Map) -> _Map:
    """Collect the tensors of a unit's int8 module and describe it for the package.

    Args:
        unit: Of the student's program.
        module: Its int8 module, calibrated or trained.
        writer: Collects tensors and descriptions.
        inputs: The maps that the unit reads.

    Returns:
        The unit's output map.

    Raises:
        HwascError: The package has no such unit.
    """
    raise HwascError(
        f"{unit.name}: the inference package has no unit {type(unit).__name__}; use blocks without it there"
    )


@unit_tensors.register(Conv)
@unit_tensors.register(DepthwiseConv)
def _(unit: Any, module: Any, writer: _Writer, x: _Map) -> _Map:
    writer.describe(
        unit,
        "conv",
        inputs=x.channels,
        channels=module.conv.out_channels,
        kernel=unit.kernel,
        stride=unit.stride,
        depthwise=isinstance(unit, DepthwiseConv),
        relu=unit.relu,
        padding=writer.padding,
    )
    weight = module.conv.quant_weight()
    scale = weight.scale.detach().reshape(1, -1, 1, 1)
    product_step = x.step * scale
    biases = torch.round(module.conv.bias.detach().reshape(1, -1, 1, 1) / product_step).double()
    writer.tensors[f"{unit.name}.conv.weight"] = weight.int().detach().to(torch.int8)
    writer.tensors[f"{unit.name}.bias.bias"] = biases.clamp(-(2**31), 2**31 - 1).to(torch.int32)
    exact_step = x.step.double() * scale.double()
    shift = shift_of(exact_step / _step(module.act).double())
    step = writer.rescaler(f"{unit.name}.act", module.act, exact_step, shift)
    return x.after(step, unit.relu, module.conv.out_channels, unit.stride)


@unit_tensors.register(Pool)
def _(unit: Pool, module: Any, writer: _Writer, x: _Map) -> _Map:
    writer.describe(unit, "pool", stride=unit.stride, padding=writer.padding, signed=x.signed)
    return replace(x.after(x.step, False, x.channels, unit.stride), signed=x.signed)


@unit_tensors.register(Sum)
def _(unit: Sum, module: Any, writer: _Writer, a: _Map, b: _Map) -> _Map:
    writer.describe(unit, "sum", signed=not unit.relu)
    return a.after(writer.mix(unit.name, module.act, a.step, b.step), unit.relu, a.channels)


@unit_tensors.register(ResponseNorm)
def _(unit: ResponseNorm, module: Any, writer: _Writer, x: _Map) -> _Map:
    writer.describe(
        unit,
        "norm",
        channels=x.channels,
        scalar=unit.grn.shape == "scalar",
        l2=unit.grn.response == "l2",
        relu=unit.relu,
    )
    return x.after(writer.grn(unit.name, module, x), unit.relu, x.channels)


@dataclass
class _Writer:
    """Collects tensors by name and descriptions by block. Methods take the steps of inputs and return the step of the result."""

    padding: str
    blocks: list[list[dict[str, Any]]]
    tensors: dict[str, Tensor] = field(default_factory=dict)

    def describe(self, unit: Unit, kind: str, **settings: Any) -> None:
        """Describe a unit of a block for `standalone.student.Block`; stem and head follow from the architecture.

        Args:
            unit: The unit.
            kind: A key of `standalone.student.UNITS`.
            **settings: Arguments of its class.
        """
        block, _, name = unit.name.rpartition(".")
        if not block.startswith("blocks."):
            return
        inputs = [i.removeprefix(f"{block}.") if i.startswith(f"{block}.") else INPUT for i in unit.inputs]
        number = int(block.removeprefix("blocks."))
        self.blocks[number].append({"unit": kind, "name": name, "inputs": inputs, "settings": settings})

    def rescaler(self, name: str, act: Any, unit: Tensor, shift: Tensor | int) -> Tensor:
        """Add a rescaler.

        Args:
            name: Of the rescaler.
            act: The quantizer of the result.
            unit: The real number that one unit of the sum stands for.
            shift: Bits that the kernel shifts by.

        Returns:
            The step of the result.
        """
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
        shift = shift_of_mean(float(step.double() / _step(act).double()), elements)
        return self.rescaler(name, act, step.double() / elements, shift)

    def product(self, name: str, act: Any, a: Tensor, b: Tensor) -> Tensor:
        unit = a.double() * b.double()
        return self.rescaler(name, act, unit, shift_of(unit / _step(act).double()))

    def grn(self, name: str, grn: QuantGRN, x: _Map) -> Tensor:
        if grn.l2:
            square = self.product(f"{name}.square", grn.square, x.step, x.step)
            s = self.mean(f"{name}.mean_square", grn.mean_square, square, x.cells)
            shift = shift_of(torch.rsqrt(s.double()) / _step(grn.inverse).double() * 2.0**-ROOT_BITS)
            inverse = self.rescaler(f"{name}.inverse", grn.inverse, 1 / torch.sqrt(s.double()), shift)
            g = self.product(f"{name}.response", grn.response, s, inverse)
        else:
            g = self.mean(f"{name}.response", grn.response, x.step, x.cells)
        mean = self.mean(f"{name}.mean", grn.mean, g, x.channels)
        n = self.mix(f"{name}.quotient", grn.quotient, g.double() / mean.double())
        gamma = self._vector(f"{name}.gamma", grn.gamma, grn.gamma_quant)
        scaled = self.product(f"{name}.scaled", grn.scaled, n, gamma)
        gain = self.mix(f"{name}.gain", grn.gain, scaled)
        step = self.product(f"{name}.product", grn.product, x.step, gain)
        if grn.beta is None:
            return step
        beta = self._vector(f"{name}.beta", grn.beta, grn.beta_quant)
        return self.mix(f"{name}.shifted", grn.shifted, step, beta)

    def _vector(self, name: str, values: Tensor, act: Any) -> Tensor:
        step = _step(act)
        self.tensors[name] = torch.round(values.detach() / step).clamp(-128, 127).to(torch.int8)
        return step
