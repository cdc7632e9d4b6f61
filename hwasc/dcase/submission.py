"""`hwasc submit`: finished runs and an evaluation set become what DCASE Task 1 asks for, 2024 or 2025."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from torch import nn

from hwasc.dcase import inference_package, package_check, rules, task_files
from hwasc.dcase.evaluation_set import EvaluationSet, open_evaluation
from hwasc.dcase.predict_unlabelled import predict_unlabelled
from hwasc.dcase.rules import About, Label
from hwasc.dcase.standalone.system import GENERAL
from hwasc.dcase.standalone_weights import packaged_student
from hwasc.dcase.submission_metadata import complexity, complexity_2024, complexity_2025, description, results
from hwasc.dcase.submission_runs import check_names, check_run, limits_of, notes_on, open_finished
from hwasc.deploy.exporting import load_int8
from hwasc.errors import HwascError
from hwasc.parallel.device import settle_process
from hwasc.progress import Reporter
from hwasc.records import schema
from hwasc.workspace import default_cache

Year = Literal[2024, 2025]
CHECK_CLIPS = 64  # clips on which a written package is run by itself before the rest is predicted
AGREEMENT = 0.95  # least share of these on which it must name the evaluated student's scene; logits tie now and then


@dataclass(frozen=True)
class Submission:
    """What was written. limits: by run and limit. alone: clips on which the package was run by itself and agreed with the
    evaluated student, largest_difference: of a probability among them (a step of a logit now and then).
    """

    year: int
    label: str
    clips: int
    files: tuple[str, ...]
    limits: dict[str, dict[str, dict[str, float]]]
    alone: int | None
    largest_difference: float | None
    notes: tuple[str, ...]


def submit(
    year: Year,
    runs: Mapping[str, Path],
    evaluation: Path,
    label: str,
    about: About,
    out: Path,
    *,
    cache: Path | None = None,
    workers: int = 1,
    reporter: Reporter | None = None,
) -> Submission:
    """Write a submission into `out`: `task1/LABEL/` for the hand-in, and the complexity (2024) or the inference package (2025).

    runs: run folders by subset (2024: '5' ... '100'), or `general` and, for devices with a student of their own, by device
    (2025). evaluation: the official evaluation set as unpacked. Everything that can be wrong is found before the first clip is
    heard; features are cached, so an interrupted command goes on.

    Raises UsageError: a label, year, subset or class list that does not fit, an unfinished run, a limit passed. DataError: an
    evaluation clip that is absent or no audio. HwascError: a package that does not run, or differs.
    """
    settle_process()
    reporter = reporter or Reporter(quiet=True)
    named = Label.parse(label, year)
    check_names(year, runs)
    finished = {name: open_finished(folder) for name, folder in runs.items()}
    for name, run in finished.items():
        check_run(year, name, run)
    limits = {name: limits_of(year, run) for name, run in finished.items()}
    clips = open_evaluation(evaluation)
    notes = notes_on(year, finished, clips, about)
    for note in notes:
        reporter.say(note)

    evaluated = {name: load_int8(run.weights)[0] for name, run in finished.items()}
    packaged = {name: packaged_student(model) for name, model in evaluated.items()}

    def heard(rows: Sequence[int], students: Mapping[str, nn.Module], name: str) -> np.ndarray:
        front_end = finished[name].architecture.front_end
        return predict_unlabelled(
            students[name], front_end, clips, rows, cache or default_cache(), workers, reporter, name
        )

    def heard_by_device(rows: Sequence[int], students: Mapping[str, nn.Module]) -> np.ndarray:
        names = np.array([clips.devices[i] if clips.devices[i] in finished else GENERAL for i in rows])
        logits = np.empty((len(rows), len(rules.CLASSES)), np.float32)
        for name in sorted(set(names)):
            own = np.flatnonzero(names == name)
            logits[own] = heard([rows[int(i)] for i in own], students, str(name))
        return logits

    files: list[Path] = []
    alone, difference = None, None
    if year == 2025:
        files.append(inference_package.write(out / "inference", named.team, named.index, evaluated, rules.CLASSES))
        alone = min(CHECK_CLIPS, len(clips))
        ours = heard_by_device(range(alone), evaluated)
        reporter.say(f"running the inference package by itself on the first {alone} clips")
        difference = _try_alone(out / "inference", named, clips, ours)
    folder = out / "task1" / str(named)
    if year == 2024:
        bare = [n.removeprefix("audio/") for n in clips.names]  # as the baseline writes them
        for name in sorted(finished, key=int):
            csv = task_files.output_csv(bare, heard(range(len(clips)), packaged, name))
            files.append(_write(folder / f"{named}.output.split_{name}.csv", csv))
        files.append(_write_json(out / "complexity" / f"{named}.json", complexity_2024(named, finished)))
    else:
        csv = task_files.output_csv(clips.names, heard_by_device(range(len(clips)), packaged))
        files.append(_write(folder / f"{named}.output.csv", csv))
        predictions = out / "inference" / "predictions" / str(named)
        files.append(_write(predictions / "output.csv", csv))
        files.append(_write_json(predictions / "complexity.json", complexity_2025(finished)))
        if len(finished) == 1:
            confusion = np.asarray(finished[GENERAL].result["int8"]["confusion"])
            share = 100 * float(np.trace(confusion) / confusion.sum())
            files.append(_write_json(predictions / "test_accuracy.json", {"Test Accuracy": round(share, 2)}))
    meta = task_files.metadata(
        year, named, about, description(year, finished), complexity(year, finished), results(year, finished)
    )
    files.append(_write(folder / f"{named}.meta.yaml", meta))
    shown = {
        n: {c.name: {"limit": c.limit, "value": c.value, "slack": c.slack} for c in cs} for n, cs in limits.items()
    }
    return Submission(year, str(named), len(clips), tuple(map(str, files)), shown, alone, difference, tuple(notes))


def _try_alone(package: Path, label: Label, clips: EvaluationSet, ours: np.ndarray) -> float:
    """The largest difference of a probability on the first clips; HwascError where its scenes are others."""
    n = len(ours)
    logits, order = package_check.run_alone(package, label.team, str(label), clips.paths[:n], clips.devices[:n])
    agreement = float((logits.argmax(1) == ours.argmax(1)).mean())
    if tuple(order) != rules.CLASSES or agreement < AGREEMENT:
        raise HwascError(
            f"{package}: run by itself, the package names the evaluated student's scene on only {agreement:.0%} of {n} clips "
            f"(at least {AGREEMENT:.0%} expected); it should not be handed in"
        )
    return float(np.abs(task_files.probabilities(logits) - task_files.probabilities(ours)).max())


def _write(path: Path, text: str) -> Path:
    schema.write_whole(path, text)
    return path


def _write_json(path: Path, value: Any) -> Path:
    schema.write_json(path, value)
    return path
