"""The table of what each teacher brings, in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from hwasc.cli import common

if TYPE_CHECKING:
    from hwasc.ensemble.fusion import FusionRow
    from hwasc.ensemble.leave_one_out import LeaveOneOutRow


def print_contributions(
    fusion: Sequence[FusionRow],
    leave_one_out: Sequence[LeaveOneOutRow],
    mixing: Mapping[str, Mapping[str, Mapping[str, float]]],
    split: str,
) -> None:
    """Print each teacher's accuracy, what the ensemble loses without it, and z1's weight of it; nothing without teachers.

    Args:
        fusion: Each teacher and each view.
        leave_one_out: The plain mean without each teacher.
        mixing: z1's mean weights by scene and device.
        split: On whose clips they were measured.
    """
    from hwasc.ensemble.contributions import contributions
    from hwasc.progress import Column

    rows = contributions(fusion, leave_one_out, mixing)
    if not rows:
        return
    columns = (
        Column(f"teacher, on {split} clips", "teacher"),
        "accuracy",
        Column("mean logit without it", "mean without", drop=2),
        Column("gain by it", "gain"),
        Column("log loss without it", "loss without", drop=1),
        Column("gain by it, nats", "gain, nats", drop=4),
        Column("z1's weight", "z1", drop=3),
    )
    common.print_table(
        columns,
        [
            (
                r.name,
                f"{r.alone.accuracy:.1%}",
                f"{r.without.accuracy:.1%}",
                f"{r.without.accuracy_gain:+.1%}",
                f"{r.without.log_loss:.3f}",
                r.without.gain_in_nats,
                "-" if r.z1_weight is None else f"{r.z1_weight:.0%}",
            )
            for r in rows
        ],
    )
    common.print_text(_verdict(leave_one_out))


def _verdict(rows: Sequence[LeaveOneOutRow]) -> str:
    useless = [r.name for r in rows if not r.helps]
    if not useless:
        return "every teacher improves the ensemble, in accuracy or in log loss"
    return f"the ensemble is no worse without {', '.join(useless)} (one left out at a time); more teachers are not always better"
