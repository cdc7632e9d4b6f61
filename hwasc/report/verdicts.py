"""The verdict of each kind of result."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwasc.cost.fit import Fit, fit
from hwasc.cost.limits import ResolvedBudget, resolve
from hwasc.cost.measure import Counting
from hwasc.records.searched_for import budget_of
from hwasc.records.teacher_settings import FUSED
from hwasc.report.formats import data_name, kib, percent, plural, points
from hwasc.report.verdict import Accuracy, Verdict, answer, chance, limits, sized, state, time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hwasc.deploy.profiling import Profile
    from hwasc.ensemble.fusion import FusionRow
    from hwasc.ensemble.summary import EnsembleSummary
    from hwasc.nas.result import SearchResult
    from hwasc.students.evaluation import Evaluation
    from hwasc.students.prediction import Predictions
    from hwasc.students.result import DistillResult
    from hwasc.training.metrics import Metrics


def search_verdict(result: SearchResult) -> Verdict:
    """The answer of a search: its winner, before it is distilled in full."""
    provenance, winner = result.best.provenance, result.chosen_refined or result.trial
    found = _searched(result)
    data = data_name(provenance.get("data", "?"))
    net = "int8" if result.chosen_refined or result.trial.quantized else "float"
    return _verdict(
        found,
        asked=f"The most accurate net of the space {result.survey.space} for the data {data}, {_within(found)}.",
        accuracies=[
            Accuracy(name=f"{net}, short training", share=winner.accuracy, error=winner.standard_error),
            *_ensemble(result.teachers.fusion, result.teachers.view),
            chance(result.best.architecture.classes),
        ],
        over=f"{_selected(result)} It is a rank among candidates; `hwasc distill` trains the net in full and measures it on test "
        "clips.",
        file="None yet: `hwasc distill` trains the architecture in best.json and writes student.tflite.",
    )


def _selected(result: SearchResult) -> str:
    """What the winner's accuracy was measured on, and what it promises too much."""
    scores = result.trial.locations
    if scores is None or result.chosen_refined:
        clips = result.second_clips if result.rescored else result.clips
        return f"Macro accuracy over {plural(clips, 'validation clip')}, by which the net was chosen{_counted(result)}."
    clips, places = round(sum(s.clips for s in scores)), len({s.location for s in scores})
    text = (
        f"Macro accuracy over {plural(clips, 'training and validation clip')} of {plural(places, 'location')}, each classified "
        f"by a net that was not trained on its location; its error is over locations{_counted(result)}."
    )
    if result.optimism:
        o, chosen = (
            result.optimism,
            f" The net was chosen by these clips among {plural(len(result.rescored), 'finalist')}.",
        )
        within = "" if o.error is None else f" ± {100 * o.error:.1f}"
        text += chosen + (
            " The other folds choose the same one for each fold, so this figure owes nothing to the choice."
            if len(set(o.choices)) == 1 and o.nested == o.accuracy
            else f" The same choice by the other folds has {percent(o.nested)}: expect {points(o.difference)}{within} "
            "points on new places."
        )
    return text


def _counted(result: SearchResult) -> str:
    """What counts alike in the winner's accuracy, and whether it is one over several trainings."""
    about = result.best.provenance.get("proxy")
    alike = isinstance(about, dict) and about.get("weigh") == "devices"
    seeds = 0 if result.chosen_refined else len(result.trial.by_seed or ())
    return ("; each recording device counts alike" if alike else "") + (
        f"; the mean of {seeds} trainings, and the error contains how they differ" if seeds else ""
    )


