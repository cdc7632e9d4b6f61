"""The verdict on a terminal, as the pages begin with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwasc.cli.common import print_text

if TYPE_CHECKING:
    from hwasc.report.verdict import Verdict

BAR = 20  # characters


def print_verdict(verdict: Verdict) -> None:
    """Print what was asked, whether it fits, how good it is, which file goes on the chip, and how long a clip takes."""
    lines = ["", f"asked      {verdict.asked}", f"{'fits' if verdict.limits else 'found':<11}{verdict.answer}"]
    width = max((len(row.name) for row in verdict.limits), default=0)
    for row in verdict.limits:
        bar = "" if row.share is None else f"  {_bar(row.share)} {row.share:.0%}"
        of = f" of {row.limit}" if row.limit else ""
        note = f"  [{row.note}]" if row.note else ""
        lines.append(f"  {row.name:<{width}}  {row.value}{of}{bar} ({row.known}){note}")
    shown = "; ".join(f"{a.name} {a.text}" for a in verdict.accuracies)
    lines.append(f"accuracy   {shown + '. ' if shown else ''}{verdict.over}")
    lines += [f"{name:<11}{text}" for name, text in (("file", verdict.file), ("a clip", verdict.time)) if text]
    print_text("\n".join(lines))


def _bar(share: float) -> str:
    full = min(BAR, round(BAR * share))
    return "[" + "#" * full + "." * (BAR - full) + "]"
