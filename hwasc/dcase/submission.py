"""`hwasc submit`: finished runs and an evaluation set become a submission to DCASE Task 1, 2024 or 2025."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from torch import nn

from hwasc.data.cache_folder import default_cache
from hwasc.dcase import inference_package, package_check, rules, task_files
from hwasc.dcase.evaluation_set import EvaluationSet, open_evaluation
from hwasc.dcase.predict_unlabelled import predict_unlabelled
from hwasc.dcase.rules import About, Label
from hwasc.dcase.standalone.system import GENERAL
from hwasc.dcase.standalone_weights import packaged_student
from hwasc.dcase.submission_metadata import complexity, describe, results
from hwasc.dcase.submission_runs import (
    FinishedRun,
    check_limits,
    check_names,
    check_run,
    notes_on,
    open_finished,
    tested_together,
    with_devices,
)
from hwasc.deploy.exporting import load_int8
from hwasc.errors import HwascError
from hwasc.parallel.device import configure_process
from hwasc.progress import Reporter
from hwasc.records import schema
from hwasc.records.outputs import check_output_folder

Year = Literal[2024, 2025]
CHECK_CLIPS = 64  # clips on which a written package is run before the rest is predicted
MIN_AGREEMENT = 0.95  # least share of these on which it must name the evaluated student's scene; logits can tie


@dataclass(frozen=True, kw_only=True)
class LimitUse:
    """How much of a limit a student uses.

    Attributes:
        limit: The most that is allowed.
        value: What the student uses.
        slack: What is left.
    """

    limit: float
    value: float
    slack: float


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A submission that was written.

    Attributes:
        year: The challenge's year.
        label: The submission's label.
        clips: Clips of the evaluation set.
        files: Files written.
        limits: Use of the year's limits, by run and limit.
        checked_clips: Clips on which the inference package was run and agreed with the evaluated student; None in 2024.
        largest_difference: Largest difference of a probability on these clips, 0..1 (now and then by a step of a logit).
        notes: What the participant should know before handing in.
    """

    year: int
    label: str
    clips: int
    files: tuple[str, ...]
    limits: dict[str, dict[str, LimitUse]]
    checked_clips: int | None
    largest_difference: float | None
    notes: tuple[str, ...]


