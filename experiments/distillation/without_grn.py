"""CP-Mobile with 16 base channels, every global response normalization left out, as an architecture file.

python experiments/distillation/without_grn.py FOLDER
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from hwasc.records.architecture import save
from hwasc.records.presets import cp_mobile


def main() -> None:
    """Write no_grn.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    with_grn = cp_mobile(base=16)
    save(folder / "no_grn.json", replace(with_grn, blocks=tuple(replace(b, grn=None) for b in with_grn.blocks)))


if __name__ == "__main__":
    main()
