"""The part of the search report that shows what pruning made of the best candidates."""

from __future__ import annotations

from collections.abc import Sequence

from hwasc.nas.trial import Refined
from hwasc.report.formats import count, kib, percent
from hwasc.report.page import Paragraph, Section, Table


def refinement(refined: Sequence[Refined], chosen: Refined | None, clips: int | None) -> Section:
    """A row a refined net beside the candidate that it came from, and on what terms they are compared.

    clips: that both are measured on.
    """
    on = f"the same {count(clips)} validation clips" if clips else "the same validation clips"
    long = sorted({r.epochs for r in refined})
    trained = " or ".join(map(str, long))
    said = (
        "Each net was widened beyond the budget, distilled, and pruned in steps until it kept every limit; widths go by fours, "
        f"off the space's grid. The candidate that it came from was trained for as many epochs ({trained}; the wider net's take "
        f"more time) from the same start, and both are measured on {on}. The pruned net keeps its weights. "
    )
    said += (
        f"The one of trial {chosen.number} is of a higher score than every candidate and was chosen."
        if chosen
        else "None is of a higher score than every candidate, so none was chosen."
    )
    rows = [
        (
            r.number,
            r.id,
            percent(r.before),
            f"{percent(r.accuracy)} ± {100 * r.standard_error:.1f}",
            percent(r.float_accuracy),
            f"{r.max_cost_ratio:.2f}",
            count(r.macs),
            count(r.parameters),
            count(r.memory),
            kib(r.memory),
            count(r.weights),
            f"{r.seconds:,.1f}",
        )
        for r in refined
    ]
    columns = (
        "from trial",
        "id",
        "its int8 accuracy",
        "int8 accuracy ± SE",
        "float accuracy",
        "start, times its limit",
        "MACs",
        "parameters",
        "activations, B",
        "activations",
        "weights, B",
        "seconds",
    )
    marked = [i for i, r in enumerate(refined) if r == chosen]
    caption = "Pruned to the budget's edge, by falling second score. Accuracies measured, costs exact"
    return Section("Refinement", [Paragraph(said), Table(columns, rows, caption, marked)])
