"""The bundled budgets with their limits, chips and sources. With a name or a file: all of it, to copy and change."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

import hwasc
from hwasc.cli.bundled_listing import add_listing, print_listing

if TYPE_CHECKING:
    from hwasc.records.budget import Budget

EXAMPLES = """examples:
  hwasc budgets
  hwasc budgets nrf52840 > mine.yaml
  hwasc budgets --json"""


arguments = add_listing


def run(args: argparse.Namespace) -> None:
    """Print."""
    from hwasc.progress import Column
    from hwasc.records.budget import Budget

    columns = ("at most", Column("chip", drop=2), Column("source", drop=1))
    print_listing(args, "budgets", load=Budget.load, known=hwasc.budgets, columns=columns, row=_row)


def _row(budget: Budget) -> tuple[str, str, str]:
    return _limits(budget), _chip(budget), _source(budget)


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
