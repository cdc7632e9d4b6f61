"""All of Brevitas: a float student becomes an int8 one that computes what the chip's integer kernels compute.

Per-channel symmetric int8 weights, int32 biases at input x weight scale, per-tensor int8 activations: unsigned after a
ReLU (zero point -128 on the chip), signed elsewhere. A sum's inputs keep their own scales, only its output is quantized.
In eval mode convolutions, products and means also round as the kernels do (`rounding`); training's gradients are blind to it.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import brevitas.nn as qnn
    import brevitas.quant as bq
    from brevitas.graph.calibrate import bias_correction_mode, calibration_mode
    from brevitas.quant_tensor import IntQuantTensor, QuantTensor

from hwasc.models.blocks import ConvUnit, GlobalResponseNorm, Sum, pad_same
from hwasc.models.student import Student
from hwasc.training.folding import folded
from hwasc.training.rounding import round_first, shift_of, shift_of_mean

LEAST_RANGE = 1e-4  # of an activation: one that is always zero would get so small a scale that the interpreter aborts


def _act(signed: bool) -> nn.Module:
    """An activation quantizer; unsigned ones are a ReLU at the same time."""
    if signed:
        return qnn.QuantIdentity(
            act_quant=bq.Int8ActPerTensorFloat, scaling_min_val=LEAST_RANGE, return_quant_tensor=True
        )
    return qnn.QuantReLU(act_quant=bq.Uint8ActPerTensorFloat, scaling_min_val=LEAST_RANGE, return_quant_tensor=True)


def _value(x: Any) -> Tensor:
    return (
        x.value if isinstance(x, QuantTensor) else x
    )  # quantizers pass plain tensors on while they are being calibrated


def _with_value(x: Any, value: Tensor) -> Any:
    return x.set(value=value) if isinstance(x, QuantTensor) else value


def _as_run(module: nn.Module, *inputs: Any) -> bool:
    """Whether the kernels' own rounding applies: evaluated (neither trained nor calibrated), with scales known."""
    return not module.training and all(isinstance(x, QuantTensor) for x in inputs)


def _step(act: Any) -> Tensor:
    if isinstance(act, Frozen):
        return act.step
    scale: Tensor = act.act_quant.scale()
    return scale.detach()


def _mean(x: Any, dims: tuple[int, ...], act: Any) -> Any:
    """A mean over `dims`, kept, quantized by `act`."""
    value = _value(x).mean(dims, keepdim=True)
    if _as_run(act, x):
        step = _step(act)
        elements = math.prod(int(_value(x).shape[d]) for d in dims)
        value = round_first(value, step, shift_of_mean(float(x.scale.detach() / step), elements))
    return act(value)


def _product(a: Any, b: Any, act: Any) -> Any:
    """An elementwise product quantized by `act`."""
    value = _value(a) * _value(b)
    if _as_run(act, a, b):
        step = _step(act)
        value = round_first(value, step, shift_of(a.scale * b.scale / step))
    return act(value)


class QuantConvUnit(nn.Module):
    """A convolution with its batch norm folded, its output quantized; quant tensor in, quant tensor out."""

    def __init__(self, unit: ConvUnit) -> None:
        super().__init__()
        conv = unit.conv
        self.unit_padding = None if unit.pads_itself else (conv.kernel_size[0], (conv.stride[0], conv.stride[1]))
        self.conv = qnn.QuantConv2d(
            conv.in_channels,
            conv.out_channels,
            conv.kernel_size,
            conv.stride,
            conv.padding,
            groups=conv.groups,
            bias=True,
            weight_quant=bq.Int8WeightPerChannelFloat,
            bias_quant=bq.Int32Bias,
            return_quant_tensor=False,
        )
        weight, bias = folded(unit)
        self.conv.weight.data.copy_(weight)
        self.conv.bias.data.copy_(bias)
        self.act = _act(signed=not unit.relu)

    def forward(self, x: Any) -> Any:
        if self.unit_padding is not None:
            x = _with_value(x, pad_same(_value(x), *self.unit_padding))
        y = self.conv(x)
        if _as_run(self, x):
            unit, step = x.scale * self.conv.quant_weight().scale.reshape(1, -1, 1, 1), _step(self.act)
            y = round_first(y, step, shift_of(unit / step))
        return self.act(y)


