"""Finished runs for DCASE Task 1, checked against the rules of the challenge and its limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from hwasc.cost.limits import Check, resolve
from hwasc.dcase import inference_package, rules
from hwasc.dcase.evaluation_set import EvaluationSet
from hwasc.dcase.rules import About
from hwasc.dcase.standalone.system import GENERAL
from hwasc.deploy.exporting import load_int8
from hwasc.errors import UsageError
from hwasc.records import schema
from hwasc.records.architecture import Architecture
from hwasc.records.budget import Budget
from hwasc.records.run import read_config
from hwasc.records.settings import Settings
from hwasc.students.device_results import DeviceStudent
from hwasc.students.result import DistillResult
from hwasc.training.metrics import Metrics

FILES = ("result.json", "config.yaml", "int8.safetensors")


@dataclass(frozen=True, kw_only=True)
class FinishedRun:
    """A run folder of `hwasc distill`.

    Attributes:
        folder: The run folder.
        weights: Weights of the int8 student.
        architecture: The student's.
        result: What `result.json` holds.
        settings: Settings of the run.
        data: The data set as the user named it.
        own: For a device whose student was fine-tuned in this run, the record of that.
    """

    folder: Path
    weights: Path
    architecture: Architecture
    result: DistillResult
    settings: Settings
    data: str
    own: DeviceStudent | None = None

    def device_accuracy(self, device: str) -> float | None:
        """Macro accuracy on a device's clips of the test split, 0..1; None where there are none."""
        if self.own is not None:
            return self.own.test.own if self.own.test else None
        return self.result.test.int8.per_device.get(device)

    @property
    def subset(self) -> str:
        """Percent of the training clips."""
        subset = self.settings.data.subset or "100"
        return subset.removeprefix("split").removesuffix("%").strip()


