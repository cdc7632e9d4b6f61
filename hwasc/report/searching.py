"""The search report: the space, the budget, the trials, the front and the best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hwasc.cost.limits import Range
from hwasc.nas.trial import Refined, Trial
from hwasc.report import plots
from hwasc.report.analysis import predictions, what_matters
from hwasc.report.budget_use import budget_use
from hwasc.report.ensemble import fusion_parts
from hwasc.report.finalists import finalists, seeds_table
from hwasc.report.formats import ABSENT, amount, count, data_name, kib, percent, plural, short
from hwasc.report.page import Controls, Fact, Facts, Paragraph, Picture, Preformatted, Section, Table, page
from hwasc.report.points import trial_points
from hwasc.report.profiling import flat_table, front_end_table
from hwasc.report.refining import refinement
from hwasc.report.script import Script
from hwasc.report.verdicts import search_verdict

if TYPE_CHECKING:
    from hwasc.nas.result import SearchResult

PROXIES = {"supernet": "of slices of weights that all candidates share", "distillation": "of short trainings"}


def search_report(result: SearchResult) -> str:
    """Render the page about a search.

    Args:
        result: The finished search.

    Returns:
        The page as HTML text.
    """
    best, trials, rescored, survey = result.trial, result.trials, result.rescored, result.survey
    pruned, architecture = result.chosen_refined, result.best.architecture
    choices, proxy = result.problem.space.choices(), PROXIES.get(result.proxy, result.proxy)
    over = f"over {count(result.clips)} validation clips"
    chosen_on = result.second_clips if rescored or pruned else result.clips
    measured = f"over {count(chosen_on)} validation clips"
    if best.locations and not pruned:
        measured = "over folds of all training and validation clips"
    by_rows = bool(result.best.provenance.get("costs", {}).get("firmware"))
    memory_limit = "ram" if by_rows else "int8_memory.activations"
    summary = (
        f"The best of {plural(len(trials), 'scored candidate')} is trial {best.number} ({best.id})"
        + (f", chosen by the second, longer score of {_finalists(result)}" if rescored else "")
        + (", as the cheapest of those that cannot be distinguished from the best" if _cheapest(result) else "")
        + (
            f". Trial {pruned.number}, widened and pruned, is better ({pruned.id}) and takes its place"
            if pruned
            else ""
        )
        + f". Candidates that do not meet the budget were never scored. {_dismissed(result.dismissed)}"
        f"Scores are {proxy}: they rank candidates and are not those of a student distilled "
        f"in full. A score is exp(-L) of a net's distillation loss L on validation clips: labels and the ensemble's soft "
        f"targets both count. {_nets(trials, rescored)} The test split was not read."
    )
    sections = [
        Section("Verdict", [search_verdict(result)]),
        Section("Summary", [Paragraph(summary), Facts(_cards(pruned or best, trials, measured, by_rows=by_rows))]),
        Section(
            "Space and budget",
            [
                Paragraph(
                    f"The space {survey.space} has about 10^{survey.log10_size:.1f} points; "
                    f"{percent(survey.feasible_share)} of a random sample meet every limit."
                ),
                *([_ranges(survey.ranges)] if survey.ranges else []),
            ],
        ),
        Section(
            "Search",
            [
                Picture(
                    plots.search_curve(trials, rescored, winner=best),
                    f"Measured {over}. Each trial with its standard error, best so far.",
                )
            ],
        ),
        Section(
            "Accuracy against cost",
            [
                Controls(),
                Picture(
                    plots.pareto_plot(
                        trials,
                        result.front,
                        result.limits,
                        rescored,
                        winner=best,
                        memory_limit=memory_limit,
                    ),
                    f"Scores measured {over}, costs exact. The Pareto front is that of score, MACs and "
                    "memory together; the lines connect its members that are best for the cost shown.",
                ),
                trials_table(result.front, best, "The Pareto front, by falling score; the best is marked"),
            ],
        ),
        budget_use(result),
        Section(
            "Best architecture",
            [
                Preformatted(architecture.text()),
                front_end_table(architecture.front_end),
                _point(trials, best, pruned),
            ],
        ),
    ]
    if rescored:
        second = trials_table(
            rescored,
            best,
            "The best few by their first score, smoothed over all trials, scored again; the best is marked"
            if result.rungs == 1
            else "What was left after the shorter trainings, scored in full; the best is marked",
        )
        compared = finalists(rescored, best, result.optimism)
        by_seed = seeds_table(rescored, best)
        sections.insert(4, Section("Second scores", [*compared, *by_seed, second]))  # after the search
    sections[-1:-1] = [what_matters(choices, trials, proxy), *predictions(choices, trials)]
    if result.refined:
        sections.insert(5, refinement(result.refined, pruned, result.second_clips))
    teachers = result.teachers
    if teachers.fusion:
        fused = fusion_parts(teachers.fusion, teachers.leave_one_out, teachers.mixing)
        sections.append(Section("Ensemble of teachers", fused))
    sections.append(
        Section("All trials", [trials_table(sorted(trials, key=lambda t: t.number), best, "Every scored candidate")])
    )
    return page(
        f"Search of {survey.space}",
        f"{_asked(result)}; {plural(len(trials), 'trial')}, {len(result.front)} on the Pareto front",
        sections,
        result.environment,
        script=Script("search", trial_points(result)),
    )


def _cheapest(result: SearchResult) -> bool:
    """Whether the winner is not the one of the highest score, but as good and cheaper."""
    proxy = result.best.provenance.get("proxy")
    return isinstance(proxy, dict) and proxy.get("chosen") in ("macs", "memory", "parameters")


def _finalists(result: SearchResult) -> str:
    """Which candidates were scored in full."""
    left, seeds = len(result.rescored), len(result.trial.by_seed or ())
    mean = f", a mean over {seeds} trainings of each" if seeds else ""
    if result.rungs == 1:
        return f"the first {left}{mean}"
    return f"the last {left}{mean}, after {plural(result.rungs - 1, 'halving')} by scores of shorter trainings"


def _dismissed(number: int) -> str:
    """What was not scored because it was hopeless."""
    if not number:
        return ""
    return f"{count(number)} more were dismissed unscored: by prediction, a scored one that costs no more is better. "


def _nets(trials: Sequence[Trial], rescored: Sequence[Trial]) -> str:
    """Which nets the scores are of."""
    if all(t.quantized for t in trials):
        return "All scores are of int8 nets."
    return "First scores are of float nets" + (", second ones of int8 nets." if rescored else ".")


def _asked(result: SearchResult) -> str:
    about = result.best.provenance
    return f"Data {data_name(about.get('data', ABSENT))}, budget {short(about.get('budget', ABSENT), 60)}"


def trials_table(trials: Sequence[Trial], best: Trial, caption: str) -> Table:
    """A table of trials: score and accuracies with standard errors, costs, the time that the score took.

    Args:
        trials: A row each.
        best: The trial that is marked.
        caption: Of the table.

    Returns:
        The table.
    """
    rows = [
        (
            t.number,
            t.id,
            f"{t.score:.3f} ± {t.score_error:.3f}",
            _with_error(t) if t.quantized else percent(None),
            percent(t.float_accuracy) if t.quantized else _with_error(t),
            count(t.macs),
            count(t.parameters),
            count(t.memory),
            kib(t.memory),
            count(t.weights),
            f"{t.seconds:,.1f}",
        )
        for t in trials
    ]
    columns = (
        "trial",
        "id",
        "score ± SE",
        "int8 accuracy ± SE",
        "float accuracy",
        "MACs",
        "parameters",
        "memory, B",
        "memory",
        "weights, B",
        "seconds",
    )
    return Table(
        columns,
        rows,
        f"{caption}. Scores and accuracies measured, costs exact",
        marked=[i for i, t in enumerate(trials) if t.number == best.number],
        trials=[t.number for t in trials],
    )


def _with_error(t: Trial) -> str:
    return f"{percent(t.accuracy)} ± {100 * t.standard_error:.1f}"


def _point(trials: Sequence[Trial], best: Trial, pruned: Refined | None) -> Table:
    if pruned is None:
        return flat_table(best.point, "Its point in the search space")
    origin = next(t for t in trials if t.number == pruned.number)
    return flat_table(origin.point, f"The point of trial {pruned.number}, which it comes from, in the search space")


def _memory(best: Trial | Refined, by_rows: bool) -> tuple[str, Fact]:
    """What a trial's memory is: RAM of the C export where the budget counts that."""
    if by_rows:
        return "RAM of the C export", Fact(
            kib(best.memory), f"{count(best.memory)} B: from microphone to class", "exact"
        )
    return "Peak activations in RAM", Fact(
        kib(best.memory), f"{count(best.memory)} B: arena head of the greedy plan", "exact"
    )


