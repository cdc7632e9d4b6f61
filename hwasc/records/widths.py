"""The channel counts of an architecture that can change on their own, by name. No torch.

A shortcut adds a block's input to its output, so that a run of such blocks shares one count, named after its first member:
`stem.0`, `stem.1`, `blocks.2.expanded`, `blocks.2.channels`. Which counts a block has is its kind's matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hwasc.records.architecture import Architecture
from hwasc.records.blocks import INPUT


def widths(architecture: Architecture) -> dict[str, int]:
    """Every independent channel count, in the order of the run."""
    out = {"stem.0": architecture.stem[0], "stem.1": architecture.stem[1]}
    inputs = architecture.stem[1]
    for i, block in enumerate(architecture.blocks):
        out |= {f"blocks.{i}.{k}": getattr(block, k) for k, owner in block.width_owners(inputs).items() if owner == k}
        inputs = block.channels
    return out


def width_unit(architecture: Architecture, name: str) -> str:
    """The path of the student's unit that makes so many channels first: `blocks.2.expand` for `blocks.2.expanded`."""
    place, _, field = name.rpartition(".")
    return name if place == "stem" else f"{place}.{architecture.blocks[int(place.split('.')[1])].width_units[field]}"


def resized(architecture: Architecture, counts: Mapping[str, int]) -> Architecture:
    """The architecture with all the channel counts that `widths` names; everything else stays, shortcuts included."""
    stem = (counts["stem.0"], counts["stem.1"])
    old, new, blocks = architecture.stem[1], stem[1], []
    for i, block in enumerate(architecture.blocks):
        changed = {INPUT: new}
        for field, owner in block.width_owners(old).items():
            changed[field] = counts[f"blocks.{i}.{field}"] if owner == field else changed[owner]
        changed.pop(INPUT)
        old = block.channels
        blocks.append(replace(block, **changed))  # type: ignore[type-var]
        new = blocks[-1].channels
    return replace(architecture, stem=stem, blocks=tuple(blocks))
