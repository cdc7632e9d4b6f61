"""Write a settings file with every setting in it: what it means, its unit, its default. All are commented out but those that are
given here; take away a '#' and change a value to set it. The file is for --config.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import hwasc
from hwasc.cli import common
from hwasc.cli.next_step import next_step
from hwasc.records.effort import EFFORTS

EXAMPLES = """examples:
  hwasc init
  hwasc init mine.yaml --set data.seconds=2 --set distill.alpha=0.9
  hwasc init thorough.yaml --effort thorough"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument(
        "file", nargs="?", metavar="FILE", type=Path, default=Path("hwasc.yaml"), help="new file (default hwasc.yaml)"
    )
    parser.add_argument(
        "--effort", choices=EFFORTS, help="quick, default or thorough: sets of settings whose values are shown"
    )
    parser.add_argument(
        "--set", metavar="A.B=C", action="append", default=[], dest="overrides", help="in force in the file; repeatable"
    )
    common.add_output(parser)


def run(args: argparse.Namespace) -> None:
    """Write the file and say what comes next."""
    from hwasc.records.settings import Settings

    effort = [f"effort={args.effort}"] if args.effort else []
    path = hwasc.init(args.file, Settings.load(None, [*effort, *args.overrides]))
    if args.json:
        common.print_json({"settings": str(path)})
        return
    print(f"settings     {path}")
    next_step(["search", "--budget", "dcase2024", "--config", path])
