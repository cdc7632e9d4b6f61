"""One net for each size of the log-mel at the MACs of CP-Mobile with 8 base channels: the net of blocks.py, all widths scaled.

python experiments/search/resolution.py FOLDER
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from blocks import LIMIT, at_macs, base

from hwasc.cost import measure
from hwasc.records.architecture import save
from hwasc.records.front_end import FrontEnd
from hwasc.records.presets import cp_mobile

SIZES = ((64, 17), (64, 33), (64, 65), (128, 33), (128, 65), (256, 33))  # mel bands, frames


def main() -> None:
    """Write an architecture file for each size, and print their costs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    nets = {"cp_mobile_8": cp_mobile(base=8)}
    for mels, frames in SIZES:
        sized = replace(base(), front_end=FrontEnd.for_clip(mels, frames))
        nets[f"{mels}x{frames}"] = at_macs(sized, LIMIT)
    print("| net | MACs | parameters | peak activations, B |\n|---|---|---|---|")
    for name, a in nets.items():
        costs = measure(a)
        save(folder / f"{name}.json", a)
        print(f"| {name} | {costs.macs.torchinfo:,} | {costs.parameters:,} | {costs.memory:,} |")


if __name__ == "__main__":
    main()
