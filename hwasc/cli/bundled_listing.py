"""What `hwasc budgets` and `hwasc spaces` have in common: a table of what is bundled, or one file to copy and change."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwasc.cli import common
from hwasc.records import bundled

if TYPE_CHECKING:
    from hwasc.progress import Column


def add_listing(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="print this one's file, to copy and change")
    common.add_output(parser)


def print_listing(
    args: argparse.Namespace,
    kind: str,
    *,
    load: Callable[[str | Path], Any],
    known: Callable[[], Mapping[str, Any]],
    columns: Sequence[str | Column],
    row: Callable[[Any], Sequence[object]],
) -> None:
    """Print the file that is named, else the table of all.

    Args:
        args: Parsed arguments, those of `add_listing` among them.
        kind: `budgets` or `search_spaces`, see `records.bundled`.
        load: Reads and checks a file by name or path.
        known: Gives the bundled ones by name.
        columns: Names of the columns behind the name.
        row: Gives the cells of these columns.
    """
    if args.name:
        found = load(args.name)
        if args.json:
            common.print_json(found)
        else:
            print(bundled.find(kind, args.name).read_text(encoding="utf-8"), end="")
        return
    if args.json:
        common.print_json(known())
        return
    what = kind.removesuffix("s").replace("_", " ")
    common.print_table((what, *columns), [(name, *row(item)) for name, item in known().items()])
    option = f"--{what.split()[-1]}"
    common.print_text(
        f"hwasc search {option} NAME takes one; hwasc {option[2:]}s NAME prints its file, to copy and change"
    )
