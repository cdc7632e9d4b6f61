"""What the script of the search page knows of each trial: its figures as text, its costs under the limits, its command."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwasc.cost.limits import value
from hwasc.nas.trial import Trial, by_score
from hwasc.report.formats import count, kib, percent, unit

if TYPE_CHECKING:
    from hwasc.nas.result import SearchResult

LABELS = {
    "macs.torchinfo": "MACs",
    "macs.conv": "MACs as run",
    "int8_memory.activations": "peak activations",
    "int8_memory.weights": "int8 weights",
    "int8_memory.total": "weights and activations",
    "latency_ms": "latency",
    "ram": "RAM",
}
SHOWN = ("macs.torchinfo", "parameters")  # costs that can be limited on the page though the budget does not
COSTS = ("MACs", "parameters", "memory", "weights")  # of a trial, see `_costs`


def trial_points(result: SearchResult) -> dict[str, Any]:
    """Collect the data of the search page's script. What all trials share stands there once: a page holds some hundred.

    Args:
        result: The finished search.

    Returns:
        JSON-ready values: `best`, the winner's number; `command`, the parts of a command between which the number stands;
        `costs`, name, unit and limit (or None) of each cost that can be limited on the page; `labels` of the trials' figures;
        `trials`, for each its number, id, figures as text, costs, architecture, and its rank: 0 for what the search would
        choose, by second scores and then by first ones.
    """
    problem, second = result.problem, {t.number: t for t in result.rescored}
    names = list(dict.fromkeys([*result.limits, *SHOWN]))
    others = [t for t in result.trials if t.number not in second]
    ranks = {t.number: i for i, t in enumerate([*by_score(result.rescored), *by_score(others)])}
    trials = []
    for t in result.trials:
        architecture = problem.architecture(t.point)
        costs = problem.budget.count(architecture)
        figures = [*_scores(t), *(_scores(second.get(t.number)) if second else []), *_costs(t)]
        trials.append(
            {
                "number": t.number,
                "id": t.id,
                "rank": ranks[t.number],
                "figures": figures,
                "costs": [value(costs, name) for name in names],
                "architecture": " · ".join(architecture.text().splitlines()),
            }
        )
    first = "int8 accuracy" if all(t.quantized for t in result.trials) else "float accuracy"
    labels = [first, "score", *(["second accuracy, int8", "second score"] if second else []), *COSTS]
    return {
        "best": result.trial.number,
        "command": command(result.run),
        "costs": [{"name": _label(name), "unit": unit(name), "limit": result.limits.get(name)} for name in names],
        "labels": labels,
        "trials": trials,
    }


def command(run: Path) -> list[str]:
    """The command that distils a trial; data and settings it has from the search's run folder.

    Args:
        run: The search's run folder.

    Returns:
        The parts of a line for a shell between which the trial's number stands. The student's run folder is beside that of the
        search.
    """
    folder = Path(os.path.relpath(run)) if run.absolute().is_relative_to(Path.cwd()) else run
    student = folder.with_name(f"{folder.name}-trial")
    return [f"hwasc distill --arch {shlex.quote(f'{folder}:')}", f" --run {shlex.quote(str(student))}", ""]


def _label(name: str) -> str:
    return LABELS.get(name, name.replace("_", " ").replace(".", " "))


def _scores(t: Trial | None) -> list[str | None]:
    if t is None:
        return [None, None]
    return [f"{percent(t.accuracy)} ± {100 * t.standard_error:.1f}", f"{t.score:.3f} ± {t.score_error:.3f}"]


def _costs(t: Trial) -> list[str]:
    return [count(t.macs), count(t.parameters), kib(t.memory), kib(t.weights)]
