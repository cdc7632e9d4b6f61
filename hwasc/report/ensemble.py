"""What the teachers and the ways to fuse them reach, and whether the learned fusion earns its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hwasc.records.teacher_settings import FUSED
from hwasc.report import plots
from hwasc.report.formats import decimal, percent, points
from hwasc.report.page import Paragraph, Part, Picture, Table


@dataclass(frozen=True)
class Line:
    """A teacher or a way to fuse: macro accuracy 0..1, log loss in nats, calibration error 0..1 (not in older results)."""

    name: str
    accuracy: float
    log_loss: float
    ece: float = float("nan")


def lines(rows: Sequence[Any]) -> list[Line]:
    """Rows as lines, from records with these attributes or from their JSON form."""
    keys = ("accuracy", "log_loss", "ece")
    plain = [r if isinstance(r, Mapping) else {k: getattr(r, k, None) for k in ("name", *keys)} for r in rows]
    return [Line(str(r.get("name", "")), *(_number(r.get(k)) for k in keys)) for r in plain]


def fusion_parts(
    rows: Sequence[Any],
    clips: int | None = None,
    left_out: Sequence[Mapping[str, Any]] = (),
    mixing: Mapping[str, Mapping[str, Mapping[str, float]]] | None = None,
) -> list[Part]:
    """The verdict in a sentence, the bars, the table; whom z1 believes; then what the ensemble is without each teacher.

    mixing: z1's mean weights, by `scene` or `device`, its name, and teacher.
    """
    table = lines(rows)
    over = (
        f"over {clips:,} clips" if clips else "on clips that neither the teachers nor the fusion heads were fitted on"
    )
    shown = [(r.name, percent(r.accuracy), decimal(r.log_loss), decimal(r.ece)) for r in table]
    return [
        *([Paragraph(text)] if (text := verdict(table)) else []),
        Picture(
            plots.fusion_bars(table),
            f"Measured {over}. Teachers in grey, the plain mean of their logits in orange, the learned heads in blue.",
        ),
        Table(("teacher or fusion", "macro accuracy", "log loss", "calibration error"), shown, f"Measured {over}"),
        *(
            Picture(plots.share_bars(groups), f"Measured {over}. z1's mean weight of each teacher by {by}, per cent.")
            for by, groups in (mixing or {}).items()
        ),
        *_left_out(left_out, over),
    ]


def _left_out(rows: Sequence[Mapping[str, Any]], over: str) -> list[Part]:
    if not rows:
        return []
    shown = [
        (
            str(r["name"]),
            percent(r["accuracy"]),
            decimal(r["log_loss"]),
            points(r["accuracy_gain"]),
            f"{r['log_loss_gain']:+.3f} ± {r['standard_error']:.3f}",
        )
        for r in rows
    ]
    idle = [str(r["name"]) for r in rows if not r["helps"]]
    text = (
        f"The mean logit is no worse without {', '.join(idle)}."
        if idle
        else "The mean logit is worse without any of them."
    )
    head = ("without", "macro accuracy", "log loss", "it adds: points", "it adds: nats")
    return [Paragraph(text), Table(head, shown, f"The mean logit with one teacher left out, measured {over}")]


def verdict(table: Sequence[Line]) -> str:
    """How the learned fusion compares with the plain mean and the best single teacher; empty if they are not there."""
    named = {r.name: r for r in table}
    teachers = [r for r in table if r.name not in FUSED]
    if "mean" not in named or "z1+z2" not in named:
        return ""
    mean, learned = named["mean"], named["z1+z2"]
    gain, loss = learned.accuracy - mean.accuracy, learned.log_loss - mean.log_loss
    text = f"The learned fusion z1+z2 reaches {percent(learned.accuracy)}, {points(gain)} points against the plain mean"
    if teachers:
        top = max(teachers, key=lambda r: r.accuracy)
        text += f" and {points(learned.accuracy - top.accuracy)} against the best single teacher, {top.name}"
    text += f"; its log loss is {decimal(learned.log_loss)} (mean: {decimal(mean.log_loss)})."
    if gain <= 0 and loss >= 0:
        return text + " The learned heads do not beat the plain mean here."
    if gain <= 0 or loss >= 0:
        return text + f" It beats the plain mean in {'log loss' if loss < 0 else 'accuracy'} only."
    return text


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else float("nan")
