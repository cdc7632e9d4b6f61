"""Compare distilled students: accuracies, costs and the settings that differ, side by side. Runs that differ in nothing but seeds
(or in the part of the recordings that is tested) are one student: its figures are means with their standard deviation. The others
are compared with the first student, or with --against, run by run of equal seeds: the mean difference with its standard error.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import hwasc
from hwasc.cli import common
from hwasc.cli.next_step import next_step

if TYPE_CHECKING:
    from hwasc.students.comparison import Comparison

EXAMPLES = """examples:
  hwasc compare runs/baseline runs/distill
  hwasc compare runs/small-0 runs/small-1 runs/small-2 runs/large-0 runs/large-1 runs/large-2
  hwasc compare runs --against labels --html comparison.html   # all runs in a folder
  hwasc compare runs --json"""

LONGEST = 30  # characters of a setting in the table; --json and --html have all


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument(
        "runs", nargs="+", metavar="RUN", help="run folders of distillations, or folders that hold such"
    )
    parser.add_argument(
        "--against", metavar="NAME", help="the student that the others are compared with (default: the first)"
    )
    parser.add_argument("--html", metavar="FILE", type=Path, help="write a self-contained page")
    common.add_output(parser)


def run(args: argparse.Namespace) -> None:
    """Compare and print."""
    result = hwasc.compare(args.runs, against=args.against, html=args.html)
    if args.json:
        common.print_json(result)
        return
    _print(result)
    if args.html:
        print(f"page {args.html}")
        return
    against = [] if args.against is None else ["--against", args.against]
    next_step(["compare", *args.runs, *against, "--html", "comparison.html"])


def _print(c: Comparison) -> None:
    from hwasc.report.comparing import cost_cell, difference_cell, measure_cell
    from hwasc.report.formats import plural

    for of, cell in (("measures", measure_cell), ("costs", cost_cell), ("noise", measure_cell)):
        figures = [getattr(s, of) for s in c.students]
        if columns := [name for name in figures[0] if all(name in f for f in figures)]:
            rows = [
                (s.name, len(s.runs), *(cell(n, f[n]) for n in columns))
                for s, f in zip(c.students, figures, strict=True)
            ]
            common.print_table(("student", "runs", *columns), rows)
    for d in c.differences:
        gains = ", ".join(f"{name} {difference_cell(name, d)}" for name in ("int8", "validation", "log loss"))
        print(f"{d.student} against {d.against}, over {plural(d.runs, 'pair')} of equal seeds: {gains}")
    reference = next(s for s in c.students if s.name == c.reference)
    for s in c.students:
        others = {n: v for n, v in s.settings.items() if v != reference.settings.get(n)}
        if others:
            listed = ", ".join(f"{n} {_shown(v)} ({_shown(reference.settings.get(n))})" for n, v in others.items())
            print(f"{s.name}, settings (of {reference.name}): {listed}")


def _shown(value: object) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
