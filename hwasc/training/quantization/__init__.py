"""Quantization with Brevitas: a float student becomes an int8 one that computes what the chip's integer kernels compute."""

from hwasc.training.quantization.modules import (
    Frozen,
    QuantConvUnit,
    QuantGRN,
    quantized_mean,
    quantized_product,
    quantizer,
    real,
)
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
    "quantizer",
    "real",
]
