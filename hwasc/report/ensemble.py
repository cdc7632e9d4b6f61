"""The teachers and their fusion: accuracies, a comparison of the learned fusion with the mean, and what each teacher adds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from hwasc.ensemble.contributions import Contribution, contributions
from hwasc.records.teacher_settings import FUSED, PAPER
from hwasc.report.bars import fusion_bars, share_bars
from hwasc.report.formats import ABSENT, decimal, percent, points
from hwasc.report.page import Paragraph, Part, Table

if TYPE_CHECKING:
    from hwasc.ensemble.fusion import FusionRow
    from hwasc.ensemble.leave_one_out import LeaveOneOutRow


def fusion_parts(
    rows: Sequence[FusionRow],
    leave_one_out: Sequence[LeaveOneOutRow],
    mixing: Mapping[str, Mapping[str, Mapping[str, float]]],
    clips: int | None = None,
) -> list[Part]:
    """The comparison in a sentence, bars and a table of all rows, z1's weights, and what each teacher brings.

    Args:
        rows: Each teacher and each fusion.
        leave_one_out: The plain mean without each teacher; may be empty.
        mixing: z1's mean weights, 0..1: `scene` or `device`, its name, the teacher's name.
        clips: How many they were measured on; None: not named.

    Returns:
        The parts in their order.
    """
    over = (
        f"over {clips:,} clips" if clips else "on clips that neither the teachers nor the fusion heads were fitted on"
    )
    shown = [(r.name, percent(r.accuracy), decimal(r.log_loss), decimal(r.ece)) for r in rows]
    return [
        *([Paragraph(text)] if (text := verdict(rows)) else []),
        *fusion_bars(rows, over),
        Table(("teacher or fusion", "macro accuracy", "log loss", "calibration error"), shown, f"Measured {over}"),
        *(
            share_bars(groups, f"Measured {over}. z1's mean weight of each teacher by {by}, per cent.")
            for by, groups in mixing.items()
        ),
        *_contributions(contributions(rows, leave_one_out, mixing), over),
    ]


def _contributions(rows: Sequence[Contribution], over: str) -> list[Part]:
    if not rows:
        return []
    shown = [
        (
            r.name,
            percent(r.alone.accuracy),
            decimal(r.alone.log_loss),
            percent(r.without.accuracy),
            points(r.without.accuracy_gain),
            r.without.gain_in_nats,
            ABSENT if r.z1_weight is None else percent(r.z1_weight),
        )
        for r in rows
    ]
    useless = [r.name for r in rows if not r.without.helps]
    text = (
        f"The mean logit is no worse without {', '.join(useless)}."
        if useless
        else "The mean logit is worse without any of them."
    )
    head = (
        "what each teacher brings",
        "macro accuracy",
        "log loss",
        "mean logit without it",
        "gain by it, points",
        "gain by it, nats",
        "z1's weight",
    )
    caption = f"Each teacher alone, the mean logit with this teacher left out, and z1's weight, mean over scenes; measured {over}"
    return [Paragraph(text), Table(head, shown, caption)]


def verdict(rows: Sequence[FusionRow]) -> str:
    """A sentence that compares the learned fusion with the plain mean and the best single teacher.

    Args:
        rows: Each teacher and each fusion.

    Returns:
        The sentence; empty where the mean or the learned fusion is absent.
    """
    by_name = {r.name: r for r in rows}
    teachers = [r for r in rows if r.name not in FUSED]
    if "mean" not in by_name or "z1+z2" not in by_name:
        return ""
    mean, learned = by_name["mean"], by_name["z1+z2"]
    gain, loss = learned.accuracy - mean.accuracy, learned.log_loss - mean.log_loss
    text = f"The learned fusion z1+z2 reaches {percent(learned.accuracy)}, {points(gain)} points against the plain mean"
    if teachers:
        top = max(teachers, key=lambda r: r.accuracy)
        text += f" and {points(learned.accuracy - top.accuracy)} against the best single teacher, {top.name}"
    text += f"; its log loss is {decimal(learned.log_loss)} (mean: {decimal(mean.log_loss)})."
    if gain <= 0 and loss >= 0:
        text += " The learned heads do not beat the plain mean here."
    elif gain <= 0 or loss >= 0:
        text += f" It beats the plain mean in {'log loss' if loss < 0 else 'accuracy'} only."
    if paper := by_name.get(PAPER[-1]):
        text += (
            f" The heads as the paper describes them, {paper.name}, reach {percent(paper.accuracy)} and a log loss of "
            f"{decimal(paper.log_loss)}."
        )
    return text
