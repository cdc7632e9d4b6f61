"""One net for each size of the log-mel at the MACs of CP-Mobile (base 8): the net of blocks.py, all widths scaled.

python experiments/search/resolution.py FOLDER [--base CHANNELS]
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from blocks import at_macs, base

from hwasc.cost import measure
from hwasc.records.architecture import save
from hwasc.records.front_end import FrontEnd
from hwasc.records.presets import cp_mobile

SIZES = ((64, 17), (64, 33), (64, 65), (128, 33), (128, 65), (256, 33), (256, 65))  # mel bands, frames


def main() -> None:
    """Write an architecture file for each size, and print their costs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--base", type=int, default=8, help="base channels of the CP-Mobile whose MACs are the limit")
    args = parser.parse_args()
    folder: Path = args.folder
    folder.mkdir(parents=True, exist_ok=True)
    published = cp_mobile(base=args.base)
    nets = {f"cp_mobile_{args.base}": published}
    for mels, frames in SIZES:
        sized = replace(base(), front_end=FrontEnd.for_clip(mels, frames))
        nets[f"{mels}x{frames}"] = at_macs(sized, measure(published).macs.torchinfo)
    print("| net | MACs | parameters | peak activations, B |\n|---|---|---|---|")
    for name, a in nets.items():
        costs = measure(a)
        save(folder / f"{name}.json", a)
        print(f"| {name} | {costs.macs.torchinfo:,} | {costs.parameters:,} | {costs.memory:,} |")


if __name__ == "__main__":
    main()
