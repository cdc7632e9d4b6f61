"""From a folder of recordings to a model file for a chip.

    python docs/examples/own_recordings.py my_recordings --budget nrf52840 --out student.tflite

The folder holds one folder a scene: my_recordings/<scene>/<file>. The same command resumes what was interrupted.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import hwasc


def main() -> None:
    """Search, distil, export, and print what was reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path, help="a folder of recordings")
    parser.add_argument("--budget", default="nrf52840", help="a bundled budget or a file")
    parser.add_argument("--space", default="full", help="a bundled search space or a file")
    parser.add_argument("--config", type=Path, help="a settings file (YAML)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="the folder of run folders")
    parser.add_argument("--out", type=Path, default=Path("student.tflite"), help="the model file")
    args = parser.parse_args()

    report = hwasc.check(args.recordings)
    for warning in report.warnings:
        print(f"warning: {warning}")

    ws = hwasc.open(args.recordings, settings=args.config)
    found = hwasc.search(ws, budget=args.budget, space=args.space, run=args.runs / "search")
    student = hwasc.distill(ws, found.best, run=args.runs / "student")
    path = student.export(args.out)

    print(
        f"{path}: {student.test.int8.accuracy:.1%} of {student.test.int8.clips} test clips (macro average over scenes)"
    )
    for check in hwasc.profile(found.best, budget=args.budget).checks:
        print(f"  {check.name}: {check.value:,.0f} of {check.limit:,.0f}")


if __name__ == "__main__":
    main()
