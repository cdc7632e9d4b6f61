"""Write a submission to DCASE Task 1 (2024 or 2025) from finished runs of `hwasc distill`: the output CSV, the metadata, the
complexity, and for 2025 an inference package that runs without hwasc. A model that exceeds the challenge's limits is refused.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import hwasc
from hwasc.cli import common
from hwasc.dcase.rules import DEVICES, EXAMPLE, SUBSETS, YEARS
from hwasc.errors import UsageError

EXAMPLES = f"""examples:
  hwasc submit --year 2024 --run 5=runs/s5 --run 10=runs/s10 --run 25=runs/s25 --run 50=runs/s50 --run 100=runs/s100 \\
      --evaluation TAU-urban-acoustic-scenes-2024-mobile-evaluation --label Doe_INST_task1_1 --about about.yaml --out handin
  hwasc submit --year 2025 --run runs/s25 --evaluation TAU-urban-acoustic-scenes-2025-mobile-evaluation \\
      --label Doe_INST_task1_1 --about about.yaml --out handin --workers 4
  hwasc submit --year 2025 --run runs/s25 --run a=runs/only_a --evaluation EVAL --label Doe_INST_task1_2 --about about.yaml

about.yaml, for example:
{textwrap.indent(EXAMPLE, "  ")}"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("--year", required=True, type=int, choices=YEARS, help="of the challenge")
    parser.add_argument(
        "--run",
        required=True,
        metavar="[NAME=]DIR",
        action="append",
        help="run folder of `hwasc distill`; repeatable. 2024: SUBSET=DIR (5, 10, 25, 50, 100). 2025: DIR for all devices, "
        "DEVICE=DIR for a device with a separate student",
    )
    parser.add_argument(
        "--evaluation", required=True, metavar="DIR", type=Path, help="the official evaluation set, as it is unpacked"
    )
    parser.add_argument("--label", required=True, help="Surname_INST_task1_N, N from 1 to 4")
    parser.add_argument("--about", metavar="FILE", type=Path, help="who submits (YAML); an example is below")
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path("submission"), help="default submission")
    parser.add_argument("--cache", metavar="DIR", type=Path, help="features (default $HWASC_CACHE or ~/.cache/hwasc)")
    parser.add_argument("--workers", type=common.whole(1), default=1, help="processes that make features (default 1)")
    common.add_output(parser)


def run(args: argparse.Namespace) -> None:
    """Write a submission and print its files."""
    if args.about is None:
        print(f"about.yaml, for example:\n\n{EXAMPLE}", file=sys.stderr)
        raise UsageError("--about is missing: a YAML file about who submits, as above")
    runs = _runs(args.year, args.run)
    from hwasc.dcase.rules import About, Label

    Label.parse(args.label, args.year)
    about = About.load(args.about, args.year)
    result = hwasc.submit(
        args.year,
        runs,
        evaluation=args.evaluation,
        label=args.label,
        about=about,
        out=args.out,
        cache=args.cache,
        workers=args.workers,
        progress=not args.quiet,
    )
    if args.json:
        common.print_json(result)
        return
    common.print_text(f"{result.label} for DCASE {result.year} Task 1: {result.clips:,} evaluation clips")
    for name, limits in result.limits.items():
        for limit, use in limits.items():
            common.print_text(f"  {name}: {limit} {use.value:,.0f} of {use.limit:,.0f}")
    if result.checked_clips is not None:
        common.print_text(
            f"  the package, run without hwasc on {result.checked_clips} clips, agrees with the evaluated student "
            f"(probabilities within {result.largest_difference:.1g})"
        )
    for path in result.files:
        common.print_text(f"  {path}")
    common.print_text(f"hand in {args.out / 'task1'} with your technical report (docs/submit.md)")


def _runs(year: int, texts: Sequence[str]) -> dict[str, Path]:
    """`NAME=DIR` or, in 2025, `DIR`; a path may itself hold '='."""
    runs: dict[str, Path] = {}
    for text in texts:
        name, eq, folder = text.partition("=")
        if not eq or (name not in (*SUBSETS, *DEVICES) and Path(text).is_dir()):
            name, folder = "general", text
        if year == 2024 and name == "general":
            raise UsageError(f"--run {text}: 2024 has a student for each subset; name the subset: --run 25={text}")
        if name in runs:
            raise UsageError(f"--run {text}: there are two runs for {name}; give only one")
        runs[name] = Path(folder)
    return runs
