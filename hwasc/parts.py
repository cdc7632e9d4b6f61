"""The kinds of parts that other packages can add, one registry a kind."""

from __future__ import annotations

from typing import Any

from hwasc.registry import Registry

BLOCKS: Registry[Any] = Registry(  # of subclasses of `hwasc.records.blocks.Block`
    "block", "hwasc.blocks", {"ir": "hwasc.records.blocks.inverted_residual:InvertedResidual"}
)
