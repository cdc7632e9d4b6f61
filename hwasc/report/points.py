"""What the script of the search page knows of each trial: its figures as text, its costs under the limits, its command."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwasc.cost.limits import value
from hwasc.cost.measure import Costs
from hwasc.nas.trial import Trial, by_score
from hwasc.report.formats import amount, count, kib, percent

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
INHERITED = ("--data", "--config", "--set", "--effort", "--seed", "--cache", "--device", "--workers")


def trial_points(result: SearchResult) -> dict[str, Any]:
    """Collect the data of the search page's script.

    Args:
        result: The finished search.

    Returns:
        JSON-ready values: `best`, the winner's number; `costs`, for each cost that can be limited its name and every value that
        a trial has, rising, as a number and as text; `trials`, for each trial its number, figures, costs in that order,
        architecture, command, and its rank, 0 for what the search would choose.
    """
    problem, second = result.problem, {t.number: t for t in result.rescored}
    names = list(dict.fromkeys([*result.limits, *SHOWN]))
    ranks = {t.number: i for i, t in enumerate([*by_score(result.rescored), *by_score(_others(result, second))])}
    trials, columns = [], []
    for t in result.trials:
        architecture = problem.architecture(t.point)
        costs = problem.budget.count(architecture)
        columns.append([value(costs, name) for name in names])
        trials.append(
            {
                "number": t.number,
                "id": t.id,
                "rank": ranks[t.number],
                "best": _best(second.get(t.number), t),
                "facts": _facts(t, second.get(t.number), costs),
                "costs": columns[-1],
                "architecture": " · ".join(architecture.text().splitlines()),
                "command": command(result.run, t.number, result.environment),
            }
        )
    return {"best": result.trial.number, "costs": _steps(names, columns, result.limits), "trials": trials}


def command(run: Path, number: int, environment: Mapping[str, Any]) -> str:
    """The command that distils a trial with the data and settings of its search.

    Args:
        run: The search's run folder.
        number: Of the trial.
        environment: Of the search; names its command.

    Returns:
        A line for a shell, with a run folder for the student beside that of the search.
    """
    folder = Path(os.path.relpath(run)) if run.absolute().is_relative_to(Path.cwd()) else run
    student = folder.with_name(f"{folder.name}-trial{number}")
    words = ["hwasc", "distill", "--arch", f"{folder}:{number}", *inherited(environment), "--run", str(student)]
    return shlex.join(words)


def inherited(environment: Mapping[str, Any]) -> list[str]:
    """The options of a search's command that a distillation of its trials needs too; none where it was no command."""
    try:
        program, *words = shlex.split(str(environment.get("command", "")))
    except ValueError:  # no command, or one with a quotation mark
        return []
    if program not in ("hwasc", "__main__.py") or words[:1] != ["search"]:  # the latter by `python -m hwasc`
        return []
    out: list[str] = []
    for i, word in enumerate(words):
        option, equals, _ = word.partition("=")
        if option in INHERITED:
            out += [word] if equals else words[i : i + 2]
    return out


def _others(result: SearchResult, second: Mapping[int, Trial]) -> list[Trial]:
    return [t for t in result.trials if t.number not in second]


def _best(second: Trial | None, first: Trial) -> str:
    by = "second score" if second else "score"
    t = second or first
    return f"trial {t.number}, {percent(t.accuracy)} int8 ({by} {t.score:.3f})"


def _facts(t: Trial, second: Trial | None, costs: Costs) -> list[tuple[str, str]]:
    def scores(of: Trial, what: str) -> list[tuple[str, str]]:
        return [
            (f"{what}accuracy", f"{percent(of.accuracy)} ± {100 * of.standard_error:.1f}"),
            (f"{what}score".removeprefix("int8 "), f"{of.score:.3f} ± {of.score_error:.3f}"),
        ]

    return [
        *scores(t, "int8 " if second is None else "first "),
        *(scores(second, "second ") if second else []),
        ("MACs", count(t.macs)),
        ("parameters", count(t.parameters)),
        ("memory", kib(t.memory)),
        ("weights", kib(costs.int8_memory.weights)),
    ]


def _steps(names: Sequence[str], rows: Sequence[Sequence[float]], limits: Mapping[str, float]) -> list[dict[str, Any]]:
    """The slider of each cost: the values that trials have, and the limit where there is one."""
    out = []
    for i, name in enumerate(names):
        values = {row[i] for row in rows} | ({limits[name]} if name in limits else set())
        label = LABELS.get(name, name.replace("_", " ").replace(".", " "))
        out.append({"name": label, "steps": [(v, amount(name, v)) for v in sorted(values)]})
    return out