def submit(
    year: Year,
    runs: Mapping[str, Path],
    *,
    evaluation: Path,
    label: str,
    about: About,
    out: Path,
    cache: Path | None = None,
    workers: int = 1,
    reporter: Reporter | None = None,
) -> Submission:
    """Write a submission: `task1/LABEL/` for the hand-in, and the complexity (2024) or the inference package (2025).

    All input is checked before the first clip is predicted. Features are cached, so an interrupted command resumes.

    Args:
        year: The challenge's year.
        runs: Run folders by subset (2024: '5' ... '100'), or `general` and by device (2025). Students that the general run has
            for single devices are taken too; a run that is named for a device goes before.
        evaluation: The official evaluation set as unpacked.
        label: The submission's label.
        about: Who submits.
        out: Folder to write.
        cache: Folder of features; None: the default.
        workers: Processes that extract features.
        reporter: Shows progress; None: nothing is shown.

    Returns:
        What was written.

    Raises:
        UsageError: A label, year, subset or list of classes does not fit, a run is unfinished, or a limit is passed.
        DataError: An evaluation clip is absent or no audio.
        HwascError: The inference package does not run, or differs from the evaluated student.
    """
    configure_process()
    reporter = reporter or Reporter(quiet=True)
    named = Label.parse(label, year)
    check_output_folder(out, "--out")
    check_names(year, runs)
    finished = {name: open_finished(folder) for name, folder in runs.items()}
    if year == 2025:
        finished = with_devices(finished)
    for name, run in finished.items():
        check_run(year, name, run)
    checks = {name: check_limits(year, run) for name, run in finished.items()}
    clips = open_evaluation(evaluation)
    notes = notes_on(year, finished, clips, about)
    for note in notes:
        reporter.say(note)

    evaluated = {name: load_int8(run.weights)[0] for name, run in finished.items()}
    packaged = {name: packaged_student(model) for name, model in evaluated.items()}

    def predict(name: str, student: nn.Module, rows: Sequence[int]) -> np.ndarray:
        return predict_unlabelled(
            student,
            finished[name].architecture.front_end,
            clips,
            rows,
            cache=cache or default_cache(),
            workers=workers,
            reporter=reporter,
            name=name,
        )

    def predict_by_device(students: Mapping[str, nn.Module], rows: Sequence[int]) -> np.ndarray:
        names = np.array([clips.devices[i] if clips.devices[i] in finished else GENERAL for i in rows])
        logits = np.empty((len(rows), len(rules.CLASSES)), np.float32)
        for name in sorted(set(names)):
            chosen = np.flatnonzero(names == name)
            logits[chosen] = predict(str(name), students[str(name)], [rows[int(i)] for i in chosen])
        return logits

    counted = {name: complexity(year, run) for name, run in finished.items()}
    files: list[Path] = []
    checked_clips, difference = None, None
    folder = out / "task1" / str(named)
    if year == 2024:
        names = [n.removeprefix("audio/") for n in clips.names]  # as the baseline writes them
        for name in sorted(finished, key=int):
            csv = task_files.output_csv(names, predict(name, packaged[name], range(len(clips))))
            files.append(_write(folder / f"{named}.output.split_{name}.csv", csv))
        files.append(_write_json(out / "complexity" / f"{named}.json", task_files.complexity_2024(named, counted)))
    else:
        package = out / "inference"
        files.append(
            inference_package.write(
                package, name=named.team, index=named.index, students=evaluated, classes=rules.CLASSES
            )
        )
        checked_clips = min(CHECK_CLIPS, len(clips))
        expected = predict_by_device(evaluated, range(checked_clips))
        reporter.say(f"running the inference package by itself on the first {checked_clips} clips")
        difference = _check_package(package, named, clips, expected)
        csv = task_files.output_csv(clips.names, predict_by_device(packaged, range(len(clips))))
        files.append(_write(folder / f"{named}.output.csv", csv))
        files += _write_predictions(package / "predictions" / str(named), csv, finished, counted)
    metadata = task_files.metadata(
        year=year,
        label=named,
        about=about,
        description=describe(year, finished),
        complexity=max(counted.values(), key=astuple),
        results=results(year, finished),
    )
    files.append(_write(folder / f"{named}.meta.yaml", metadata))
    return Submission(
        year=year,
        label=str(named),
        clips=len(clips),
        files=tuple(map(str, files)),
        limits={
            name: {c.name: LimitUse(limit=c.limit, value=c.value, slack=c.slack) for c in found}
            for name, found in checks.items()
        },
        checked_clips=checked_clips,
        largest_difference=difference,
        notes=tuple(notes),
    )


def _check_package(package: Path, label: Label, clips: EvaluationSet, expected: np.ndarray) -> float:
    """The largest difference of a probability on the first clips; HwascError where the package names other scenes."""
    n = len(expected)
    logits, order = package_check.run_package(
        package, team=label.team, label=str(label), files=clips.paths[:n], devices=clips.devices[:n]
    )
    agreement = float((logits.argmax(1) == expected.argmax(1)).mean())
    if tuple(order) != rules.CLASSES or agreement < MIN_AGREEMENT:
        raise HwascError(
            f"{package}: run by itself, the package names the evaluated student's scene on only {agreement:.0%} of {n} clips "
            f"(at least {MIN_AGREEMENT:.0%} expected); it should not be handed in"
        )
    return float(np.abs(task_files.probabilities(logits) - task_files.probabilities(expected)).max())


def _write_predictions(
    folder: Path, csv: str, finished: Mapping[str, FinishedRun], counted: Mapping[str, rules.Complexity]
) -> list[Path]:
    """The files that the official scripts of 2025 leave beside a package."""
    per_device = {device: counted.get(device, counted[GENERAL]) for device in rules.DEVICES}
    files = [
        _write(folder / "output.csv", csv),
        _write_json(folder / "complexity.json", task_files.complexity_2025(per_device)),
    ]
    if together := tested_together(finished):
        confusion = np.asarray(together.confusion)
        accuracy = 100 * float(np.trace(confusion) / confusion.sum())
        files.append(_write_json(folder / "test_accuracy.json", {"Test Accuracy": round(accuracy, 2)}))
    return files


def _write(path: Path, text: str) -> Path:
    schema.write_whole(path, text)
    return path


def _write_json(path: Path, value: Any) -> Path:
    schema.write_json(path, value)
    return path