def open_finished(folder: Path) -> FinishedRun:
    """Open a run folder.

    Args:
        folder: A folder that `hwasc distill` has finished.

    Returns:
        The run.

    Raises:
        UsageError: The folder is absent, unfinished or damaged, or its files are of different students.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such run folder; name one that `hwasc distill --run` wrote")
    if missing := [name for name in FILES if not (folder / name).is_file()]:
        raise UsageError(
            f"{folder}: is no finished run of `hwasc distill` ({missing[0]} is missing); run it to its end"
        )
    result = DistillResult.read(folder)
    path = folder / "config.yaml"
    config = read_config(folder)
    model, classes = load_int8(folder / "int8.safetensors")
    a = model.architecture
    if result.id != a.id or result.classes != classes:
        raise UsageError(
            f"{folder}: result.json and int8.safetensors are of different students; run `hwasc distill` again"
        )
    return FinishedRun(
        folder=folder,
        weights=folder / "int8.safetensors",
        architecture=a,
        result=result,
        settings=schema.parse(Settings, config.get("settings"), f"{path}: settings"),
        data=result.data,
    )


def with_devices(finished: Mapping[str, FinishedRun]) -> dict[str, FinishedRun]:
    """Add the students that the general run has for single devices (`hwasc distill --per-device`).

    Args:
        finished: Runs by name; a run that is given for a device goes before.

    Returns:
        Runs by name.

    Raises:
        UsageError: The weights of such a student are missing, or are another architecture's.
    """
    general = finished[GENERAL]
    found: dict[str, FinishedRun] = {}
    for own in general.result.devices.chosen if general.result.devices else ():
        if own.device in rules.DEVICES:
            weights = general.folder / own.weights
            if not weights.is_file() or load_int8(weights)[0].architecture != general.architecture:
                raise UsageError(f"{weights}: is missing or another student's; run `hwasc distill --per-device` again")
            found[own.device] = replace(general, weights=weights, own=own)
    return {**found, **finished}


def tested_together(finished: Mapping[str, FinishedRun]) -> Metrics | None:
    """Metrics of the whole system on the test split.

    Args:
        finished: Runs by name: `general`, and others by device.

    Returns:
        The metrics; None where students of several runs were never tested together.
    """
    result = finished[GENERAL].result
    if len(finished) == 1:
        return result.test.int8
    return result.devices.test if result.devices and all(r.own for n, r in finished.items() if n != GENERAL) else None


def check_names(year: int, runs: Mapping[str, Path]) -> None:
    """Check that the runs are named as the year requires.

    Args:
        year: 2024 or 2025.
        runs: Run folders by name.

    Raises:
        UsageError: There is no run, a name is unknown, or 2025's general student is missing.
    """
    known = rules.SUBSETS if year == 2024 else (GENERAL, *rules.DEVICES)
    if not runs:
        raise UsageError("no runs: name at least one folder with --run")
    if unknown := [name for name in runs if name not in known]:
        hint = "--run SUBSET=FOLDER" if year == 2024 else "--run FOLDER for all devices, --run DEVICE=FOLDER for one"
        raise UsageError(f"--run {unknown[0]}={runs[unknown[0]]}: {year} takes {hint} ({', '.join(known)})")
    if year == 2025 and GENERAL not in runs:
        raise UsageError("2025 needs a student for unknown devices: give --run FOLDER without a device")


def check_run(year: int, name: str, run: FinishedRun) -> None:
    """Check a run's classes, clip length and training subset.

    Args:
        year: 2024 or 2025.
        name: Subset (2024), `general` or device (2025) that the run is for.
        run: The run.

    Raises:
        UsageError: One of them does not fit the challenge.
    """
    classes = run.result.classes
    if classes != rules.CLASSES:
        raise UsageError(
            f"{run.folder}: names {len(classes)} classes ({', '.join(classes[:3])}, ...), the challenge {len(rules.CLASSES)} "
            f"({', '.join(rules.CLASSES)}); distill on TAU Urban Acoustic Scenes 2022 Mobile"
        )
    if run.architecture.front_end.seconds != rules.SECONDS:
        raise UsageError(
            f"{run.folder}: takes clips of {run.architecture.front_end.seconds:g} s, the challenge's last {rules.SECONDS:g} s"
        )
    wanted = name if year == 2024 else rules.SUBSET_2025 if name == GENERAL else None
    if wanted and run.subset != wanted:
        found = "none, which is 100 %" if run.subset == "100" else f"{run.subset} %"
        again = "without --set data.subset" if wanted == "100" else f"with --set data.subset={wanted}"
        given = f"given for the {wanted} % subset" if year == 2024 else f"{year} allows only the {wanted} % subset"
        raise UsageError(f"{run.folder}: {given}, but trained on subset {found}; distill {again}")


def check_limits(year: int, run: FinishedRun) -> list[Check]:
    """Compare a student with the limits of the year.

    Args:
        year: 2024 or 2025.
        run: The student's run.

    Returns:
        Each limit with the student's value.

    Raises:
        UsageError: A limit is passed.
    """
    budget = Budget.load(f"dcase{year}")
    resolved = resolve(budget)
    checks = resolved.check(resolved.measure(run.architecture))
    if year == 2025:  # the official script adds up parameters by their type: biases are int32
        size = inference_package.complexity(run.architecture).parameter_bytes
        checks.append(Check(name="package_parameter_bytes", limit=resolved.limits["parameter_memory"], value=size))
    if over := [c for c in checks if c.slack < 0]:
        passed = "; ".join(f"{c.name} is {c.value:,.0f}, the limit {c.limit:,.0f}" for c in over)
        raise UsageError(
            f"{run.folder}: beyond the limits of {budget.name} and must not be submitted: {passed}; search and distill with "
            f"--budget {budget.name}"
        )
    return checks


def notes_on(year: int, finished: Mapping[str, FinishedRun], clips: EvaluationSet, about: About) -> list[str]:
    """Collect what a participant should know before handing in, and what is no error.

    Args:
        year: 2024 or 2025.
        finished: The runs by name.
        clips: The evaluation set.
        about: Who submits.

    Returns:
        Sentences.
    """
    notes = []
    if year == 2024 and (missing := [s for s in rules.SUBSETS if s not in finished]):
        notes.append(
            f"subsets {', '.join(missing)} are missing; the challenge asks for all of {', '.join(rules.SUBSETS)} %"
        )
    expected = rules.EVALUATION_CLIPS.get(year)
    if expected and len(clips) != expected:
        notes.append(
            f"{clips.list_file} lists {len(clips):,} clips; the official evaluation set of {year} has {expected:,}"
        )
    if year == 2025 and not clips.has_devices:
        notes.append(f"{clips.list_file} has no column device_id; every clip counts as one of an unknown device")
    if year == 2025 and about.inference_code is None:
        notes.append(
            "inference_code is required in 2025: put the address of your repository with inference/ into --about"
        )
    return notes