def distill_verdict(result: DistillResult) -> Verdict:
    """The answer of a distillation: the int8 student on test clips."""
    found = result.fit or Fit(budget=None, runtime="tflm", checks=[], ram=result.costs.ram, ram_parts={})
    q, f, file = result.test.int8, result.test.float, sized(result.tflite.file, result.tflite.bytes)
    return _verdict(
        found,
        asked=f"A student for the data {data_name(result.data)}, {_within(found)}.",
        accuracies=[
            Accuracy(name="int8, as on the chip", share=q.accuracy, error=q.standard_error),
            Accuracy(name="float", share=f.accuracy, error=f.standard_error),
            *_ensemble(result.fusion, result.view),
            chance(len(q.per_class)),
        ],
        over=_measured(q),
        file=f"The C source that `hwasc export --format c` writes, which the limits are for; {file} for TensorFlow Lite Micro."
        if found.runtime == "c"
        else f"{file} for TensorFlow Lite Micro; `hwasc export --format c` writes C.",
        size=result.tflite.bytes,
    )


def evaluation_verdict(result: Evaluation) -> Verdict:
    """The answer of an evaluation: a model file on clips that it does not know."""
    found = result.fit or Fit(budget=None, runtime="tflm", checks=[], ram=0, ram_parts={})
    m, on_chip = result.metrics, result.model.endswith(".tflite")
    return _verdict(
        found,
        asked=f"How good {data_name(result.model)} is on the data {data_name(result.measured.data)}, {_within(found)}.",
        accuracies=[
            Accuracy(name=f"the model in {result.runtime}", share=m.accuracy, error=m.standard_error),
            chance(len(m.per_class)),
        ],
        over=_measured(m),
        file=f"{sized(result.model, result.file)}."
        + ("" if on_chip else " The chip gets the .tflite file, or the C export, of the same student."),
        size=result.file if on_chip else None,
    )


def profile_verdict(profile: Profile, provenance: Mapping[str, Any] | None = None) -> Verdict:
    """The answer of a profile: costs alone; the score of the search beside them, where the architecture's file has it.

    Args:
        profile: The costs.
        provenance: What the architecture's file says of its search.

    Returns:
        The verdict.
    """
    searched = (provenance or {}).get("proxy")
    classes, accuracies = profile.architecture.classes, []
    over = "Not measured here: `hwasc distill` trains the net and measures it."
    if isinstance(searched, dict) and isinstance(searched.get("int8_accuracy"), float):
        error, split = searched.get("standard_error"), searched.get("split")
        name = "int8, short training"
        accuracies = [
            Accuracy(name=name, share=searched["int8_accuracy"], error=error if isinstance(error, float) else None),
            chance(classes),
        ]
        where = "over folds of training and validation clips" if split == "folds" else "on validation clips"
        over = f"As the search scored it, {where}. `hwasc distill` trains the net and measures it on test clips."
    file, firmware = profile.arena.file if profile.arena else None, profile.costs.firmware
    takes = (
        f"the C export takes about {kib(firmware.flash.total)} of flash"
        if firmware
        else (f"a .tflite takes about {kib(profile.costs.model_file)}")
    )
    return _verdict(
        profile.fit,
        asked=f"What the net {profile.architecture.id} for {classes} scenes costs, {_within(profile.fit)}.",
        accuracies=accuracies,
        over=over,
        file=sized("The model file that was given", file) if file else f"None yet; {takes}.",
        size=file,
    )


def teach_verdict(summary: EnsembleSummary) -> Verdict:
    """The answer about teachers: how good the ensemble is that students learn from."""
    s, rows = summary, {r.name: r for r in summary.fusion}
    teachers = [r for r in s.fusion if r.name not in FUSED]
    view, best = rows.get(s.view), max(teachers, key=lambda r: r.accuracy, default=None)
    answer = f"Students learn from {s.view} of {plural(len(teachers), 'teacher')}"
    compared = [(best, f"the best of them alone ({best.name})")] if best and best is not view else []
    compared += [(rows["mean"], "the plain mean")] if "mean" in rows and s.view != "mean" else []
    if view and compared:
        answer += ": " + " and ".join(
            f"{points(view.accuracy - other.accuracy)} points against {name}" for other, name in compared
        )
    places = f" of {plural(s.measured.locations, 'location')}" if s.measured else ""
    errors = ", with their standard errors over locations" if any(r.standard_error for r in s.fusion) else ""
    return Verdict(
        state="open",
        answer=answer + ".",
        asked=f"Teachers for the data {data_name(s.data)}.",
        accuracies=[
            *_ensemble(s.fusion, s.view),
            *([_accuracy(f"best teacher ({best.name})", best)] if best else []),
            *([chance(s.scenes)] if s.scenes else []),
        ],
        over=f"Macro accuracy over {plural(s.clips, f'{s.split} clip')}{places}{errors}. Students that learn from them are "
        "measured by `hwasc distill`.",
    )