class QuantSum(nn.Module):
    """The shortcut sum, its output quantized."""

    def __init__(self, unit: Sum) -> None:
        super().__init__()
        self.act = _act(signed=not unit.relu)

    def forward(self, a: Any, b: Any) -> Any:
        return self.act(_value(a) + _value(b))


SHARES = 36  # 3 x 3 windows average 1, 2, 3, 4, 6 or 9 elements: every mean is a whole number of 36ths of a step


class QuantPool(nn.Module):
    """Average pooling keeps its input's scale on the chip: the result is rounded onto the same grid.

    The kernel rounds halves (every sixth mean of six elements) away from zero in stored numbers, which are shifted by the
    zero point: for unsigned activations mostly downwards.
    """

    def __init__(self, pool: nn.Module) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, x: Any) -> Any:
        pooled = self.pool(_value(x))
        if not isinstance(x, QuantTensor):
            return pooled
        steps = pooled / x.scale
        zero_point = 0 if x.signed else 128
        stored = torch.round(steps * SHARES) - zero_point * SHARES
        rounded = torch.sign(stored) * torch.floor((stored.abs() + SHARES // 2) / SHARES) + zero_point
        return x.set(value=(steps + (rounded - steps).detach()) * x.scale)  # straight-through rounding


ROOT_BITS = 20  # the RSQRT kernel's reciprocal root of a stored number has so many fractional bits


class QuantGRN(nn.Module):
    """GRN with every intermediate result quantized: response, its mean, their quotient, the gain, the product.

    The divisor is at least one of its own steps, as on the chip, where the quotient of a zero has no meaning. relu: whether
    the result is rectified (unsigned).
    """

    def __init__(self, grn: GlobalResponseNorm, relu: bool) -> None:
        super().__init__()
        self.l2 = grn.l2
        self.gamma = nn.Parameter(grn.gamma.detach().clone())
        self.beta = nn.Parameter(grn.beta.detach().clone()) if grn.beta is not None else None
        self.gamma_quant = _act(True)
        self.response, self.mean, self.quotient = _act(False), _act(False), _act(False)
        self.scaled, self.gain, self.product = _act(True), _act(True), _act(self.l2 or not relu)
        if self.l2:
            self.square, self.mean_square, self.inverse = _act(False), _act(False), _act(False)
            self.beta_quant, self.shifted = _act(True), _act(not relu)

    def forward(self, x: Any) -> Any:
        g = self._norm(x) if self.l2 else _mean(x, (2, 3), self.response)
        mean = _mean(g, (1,), self.mean)
        n = self.quotient(_value(g) / _at_least_a_step(mean))
        gain = self.gain(1 + _value(_product(n, self.gamma_quant(self.gamma), self.scaled)))
        y = _product(x, gain, self.product)
        return y if self.beta is None else self.shifted(_value(y) + _value(self.beta_quant(self.beta)))

    def _norm(self, x: Any) -> Any:
        """The root mean square over the map, which is the L2 norm up to a factor that the quotient cancels: s * rsqrt(s)."""
        s = _mean(_product(x, x, self.square), (2, 3), self.mean_square)
        root = torch.rsqrt(_at_least_a_step(s))
        if _as_run(self, s):
            step = _step(self.inverse)
            root = round_first(root, step, shift_of(torch.rsqrt(s.scale) / step * 2.0**-ROOT_BITS))
        return _product(s, self.inverse(root), self.response)


def _at_least_a_step(x: Any) -> Tensor:
    value = _value(x)
    least = x.scale if isinstance(x, QuantTensor) else (value.detach().amax() / 255).clamp(min=1e-6)
    return torch.maximum(value, least)


class Output(nn.Module):
    """The mean of the head's map, quantized: (B, classes, F, T) -> logits as a plain tensor (B, classes)."""

    def __init__(self) -> None:
        super().__init__()
        self.act = _act(signed=True)

    def forward(self, x: Any) -> Tensor:
        return _value(_mean(x, (2, 3), self.act)).flatten(1)


def quantize(student: Student) -> Student:
    """An int8 (fake-quantized) copy of a float student, batch norm folded. Scales are unset until `calibrate` or training.

    The copy is a `Student` whose modules are replaced by quantized ones; its `architecture` stays.
    """
    quantized = copy.deepcopy(student).cpu()
    _replace(quantized, _quantized_unit)
    block: Any
    for block in quantized.blocks:
        if isinstance(block.grn, GlobalResponseNorm):
            block.grn = QuantGRN(block.grn, relu=True)
            block.relu = nn.Identity()  # the quantizer of the GRN's last step is one
        if isinstance(block.inner_grn, GlobalResponseNorm):
            block.inner_grn = QuantGRN(block.inner_grn, relu=not block.inner_grn.l2)
        if block.shortcut and not isinstance(block.pool, nn.Identity):
            block.pool = QuantPool(block.pool)
    quantized.input = _act(signed=True)
    quantized.pool = nn.Identity()  # the output takes the mean, to quantize it
    quantized.output = Output()
    return quantized.to(next(student.parameters()).device)


def _quantized_unit(module: nn.Module) -> nn.Module | None:
    if isinstance(module, ConvUnit):
        return QuantConvUnit(module)
    if isinstance(module, Sum):
        return QuantSum(module)
    return None


def _replace(module: nn.Module, swap: Callable[[nn.Module], nn.Module | None]) -> None:
    for name, child in module.named_children():
        new = swap(child)
        if new is None:
            _replace(child, swap)
        else:
            setattr(module, name, new)


@torch.no_grad()
def calibrate(model: Student, batches: Iterable[Tensor], correct_bias: bool = True) -> Student:
    """Set the activation scales from log-mel batches (B, 1, F, T), then correct the biases; in place, returned in eval mode."""
    kept = [b for b in batches]
    device = next(model.parameters()).device
    model.eval()
    with calibration_mode(model):
        for x in kept:
            model(x.to(device))
    if correct_bias:
        with bias_correction_mode(model):
            for x in kept:
                model(x.to(device))
    return model.eval()


def hold_scales(model: Student) -> None:
    """Train on with the activation scales as they are; weights and biases still learn, and the weights' scales follow them.

    Once calibrated, Brevitas keeps an activation's scale as a learned parameter; scales that still move in the last steps move
    every number on their grid with them.
    """
    for module in model.modules():
        if isinstance(module, (qnn.QuantIdentity, qnn.QuantReLU)):
            for scale in module.parameters():
                scale.requires_grad_(False)


class Frozen(nn.Module):
    """An activation quantizer whose scale is final: what Brevitas computes in evaluation, in four passes over the map."""

    step: Tensor
    zero_point: Tensor
    bit_width: Tensor

    def __init__(self, act: Any) -> None:
        super().__init__()
        quant = act.act_quant
        self.register_buffer("step", quant.scale().detach().clone())
        self.register_buffer("zero_point", quant.zero_point().detach().clone())
        self.register_buffer("bit_width", quant.bit_width().detach().clone())
        self.signed = isinstance(act, qnn.QuantIdentity)
        self.least, self.most = (-128, 127) if self.signed else (0, 255)

    def forward(self, x: Any) -> Any:
        value = torch.div(_value(x), self.step).round_().clamp_(self.least, self.most).mul_(self.step)
        return IntQuantTensor(value, self.step, self.zero_point, self.bit_width, self.signed, False)


def freeze(model: Student) -> Student:
    """A calibrated student for evaluation alone, in place, in about half the time.

    The same logits but where float32 sums, whose order follows the memory layout, put an activation on the other side of a half.
    """

    def frozen(module: nn.Module) -> nn.Module | None:
        return Frozen(module) if isinstance(module, (qnn.QuantIdentity, qnn.QuantReLU)) else None

    _replace(model, frozen)
    return model.eval()


def load_state(model: Student, state: dict[str, Tensor]) -> Student:
    """Load a quantized student's own weights and scales (safetensors). Unknown or missing keys raise KeyError."""
    known = set(model.state_dict())
    if known - set(state):
        # Scales that were never set are buffers until the first load; give Brevitas what the file holds and check the rest.
        missing = {k for k in known - set(state) if "runtime_stats" not in k}
        if missing:
            raise KeyError(f"weights lack {sorted(missing)[:3]}")
    model.load_state_dict(state, strict=False)
    return model


__all__ = ["QuantConvUnit", "QuantGRN", "calibrate", "freeze", "hold_scales", "load_state", "quantize"]
