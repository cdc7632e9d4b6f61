"""Distilled students side by side: figures over their runs, settings that differ, and differences run by run."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hwasc.errors import UsageError
from hwasc.records.results import Result
from hwasc.records.schema import canonical
from hwasc.records.searched_for import KEY as LIMITS
from hwasc.students.compared_runs import Repetition, Run, by_student


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A figure over the runs of a student.

    Attributes:
        mean: Over runs.
        deviation: Standard deviation over runs; None of one run.
        values: Of each run.
    """

    mean: float
    deviation: float | None
    values: list[float]

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of some figures, at least one."""
        deviation = statistics.stdev(values) if len(values) > 1 else None
        return cls(mean=statistics.mean(values), deviation=deviation, values=list(values))


@dataclass(frozen=True, kw_only=True)
class ComparedStudent:
    """A student over its runs. Figures that not all of its runs have are left out.

    Attributes:
        name: What the names of its run folders have in common.
        runs: Its run folders.
        repetitions: Seeds and part of each run.
        measures: Accuracies (0..1), log loss (nats) and calibration error by name.
        ensemble: Macro accuracy of each teacher and each fusion by name, 0..1.
        noise: Macro accuracy in noise by source and ratio, 0..1.
        costs: Parameters, MACs and bytes by name.
        settings: Its values of the settings that differ between students.
    """

    name: str
    runs: list[str]
    repetitions: list[Repetition]
    measures: dict[str, Spread]
    ensemble: dict[str, Spread]
    noise: dict[str, Spread]
    costs: dict[str, Spread]
    settings: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A student against another one, run by run of equal seeds and parts.

    Attributes:
        student: Its name.
        against: The other's.
        runs: How many runs both have.
        mean: Mean difference by measure.
        standard_error: Of this mean over runs; None of one run.
    """

    student: str
    against: str
    runs: int
    mean: dict[str, float]
    standard_error: dict[str, float | None]


@dataclass(frozen=True, kw_only=True)
class Comparison(Result):
    """Students side by side.

    Attributes:
        students: In the order of their first runs.
        settings: Names of the settings that differ between students.
        differences: Of every student but the reference that has runs of equal seeds.
        reference: Name of the student that the others are compared with.
        data: Names of the data sets that the figures are of.
    """

    students: list[ComparedStudent]
    settings: list[str]
    differences: list[Difference]
    reference: str
    data: list[str]


def compare(runs: Sequence[Run], against: str | None = None) -> Comparison:
    """Compare students.

    Args:
        runs: Finished distillations, at least one. See `compared_runs.by_student` for which are of one student.
        against: Name of the student that the others are compared with; None: the first.

    Returns:
        Figures by student, settings that differ, paired differences.

    Raises:
        UsageError: There is no student of that name.
    """
    groups = by_student(runs)
    reference = next(iter(groups)) if against is None else against
    if reference not in groups:
        raise UsageError(f"{reference}: no such student; there are {', '.join(groups)}")
    described = {name: {**group[0].net, **group[0].settings} for name, group in groups.items()}
    names = dict.fromkeys(key for values in described.values() for key in values)
    differing = [n for n in names if len({canonical(values.get(n)) for values in described.values()}) > 1]
    if "budget" in differing:  # its name says it
        differing = [n for n in differing if n != LIMITS]
    students = [
        ComparedStudent(
            name=name,
            runs=[str(r.folder) for r in group],
            repetitions=[r.repetition for r in group],
            measures=_over(group, lambda r: r.measures),
            ensemble=_over(group, lambda r: r.ensemble),
            noise=_over(group, lambda r: r.noise),
            costs=_over(group, lambda r: r.costs),
            settings={n: described[name].get(n) for n in differing},
        )
        for name, group in groups.items()
    ]
    others = ((name, group) for name, group in groups.items() if name != reference)
    differences = (_difference(name, group, reference, groups[reference]) for name, group in others)
    return Comparison(
        students=students,
        settings=differing,
        differences=[d for d in differences if d is not None],
        reference=reference,
        data=list(dict.fromkeys(r.data for r in runs)),
    )


def _over(group: Sequence[Run], figures: Callable[[Run], Mapping[str, float]]) -> dict[str, Spread]:
    found = [figures(r) for r in group]
    common = [name for name in found[0] if all(name in f for f in found)]
    return {name: Spread.of([f[name] for f in found]) for name in common}


def _difference(name: str, group: Sequence[Run], reference: str, base: Sequence[Run]) -> Difference | None:
    """The paired difference of two students; None where no two runs have equal seeds and parts."""
    of_base = {r.repetition: r.measures for r in base}
    pairs = [(r.measures, of_base[r.repetition]) for r in group if r.repetition in of_base]
    if not pairs:
        return None
    gains = {m: [a[m] - b[m] for a, b in pairs] for m in pairs[0][0] if all(m in a and m in b for a, b in pairs)}
    return Difference(
        student=name,
        against=reference,
        runs=len(pairs),
        mean={m: statistics.mean(v) for m, v in gains.items()},
        standard_error={m: statistics.stdev(v) / math.sqrt(len(v)) if len(v) > 1 else None for m, v in gains.items()},
    )
