"""The channel counts of an architecture that can change on their own, by name. No torch.

A shortcut adds a block's input to its output, so that a run of such blocks shares one count, named after its first member:
`stem.0`, `stem.1`, `blocks.2.expanded`, `blocks.2.channels`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hwasc.records.architecture import Architecture


def widths(architecture: Architecture) -> dict[str, int]:
    """Every independent channel count, in the order of the run."""
    out = {"stem.0": architecture.stem[0], "stem.1": architecture.stem[1]}
    for i, block in enumerate(architecture.blocks):
        out[f"blocks.{i}.expanded"] = block.expanded
        if not block.shortcut:
            out[f"blocks.{i}.channels"] = block.channels
    return out


def resized(architecture: Architecture, counts: Mapping[str, int]) -> Architecture:
    """The architecture with all the channel counts that `widths` names; everything else stays, shortcuts included."""
    stem = (counts["stem.0"], counts["stem.1"])
    channels, blocks = stem[1], []
    for i, block in enumerate(architecture.blocks):
        channels = channels if block.shortcut else counts[f"blocks.{i}.channels"]
        blocks.append(replace(block, expanded=counts[f"blocks.{i}.expanded"], channels=channels))
    return replace(architecture, stem=stem, blocks=tuple(blocks))
