"""One net for each kind of block at the MACs of CP-Mobile with 8 base channels: its blocks without GRN at 128 x 33, one thing
changed, all widths scaled.

python experiments/search/blocks.py FOLDER
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from hwasc.cost import measure
from hwasc.records.architecture import Architecture, save
from hwasc.records.blocks import AxisResidual, Block, FusedResidual, InvertedResidual, Pointwise
from hwasc.records.front_end import FrontEnd
from hwasc.records.presets import cp_mobile
from hwasc.records.widths import resized, widths

LIMIT = measure(cp_mobile(base=8)).macs.torchinfo


def base() -> Architecture:
    """CP-Mobile's blocks without GRN (responses.py shows why) on a smaller log-mel."""
    net = replace(cp_mobile(base=16), front_end=FrontEnd.for_clip(128, 33))
    return replace(net, blocks=tuple(replace(b, grn=None) for b in net.blocks))


def as_kind(kind: type[Block], kernel: int, blocks: int | None = None) -> Callable[[Architecture], Architecture]:
    """Replace the first blocks (None: all) by another kind with a kernel."""

    def change(a: Architecture) -> Architecture:
        count = len(a.blocks) if blocks is None else blocks
        made = [kind(**{**vars(b), "kernel": kernel}) for b in a.blocks[:count]]
        return replace(a, blocks=(*made, *a.blocks[count:]))

    return change


def early_stride(a: Architecture) -> Architecture:
    """Halve the bands in the first block."""
    return replace(a, blocks=(replace(a.blocks[0], stride=(2, 1)), *a.blocks[1:]))


def wide_head(a: Architecture) -> Architecture:
    """Add a pointwise convolution to twice the channels before the pooling."""
    return replace(a, blocks=(*a.blocks, Pointwise(2 * a.blocks[-1].channels)))


CHANGES: dict[str, Callable[[Architecture], Architecture]] = {
    "ir": lambda a: a,
    "ir-k5": as_kind(InvertedResidual, 5),
    "axis-k3": as_kind(AxisResidual, 3),
    "axis-k5": as_kind(AxisResidual, 5),
    "fused-first-two": as_kind(FusedResidual, 3, 2),
    "early-stride": early_stride,
    "wide-head": wide_head,
}


def at_macs(a: Architecture, macs: int) -> Architecture:
    """Scale all widths by one factor, to multiples of 2, as far as the MACs allow."""
    best = None
    for step in range(80, 401):
        counts = {name: max(4, round(n * step / 200 / 2) * 2) for name, n in widths(a).items()}
        found = resized(a, counts)
        if measure(found).macs.torchinfo <= macs:
            best = found
    assert best is not None
    return best


def main() -> None:
    """Write an architecture file for each change, and print their costs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    print("| net | MACs | parameters | peak activations, B |\n|---|---|---|---|")
    for name, change in CHANGES.items():
        a = at_macs(change(base()), LIMIT)
        costs = measure(a)
        save(folder / f"{name}.json", a)
        print(f"| {name} | {costs.macs.torchinfo:,} | {costs.parameters:,} | {costs.memory:,} |")


if __name__ == "__main__":
    main()