def _cards(best: Trial | Refined, trials: Sequence[Trial], over: str, *, by_rows: bool) -> dict[str, Fact]:
    seconds, quantized = sum(t.seconds for t in trials), isinstance(best, Refined) or best.quantized
    both = quantized and best.float_accuracy is not None
    return {
        "int8 accuracy" if quantized else "Float accuracy": Fact(
            percent(best.accuracy), f"± {percent(best.standard_error)} (standard error), macro, {over}", "measured"
        ),
        **({"Float accuracy": Fact(percent(best.float_accuracy), f"macro, {over}", "measured")} if both else {}),
        "MACs": Fact(count(best.macs), "a clip", "exact"),
        "Parameters": Fact(count(best.parameters), "", "exact"),
        **dict([_memory(best, by_rows)]),
        "Weights in flash": Fact(kib(best.weights), f"{count(best.weights)} B", "exact"),
        "Trials": Fact(
            count(len(trials)), f"scored, of {plural(max(t.proposed for t in trials), 'point')} proposed", "exact"
        ),
        "Time to score all trials": Fact(
            f"{seconds / 60:,.1f} min" if seconds >= 100 else f"{seconds:,.1f} s",
            plural(len(trials), "trial"),
            "measured",
        ),
    }


def _ranges(ranges: Sequence[Range]) -> Table:
    rows = [
        (
            r.name,
            amount(r.name, r.limit),
            amount(r.name, r.minimum),
            amount(r.name, r.centre),
            amount(r.name, r.maximum),
            percent(r.feasible),
        )
        for r in ranges
    ]
    return Table(
        ("limit", "at most", "minimum", "median", "maximum", "candidates within"),
        rows,
        "Exact costs over a random sample of the space, before anything is trained",
    )
