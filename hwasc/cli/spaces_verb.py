"""The bundled search spaces with their sizes (points before the rules between choices and the budget). With a name or a file: all
of it, to copy and change.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import hwasc
from hwasc.cli.bundled_listing import add_listing, print_listing

if TYPE_CHECKING:
    from hwasc.records.space import SearchSpace

EXAMPLES = """examples:
  hwasc spaces
  hwasc spaces small > mine.yaml
  hwasc spaces --json"""


arguments = add_listing


def run(args: argparse.Namespace) -> None:
    """Print."""
    from hwasc.records.space import SearchSpace

    columns = ("points", "mel bands", "frames a second", "stages", "blocks", "widest")
    print_listing(args, "search_spaces", load=SearchSpace.load, known=hwasc.spaces, columns=columns, row=_row)


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
