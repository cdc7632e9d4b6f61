"""Blocks as records: what a kind of block is made of, one file a kind. No torch."""

from hwasc.records.blocks.axis_residual import AxisResidual
from hwasc.records.blocks.base import Block, Choices, make_divisible
from hwasc.records.blocks.fused_residual import FusedResidual
from hwasc.records.blocks.inverted_residual import InvertedResidual
from hwasc.records.blocks.pointwise import Pointwise
from hwasc.records.blocks.residual import Residual
from hwasc.records.blocks.units import GRN, INPUT, Conv, DepthwiseConv, Kernel, Pool, ResponseNorm, Stride, Sum, Unit

__all__ = [
    "GRN",
    "INPUT",
    "AxisResidual",
    "Block",
    "Choices",
    "Conv",
    "DepthwiseConv",
    "FusedResidual",
    "InvertedResidual",
    "Kernel",
    "Pointwise",
    "Pool",
    "Residual",
    "ResponseNorm",
    "Stride",
    "Sum",
    "Unit",
    "make_divisible",
]
