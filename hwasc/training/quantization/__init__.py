"""Quantization with Brevitas: a float student becomes an int8 one that computes what the chip's integer kernels compute."""

from hwasc.training.quantization.activations import Frozen, quantizer, real
from hwasc.training.quantization.modules import QuantConvUnit
from hwasc.training.quantization.normalization import QuantGRN
from hwasc.training.quantization.operations import quantized_mean, quantized_product, quantized_sum
from hwasc.training.quantization.student import calibrate, freeze, hold_scales, load_state, quantize

__all__ = [
    "Frozen",
    "QuantConvUnit",
    "QuantGRN",
    "calibrate",
    "freeze",
    "hold_scales",
    "load_state",
    "quantize",
    "quantized_mean",
    "quantized_product",
    "quantized_sum",
    "quantizer",
    "real",
]
