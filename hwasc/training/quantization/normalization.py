"""Global response normalization in int8."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from brevitas.quant_tensor import QuantTensor

from hwasc.models.blocks import GlobalResponseNorm
from hwasc.training.quantization.activations import quantizer, real, step_of
from hwasc.training.quantization.operations import (
    number,
    quantized_mean,
    quantized_product,
    quantized_sum,
    rounds_as_chip,
    stored,
    whole,
)
from hwasc.training.rounding import added, divided, reciprocal_root

ONE_SHIFT = 64  # the constant 1 is 64 steps of 1/64: exact


class QuantGRN(nn.Module):
    """GRN with every intermediate result quantized: response, its mean, their quotient, the gain, the product.

    The divisor is at least one of its own steps, as on the chip, where a quotient by zero is not defined.
    """

    def __init__(self, grn: GlobalResponseNorm, relu: bool) -> None:
        """Take over gamma and beta, and create the quantizers.

        Args:
            grn: The float module.
            relu: Whether the result is rectified (unsigned).
        """
        super().__init__()
        self.l2 = grn.l2
        self.gamma = nn.Parameter(grn.gamma.detach().clone())
        self.beta = nn.Parameter(grn.beta.detach().clone()) if grn.beta is not None else None
        self.gamma_quant = quantizer(True)
        self.response, self.mean, self.quotient = quantizer(False), quantizer(False), quantizer(False)
        self.scaled, self.gain, self.product = quantizer(True), quantizer(True), quantizer(self.l2 or not relu)
        if self.l2:
            self.square, self.mean_square, self.inverse = quantizer(False), quantizer(False), quantizer(False)
            self.beta_quant, self.shifted = quantizer(True), quantizer(not relu)

    def forward(self, x: Any) -> Any:
        g = self._norm(x) if self.l2 else quantized_mean(x, (2, 3), self.response)
        mean = quantized_mean(g, (1,), self.mean)
        scaled = quantized_product(self._quotient(g, mean), self.gamma_quant(self.gamma), self.scaled)
        y = quantized_product(x, self._gain(scaled), self.product)
        return y if self.beta is None else quantized_sum(y, self.beta_quant(self.beta), self.shifted)

    def _quotient(self, g: Any, mean: Any) -> Any:
        if not rounds_as_chip(self, g, mean):
            return self.quotient(real(g) / _at_least_a_step(mean))
        steps = (number(g.scale), number(mean.scale), number(step_of(self.quotient)))
        return stored(self.quotient, divided(whole(g), whole(mean).clamp_(min=1), steps))

    def _gain(self, scaled: Any) -> Any:
        """One more than the scaled quotients; the file's constant is 64 steps of 1/64."""
        if not rounds_as_chip(self, scaled):
            return self.gain(1 + real(scaled))
        one = torch.full((1, 1, 1, 1), float(ONE_SHIFT), device=scaled.value.device)
        steps = (number(scaled.scale), 1 / ONE_SHIFT, number(step_of(self.gain)))
        return stored(self.gain, added(whole(scaled), one, steps))

    def _norm(self, x: Any) -> Any:
        """The root mean square over the map, which is the L2 norm up to a factor that the quotient cancels: s * rsqrt(s)."""
        s = quantized_mean(quantized_product(x, x, self.square), (2, 3), self.mean_square)
        if rounds_as_chip(self, s):
            steps = (number(s.scale), number(step_of(self.inverse)))
            root = stored(self.inverse, reciprocal_root(whole(s), steps))
        else:
            root = self.inverse(torch.rsqrt(_at_least_a_step(s)))
        return quantized_product(s, root, self.response)


def _at_least_a_step(x: Any) -> Tensor:
    value = real(x)
    step = x.scale if isinstance(x, QuantTensor) else (value.detach().amax() / 255).clamp(min=1e-6)
    return torch.maximum(value, step)
