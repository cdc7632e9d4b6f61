"""The independent channel counts of an architecture, by name. No torch.

A shortcut adds a block's input to its output, so consecutive blocks with shortcuts share one count, which has the name of the
first: `stem.0`, `stem.1`, `blocks.2.expanded`, `blocks.2.channels`. The kind of a block decides which counts it has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hwasc.records.architecture import Architecture
from hwasc.records.blocks import INPUT


def widths(architecture: Architecture) -> dict[str, int]:
    """Every independent channel count by name, in the order of the layers."""
    out = {"stem.0": architecture.stem[0], "stem.1": architecture.stem[1]}
    inputs = architecture.stem[1]
    for i, block in enumerate(architecture.blocks):
        out |= {f"blocks.{i}.{k}": getattr(block, k) for k, owner in block.width_owners(inputs).items() if owner == k}
        inputs = block.channels
    return out


def width_unit(architecture: Architecture, name: str) -> str:
    """Find the first unit of the student that has a channel count.

    Args:
        architecture: The architecture.
        name: Of the count, such as `blocks.2.expanded`.

    Returns:
        The unit's path, such as `blocks.2.expand`.
    """
    place, _, field = name.rpartition(".")
    return name if place == "stem" else f"{place}.{architecture.blocks[int(place.split('.')[1])].width_units[field]}"


def resized(architecture: Architecture, counts: Mapping[str, int]) -> Architecture:
    """Change the channel counts of an architecture.

    Args:
        architecture: The architecture.
        counts: All counts that `widths` names.

    Returns:
        The new architecture; all else is the same, shortcuts included.
    """
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
