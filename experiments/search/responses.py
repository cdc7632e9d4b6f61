"""CP-Mobile with 8 base channels, and the net of blocks.py at 128 x 33, with each form of global response normalization (GRN).

python experiments/search/responses.py FOLDER
"""

from __future__ import annotations

import argparse
import itertools
from dataclasses import replace
from pathlib import Path

from blocks import LIMIT, at_macs, base

from hwasc.cost import measure
from hwasc.records.architecture import save
from hwasc.records.blocks import GRN
from hwasc.records.presets import cp_mobile

FORMS: dict[str, GRN | None] = {
    "none": None,
    "scalar-sum-l2": GRN("scalar", "sum", "l2"),  # the published form
    "scalar-sum-mean": GRN("scalar", "sum", "mean"),
    "channel-sum-mean": GRN("channel", "sum", "mean"),
    "channel-expanded-mean": GRN("channel", "expanded", "mean"),
    "channel-expanded-l2": GRN("channel", "expanded", "l2"),
}


def main() -> None:
    """Write an architecture file for each form, and print their costs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    nets = {"cp_mobile_8": cp_mobile(base=8), "128x33": at_macs(base(), LIMIT)}
    print("| net, GRN | MACs | parameters | peak activations, B |\n|---|---|---|---|")
    for name, form in itertools.product(nets, FORMS):
        a = replace(nets[name], blocks=tuple(replace(b, grn=FORMS[form]) for b in nets[name].blocks))
        costs = measure(a)
        save(folder / f"{name}-{form}.json", a)
        print(f"| {name}, {form} | {costs.macs.torchinfo:,} | {costs.parameters:,} | {costs.memory:,} |")


if __name__ == "__main__":
    main()
