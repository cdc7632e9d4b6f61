"""An emulated core on a terminal: instructions of a clip by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwasc.cli import common
from hwasc.progress import Column

if TYPE_CHECKING:
    from hwasc.deploy.firmware.emulation import Emulation


def print_emulation(found: Emulation) -> None:
    """Print the table and the totals.

    Args:
        found: The emulated core.
    """
    columns = (
        "layer",
        Column("MACs", drop=2),
        "instructions",
        Column("a MAC", drop=1),
        "of the net",
        Column("by the model", drop=3),
    )
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
    common.print_text(f"C export on an emulated {found.core}, one clip, counted")
    common.print_table(columns, rows)
    common.print_text(
        f"instructions {found.instructions:,}: front end {found.front_end:,} ({found.frames} frames, {found.arithmetic}), "
        f"net {found.net:,} ({found.per_mac:.2f} a MAC); by the model {found.estimate:,}"
    )
    common.print_text(
        f"RAM {found.ram:,} B, stack {found.stack:,} B used, {found.stack_bound:,} B at most; "
        f"flash: program {found.program:,} B, tables {found.tables:,} B"
    )
