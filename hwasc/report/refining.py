"""The section of the search report about refined nets: the best candidates, widened and pruned."""

from __future__ import annotations

from collections.abc import Sequence

from hwasc.nas.trial import Refined
from hwasc.report.formats import count, kib, percent
from hwasc.report.page import Paragraph, Section, Table


def refinement(refined: Sequence[Refined], chosen: Refined | None, clips: int) -> Section:
    """A table of refined nets beside the candidates that they come from, and how both are compared.

    Args:
        refined: All refined nets.
        chosen: The one that became the winner, if one did.
        clips: Validation clips that both are measured on.

    Returns:
        The section.
    """
    epochs = " or ".join(map(str, sorted({r.epochs for r in refined})))
    text = (
        "Each net was widened until it exceeded the budget, distilled, and pruned in steps until it met every limit; its widths "
        "are multiples of four, not only the space's choices. The candidate that it comes from was trained for as many epochs "
        f"({epochs}; an epoch of the wider net takes more time) from the same initial weights, and both are measured on the same "
        f"{count(clips)} validation clips. The pruned net keeps its weights. "
    )
    text += (
        f"The net of trial {chosen.number} has a higher score than every candidate and was chosen."
        if chosen
        else "No net has a higher score than every candidate, so none was chosen."
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
        "the trial's int8 accuracy",
        "int8 accuracy ± SE",
        "float accuracy",
        "cost over limit before pruning",
        "MACs",
        "parameters",
        "activations, B",
        "activations",
        "weights, B",
        "seconds",
    )
    marked = [i for i, r in enumerate(refined) if r == chosen]
    caption = "Pruned until they met the budget, by falling second score. Accuracies measured, costs exact"
    return Section("Refinement", [Paragraph(text), Table(columns, rows, caption, marked)])
