"""The bundled search spaces with their sizes. With a name or a file: all of it, to copy and change."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import hwasc
from hwasc.cli import common
from hwasc.records import bundled

if TYPE_CHECKING:
    from hwasc.records.space import SearchSpace

EXAMPLES = """examples:
  hwasc spaces
  hwasc spaces small > mine.yaml
  hwasc spaces --json"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="print the file of this space")
    common.add_output(parser)


def run(args: argparse.Namespace) -> None:
    """Print."""
    if args.name:
        from hwasc.records.space import SearchSpace

        found = SearchSpace.load(args.name)
        if args.json:
            common.print_json(found)
        else:
            print(bundled.find("search_spaces", args.name).read_text(encoding="utf-8"), end="")
        return
    known = hwasc.spaces()
    if args.json:
        common.print_json(known)
        return
    columns = ("space", "points", "mel bands", "frames a second", "stages", "blocks", "widest")
    common.print_table(columns, [(name, *_row(space)) for name, space in known.items()])
    print("points: before the rules between choices and the budget")
    print("hwasc search --space NAME takes one; hwasc spaces NAME prints its file, to copy and change")


def _row(space: SearchSpace) -> tuple[str, ...]:
    fe, size = space.front_end, space.log10_size()
    least, most = (sum(pick(stage.depth) for stage in space.stages) for pick in (min, max))
    return (
        f"{10**size:,.0f}" if size < 7 else f"1e{size:.1f}",
        _span(fe.mels),
        _span(fe.frames),
        str(len(space.stages)),
        _span((least, most)),
        str(max(max(stage.width) for stage in space.stages)),
    )


def _span(values: tuple[int, ...]) -> str:
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low} to {high}"
