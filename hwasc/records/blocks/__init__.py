"""Blocks as records: what a kind of block is made of, one file a kind. No torch."""

from hwasc.records.blocks.base import Block, Choices, make_divisible
from hwasc.records.blocks.inverted_residual import InvertedResidual
from hwasc.records.blocks.units import GRN, INPUT, Conv, DepthwiseConv, Kernel, Pool, ResponseNorm, Stride, Sum, Unit

__all__ = [
    "GRN",
    "INPUT",
    "Block",
    "Choices",
    "Conv",
    "DepthwiseConv",
    "InvertedResidual",
    "Kernel",
    "Pool",
    "ResponseNorm",
    "Stride",
    "Sum",
    "Unit",
    "make_divisible",
]
