"""The student of this study as architecture files: CP-Mobile with 16 base channels at the teachers' log-mel of 64 x 33, with
every global response normalization and without any.

python experiments/distillation/students.py FOLDER
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from hwasc.records.architecture import save
from hwasc.records.front_end import FrontEnd
from hwasc.records.presets import cp_mobile


def main() -> None:
    """Write grn.json and no_grn.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    with_grn = replace(cp_mobile(base=16), front_end=FrontEnd.for_clip(64, 33))
    save(folder / "grn.json", with_grn)
    save(folder / "no_grn.json", replace(with_grn, blocks=tuple(replace(b, grn=None) for b in with_grn.blocks)))


if __name__ == "__main__":
    main()
