"""CP-Mobile with 8 base channels and each form of global response normalization (GRN), nothing else changed.

python experiments/search/responses.py FOLDER
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

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
    published = cp_mobile(base=8)
    print("| GRN | MACs | parameters | peak activations, B |\n|---|---|---|---|")
    for name, form in FORMS.items():
        a = replace(published, blocks=tuple(replace(b, grn=form) for b in published.blocks))
        costs = measure(a)
        save(folder / f"{name}.json", a)
        print(f"| {name} | {costs.macs.torchinfo:,} | {costs.parameters:,} | {costs.memory:,} |")


if __name__ == "__main__":
    main()
