"""Inputs of the verbs: budgets, spaces and architectures as names, paths or objects."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from hwasc.errors import UsageError
from hwasc.records import architecture as architectures
from hwasc.records.architecture import Architecture, ArchitectureFile
from hwasc.records.budget import Budget
from hwasc.records.earlier_run import is_run
from hwasc.records.presets import PRESETS
from hwasc.records.space import SearchSpace
from hwasc.records.teacher_settings import Member
from hwasc.suggestion import did_you_mean

if TYPE_CHECKING:
    from hwasc.models.teachers import Family

BudgetLike: TypeAlias = Budget | str | Path
SpaceLike: TypeAlias = SearchSpace | str | Path
ArchitectureLike: TypeAlias = Architecture | ArchitectureFile | str | Path
TeacherLike: TypeAlias = "str | Family | Member"  # the name of a member or a family, or an object


def as_budget(budget: BudgetLike) -> Budget:
    """A budget from an object, the name of a bundled one, or a file. UsageError lists every mistake of a file."""
    return budget if isinstance(budget, Budget) else Budget.load(budget)


def as_space(space: SpaceLike) -> SearchSpace:
    """A search space from an object, the name of a bundled one, or a file. UsageError lists every mistake of a file."""
    return space if isinstance(space, SearchSpace) else SearchSpace.load(space)


def as_architecture(architecture: ArchitectureLike, *, classes: int = 10) -> ArchitectureFile:
    """An architecture, with its provenance.

    Args:
        architecture: An object, the name of a preset, `best.json`, the run folder of a search or of a distillation, or a trial
            of a search: `runs/search:7`.
        classes: Number of scenes, for a preset.

    Returns:
        The record, with the path of its weights where it has any.

    Raises:
        UsageError: There is no such preset or file, or the file is broken.
    """
    if isinstance(architecture, ArchitectureFile):
        return architecture
    if isinstance(architecture, Architecture):
        return ArchitectureFile.of(architecture)
    from hwasc.nas.trial_files import parse_trial, trial_record

    path = Path(architecture)
    if path.is_dir():
        return architectures.load(path / ("architecture.json" if is_run(path, "distill") else "best.json"))
    if path.is_file():
        return architectures.load(path)
    if (trial := parse_trial(str(architecture))) is not None:
        return trial_record(*trial)
    if str(architecture) in PRESETS:
        return ArchitectureFile.of(PRESETS[str(architecture)](classes=classes), preset=str(architecture))
    if path.name == "best.json":
        raise UsageError(
            f"{path}: no such file; a search leaves its winner in its run folder (--arch runs/search), --out copies it"
        )
    if path.suffix == "" and path.parent == Path("."):
        suggestion = did_you_mean(str(architecture), PRESETS)
        raise UsageError(f"{architecture}: neither a file nor a preset{suggestion} (presets: {', '.join(PRESETS)})")
    return architectures.load(path)


def run_of(architecture: ArchitectureLike) -> Path | None:
    """The run folder that an architecture comes from, whose data and settings a distillation goes on with.

    Args:
        architecture: What `as_architecture` takes.

    Returns:
        The folder of the file or of the trial, or the one that a copy of `best.json` names if it is still there and its winner
        is the same. None for presets, objects and lone files.
    """
    from hwasc.nas.trial_files import parse_trial

    if not isinstance(architecture, (str, Path)):
        return None
    path = Path(architecture)
    if path.is_file():
        if is_run(path.parent):
            return path.parent
        record = architectures.load(path)
        named = record.provenance.get("run")
        run = path.parent / named if isinstance(named, str) else None
        if run is None or not is_run(run, "search"):
            return None
        best = run / "best.json"
        return run if best.is_file() and architectures.load(best).id == record.id else None
    trial = None if path.is_dir() else parse_trial(str(architecture))
    folder = trial[0] if trial else path
    return folder if is_run(folder) else None


def at_rate(record: ArchitectureFile, sample_rate: int) -> ArchitectureFile:
    """An architecture with a log-mel for a microphone of another sample rate; the net is the same.

    Args:
        record: The architecture. Its weights do not fit the new log-mel and are left out.
        sample_rate: Hz.

    Returns:
        The architecture, without weights where the rate is another.

    Raises:
        UsageError: It is a preset, whose log-mel was published with it, or the rate is too low for it.
    """
    fe = record.architecture.front_end
    if fe.sample_rate == sample_rate:
        return record
    check_rate(record, sample_rate, presets=True)
    try:
        return ArchitectureFile.of(replace(record.architecture, front_end=fe.at_rate(sample_rate)), **record.provenance)
    except ValueError as e:
        raise UsageError(f"{record}: at {sample_rate:,} Hz {e}") from None


def check_rate(record: ArchitectureFile, sample_rate: int | None, *, presets: bool = False) -> None:
    """Check that an architecture's log-mel is for a microphone of a sample rate.

    Args:
        record: The architecture.
        sample_rate: Hz; None: any.
        presets: Whether only presets are refused.

    Raises:
        UsageError: It is for another rate; it says what to do.
    """
    own = record.architecture.front_end.sample_rate
    if sample_rate in (None, own):
        return
    way_out = f"leave --sample-rate out, or find one for {sample_rate:,} Hz: hwasc search --sample-rate {sample_rate}"
    if "preset" in record.provenance:
        raise UsageError(f"{record}: was published with a log-mel at {own:,} Hz, which is fixed; {way_out}")
    if not presets:
        raise UsageError(f"{record}: was found for a log-mel at {own:,} Hz; {way_out}")
