"""Inputs of the verbs: budgets, spaces and architectures as names, paths or objects."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from hwasc.errors import UsageError
from hwasc.records import architecture as architectures
from hwasc.records.architecture import Architecture, ArchitectureFile
from hwasc.records.budget import Budget
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
        architecture: An object, the name of a preset, `best.json`, or the run folder of a search.
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
    path = Path(architecture)
    if path.is_dir():
        return architectures.load(path / "best.json")
    if path.is_file():
        return architectures.load(path)
    if str(architecture) in PRESETS:
        return ArchitectureFile.of(PRESETS[str(architecture)](classes=classes), preset=str(architecture))
    if path.suffix == "" and path.parent == Path("."):
        suggestion = did_you_mean(str(architecture), PRESETS)
        raise UsageError(f"{architecture}: neither a file nor a preset{suggestion} (presets: {', '.join(PRESETS)})")
    return architectures.load(path)
