"""What each teacher brings to the ensemble, in one row: alone, by its absence, and by the weight that z1 gives it."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hwasc.ensemble.fusion import FusionRow
    from hwasc.ensemble.leave_one_out import LeaveOneOutRow


@dataclass(frozen=True, kw_only=True)
class Contribution:
    """A teacher on held-out clips.

    Attributes:
        name: The teacher's.
        alone: Its own accuracy and log loss.
        without: The plain mean of all teachers but this one.
        z1_weight: z1's weight of it, the mean over the scenes, 0..1; None where that was not measured.
    """

    name: str
    alone: FusionRow
    without: LeaveOneOutRow
    z1_weight: float | None


def contributions(
    fusion: Sequence[FusionRow],
    leave_one_out: Sequence[LeaveOneOutRow],
    mixing: Mapping[str, Mapping[str, Mapping[str, float]]],
) -> list[Contribution]:
    """Put together what was measured of each teacher.

    Args:
        fusion: Each teacher and each view.
        leave_one_out: The plain mean without each teacher.
        mixing: z1's mean weights, 0..1: `scene` or `device`, its name, the teacher's name.

    Returns:
        A row for each teacher that `leave_one_out` has, in this order.
    """
    alone, scenes = {row.name: row for row in fusion}, list(mixing.get("scene", {}).values())
    return [
        Contribution(
            name=row.name,
            alone=alone[row.name],
            without=row,
            z1_weight=statistics.mean(weights[row.name] for weights in scenes) if scenes else None,
        )
        for row in leave_one_out
        if row.name in alone
    ]
