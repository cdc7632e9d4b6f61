"""An emulated core on a terminal: instructions of a clip by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from hwasc.progress import print_table

if TYPE_CHECKING:
    from hwasc.deploy.firmware.emulation import Emulation


def print_emulation(found: Emulation) -> None:
    """Print the table and the totals.

    Args:
        found: The emulated core.
    """
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    columns = ("layer", "MACs", "instructions", "a MAC", "of the net", "by the model")
    rows = [
        (
            y.name,
            y.macs,
            y.instructions,
            f"{y.instructions / y.macs:.2f}" if y.macs else "",
            f"{y.instructions / found.net:.1%}",
            y.estimate,
        )
        for y in found.layers
    ]
    print_table(console, columns, rows, f"C export on an emulated {found.core}, one clip, counted")
    console.print(
        f"instructions {found.instructions:,}: front end {found.front_end:,} ({found.frames} frames, {found.arithmetic}), "
        f"net {found.net:,} ({found.per_mac:.2f} a MAC); by the model {found.estimate:,}"
    )
    console.print(
        f"RAM {found.ram:,} B, stack {found.stack:,} B used, {found.stack_bound:,} B at most; "
        f"flash: program {found.program:,} B, tables {found.tables:,} B"
    )