def prediction_verdict(result: Predictions) -> Verdict:
    """The answer of a classification: how many recordings have each scene, and the least certain one."""
    scenes = [f.scene for f in result.files]
    counts = sorted(((scenes.count(s), s) for s in set(scenes)), key=lambda pair: (-pair[0], pair[1]))
    answer = f"{plural(len(scenes), 'recording')}: {', '.join(f'{scene} {n}' for n, scene in counts)}."
    if len(scenes) > 1:
        least = min(result.files, key=lambda f: f.probability)
        answer += f" The least certain is {Path(least.file).name}, {least.scene} with {percent(least.probability)}."
    if result.skipped:
        answer += f" Recordings or windows left out: {len(result.skipped):,}."
    return Verdict(
        state="open",
        answer=answer,
        asked=f"The scenes of recordings by {data_name(result.model)} in {result.runtime}, one of "
        f"{plural(len(result.classes), 'scene')} every {result.every:g} s.",
        over="Not known here, for these recordings have no label. `hwasc evaluate` measures the model on labelled ones.",
    )


def _verdict(
    found: Fit, *, asked: str, accuracies: Sequence[Accuracy], over: str, file: str, size: int | None = None
) -> Verdict:
    found = found.with_file(size)
    return Verdict(
        state=state(found),
        answer=answer(found),
        asked=asked,
        limits=limits(found, written=size is not None),
        accuracies=accuracies,
        over=over,
        file=file,
        time=time(found),
    )


def _searched(result: SearchResult) -> Fit:
    """The winner beside the budget; results of versions that did not keep the budget have its limits."""
    provenance = result.best.provenance
    budget = budget_of(provenance, str(result.best))
    if budget is not None:
        return fit(result.best.architecture, resolve(budget))
    costs = provenance.get("costs")
    by_rows = isinstance(costs, dict) and bool(costs.get("firmware"))
    counting = Counting(runtime="c" if by_rows else "tflm")
    name = str(provenance.get("budget", "the budget"))
    return fit(result.best.architecture, ResolvedBudget(name=name, limits=result.limits, counting=counting))


def _within(found: Fit) -> str:
    return f"within the budget {found.budget}" if found.budget else "with no budget"


def _measured(m: Metrics) -> str:
    errors = "with its" if m.standard_error is not None else "without a"
    over = f"{plural(m.clips, 'test clip')} of {plural(m.locations, 'location')}"
    needs = "" if m.standard_error is not None else ", which needs two locations of each scene"
    return f"Macro accuracy over {over}, {errors} standard error over locations{needs}."


def _ensemble(rows: Sequence[FusionRow], view: str | None = None) -> list[Accuracy]:
    """The ensemble that students learn from; where that is not said, the learned one, or else the mean."""
    by_name = {r.name: r for r in rows}
    names = [view] if view in by_name else [n for n in ("z1+z2", "mean", *FUSED) if n in by_name]
    return [_accuracy(f"ensemble ({n})", by_name[n]) for n in names[:1] if n]


def _accuracy(name: str, row: FusionRow) -> Accuracy:
    return Accuracy(name=name, share=row.accuracy, error=row.standard_error)
