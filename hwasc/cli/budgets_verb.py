"""The bundled budgets with their limits, chips and sources. With a name or a file: all of it, to copy and change."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

import hwasc
from hwasc.cli import common
from hwasc.records import bundled

if TYPE_CHECKING:
    from hwasc.records.budget import Budget

EXAMPLES = """examples:
  hwasc budgets
  hwasc budgets nrf52840 > mine.yaml
  hwasc budgets --json"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="print the file of this budget")
    common.add_output(parser)


def run(args: argparse.Namespace) -> None:
    """Print."""
    if args.name:
        from hwasc.records.budget import Budget

        found = Budget.load(args.name)
        if args.json:
            common.print_json(found)
        else:
            print(bundled.find("budgets", args.name).read_text(encoding="utf-8"), end="")
        return
    known = hwasc.budgets()
    if args.json:
        common.print_json(known)
        return
    rows = [(name, _limits(budget), _chip(budget), _source(budget)) for name, budget in known.items()]
    common.print_table(("budget", "at most", "chip", "source"), rows)
    print("hwasc search --budget NAME takes one; hwasc budgets NAME prints its file, to copy and change")


def _limits(budget: Budget) -> str:
    amounts = budget.amounts().items()
    return ", ".join(f"{name} {v if isinstance(v, str) else format(v, ',')}{_unit(name)}" for name, v in amounts)


def _unit(name: str) -> str:
    return " B" if name.split(".")[0] in ("parameter_memory", "int8_memory", "flash", "arena", "ram") else ""


def _chip(budget: Budget) -> str:
    c = budget.chip
    return (
        "" if c is None else f"{c.core}, {c.clock_mhz:g} MHz, {c.ram // 1024:,} KiB RAM, {c.flash // 1024:,} KiB flash"
    )


def _source(budget: Budget) -> str:
    """Who says so, without the details."""
    return re.split(r":|, Task| \(", budget.source)[0].strip()
