"""Finished distillations that are compared: which there are, what each says, and which are repetitions of one student."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hwasc.errors import UsageError
from hwasc.records import architecture as architectures
from hwasc.records import schema
from hwasc.records.earlier_run import is_run, read_run
from hwasc.records.schema import canonical, plain
from hwasc.records.searched_for import KEY as LIMITS
from hwasc.students.result import RESULT

NOISE = "noise.json"  # what `hwasc evaluate --snr --json` prints, if the run folder holds it
REPEATED = ("seed", "distill.seed", "data.fold")  # settings in which repetitions of one student differ
COSTS = {
    "parameters": ("parameters",),
    "MACs": ("macs", "torchinfo"),
    "arena": ("arena",),
    "RAM": ("ram",),
    "model file": ("model_file",),
}


@dataclass(frozen=True, kw_only=True)
class Repetition:
    """What distinguishes a run from others of the same student.

    Attributes:
        seed: The run's.
        student_seed: Of the student's weights and batches.
        fold: Part of the recordings that is tested, `1/4`; None: the data's test split.
    """

    seed: int
    student_seed: int
    fold: str | None


@dataclass(frozen=True, kw_only=True)
class Run:
    """A finished distillation.

    Attributes:
        folder: Its run folder.
        id: The architecture's.
        data: The data set as the user named it.
        net: What the net is: where a search found it, what was searched; else its preset or id.
        settings: Settings by dotted name, without those in which repetitions differ; empty where the folder has no configuration.
        repetition: Its seeds and its part.
        measures: Accuracies (0..1), log loss (nats) and calibration error by name.
        ensemble: Macro accuracy of each teacher and each fusion by name, 0..1.
        noise: Macro accuracy in noise by source and ratio, 0..1.
        costs: Parameters, MACs and bytes by name.
    """

    folder: Path
    id: str
    data: str
    net: Mapping[str, Any]
    settings: Mapping[str, Any]
    repetition: Repetition
    measures: Mapping[str, float]
    ensemble: Mapping[str, float]
    noise: Mapping[str, float]
    costs: Mapping[str, float]


def find_runs(folders: Iterable[Path]) -> list[Path]:
    """The run folders of finished distillations.

    Args:
        folders: Run folders, or folders that hold some.

    Returns:
        The run folders, each once, in order; those in a folder by name, numbers in their order.

    Raises:
        UsageError: A folder is no run folder of a distillation and holds none.
    """
    found: list[Path] = []
    for folder in folders:
        if is_run(folder, "search"):
            raise UsageError(f"{folder}: is a search; distil its winner to compare it: hwasc distill --arch {folder}")
        if is_run(folder, "distill") or (folder / RESULT).is_file():
            inside = [folder]
        else:
            results = (p.parent for p in folder.glob(f"*/{RESULT}") if not is_run(p.parent, "search"))
            inside = sorted(results, key=lambda p: _natural(p.name))
        if not inside:
            raise UsageError(f"{folder}: no run folder of a distillation, and it holds no finished one")
        found += inside
    return list(dict.fromkeys(found))


def read_compared(folder: Path) -> Run:
    """Read what is compared of a finished distillation, of any version of hwasc.

    Args:
        folder: Its run folder; `result.json` alone will do, without settings.

    Returns:
        The run.

    Raises:
        UsageError: The run has not ended, or a file is broken.
    """
    path = folder / RESULT
    if not path.is_file():
        raise UsageError(f"{folder}: has not ended; the same command again goes on with it")
    values = schema.read_json(path, "result of a distillation")
    earlier = read_run(folder) if is_run(folder, "distill") else None
    settings = dict(_dotted(plain(earlier.settings))) if earlier else {}
    noise = schema.read_json(folder / NOISE, "evaluation") if (folder / NOISE).is_file() else {"noisy": []}
    try:
        int8 = values["int8"]
        measures = {
            "int8": int8["accuracy"],
            "float": values["float"]["accuracy"],
            "validation": values["validation"]["int8"],
            "by location": int8["by_location"],
            **{f"int8, {group}": value for group, value in int8["groups"].items()},
            "log loss": int8["log_loss"],
            "ECE": int8["ece"],
        }
        return Run(
            folder=folder,
            id=str(values["id"]),
            data=str(values["data"]),
            net=_net(folder, str(values["id"])),
            settings={k: v for k, v in settings.items() if k not in REPEATED},
            repetition=Repetition(
                seed=int(values["seed"]), student_seed=int(values["student_seed"]), fold=settings.get("data.fold")
            ),
            measures={name: float(value) for name, value in measures.items()},
            ensemble={row["name"]: float(row["accuracy"]) for row in values.get("fusion") or ()},
            noise={f"{x['noise']} {x['snr']:g} dB": float(x["metrics"]["accuracy"]) for x in noise["noisy"]},
            costs={name: c for name, keys in COSTS.items() if (c := _cost(values["costs"], keys)) is not None},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as e:
        raise UsageError(f"{path}: is not the result of a distillation ({type(e).__name__}: {e})") from None


def by_student(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Group runs by student.

    Runs are of one student if they differ in nothing but seeds and parts. Nets that searches found count as equal where space and
    budget are; with equal seeds they count as equal only if the nets are the same. Where a folder has no configuration, its name
    without the number at the end tells the student.

    Args:
        runs: Finished distillations.

    Returns:
        Runs by the student's name, which is what the names of its folders have in common, in the order of the first run of each.
    """
    groups: list[list[Run]] = []
    for group in _grouped(runs, lambda r: [Path(r.data).name, r.net, r.settings or _stem(r)]):
        for same in _grouped(group, lambda r: r.id) if _repeats(group) else [group]:
            groups += [[r] for r in same] if _repeats(same) else [same]
    return _named(groups)


def _grouped(runs: Sequence[Run], key: Callable[[Run], Any]) -> list[list[Run]]:
    groups: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        groups[canonical(key(run))].append(run)
    return list(groups.values())


def _repeats(group: Sequence[Run]) -> bool:
    return max(Counter(r.repetition for r in group).values()) > 1


def _named(groups: Sequence[list[Run]]) -> dict[str, list[Run]]:
    """Groups by the stem of their folders' names; by a longer name where two are the same."""
    names = [_stem(group[0]) for group in groups]
    for longer in (lambda p: p.resolve().name, str):
        twice = {name for name, count in Counter(names).items() if count > 1}
        names = [longer(g[0].folder) if n in twice else n for n, g in zip(names, groups, strict=True)]
    return dict(zip(names, groups, strict=True))


def _stem(run: Run) -> str:
    """The name of a run's folder without the number of the seed at its end, and without that of the part before it."""
    name = run.folder.resolve().name
    stem = re.sub(r"[-_.]\d+$", "", name)
    if run.repetition.fold is not None:
        stem = re.sub(r"[-_.]\d+$", "", stem)
    return stem or name


def _natural(name: str) -> list[Any]:
    """Sorts numbers in names by value."""
    return [(part.isdigit(), int(part) if part.isdigit() else part) for part in re.split(r"(\d+)", name)]


def _net(folder: Path, architecture_id: str) -> dict[str, Any]:
    path = folder / "architecture.json"
    about = architectures.load(path).provenance if path.is_file() else {}
    if "proxy" in about:  # a search found it: each seed finds a net of its own
        return {"budget": about.get("budget"), LIMITS: about.get(LIMITS), "space": about.get("space")}
    return {"architecture": about.get("preset", architecture_id)}


def _cost(costs: Any, keys: Sequence[str]) -> float | None:
    for key in keys:
        if not isinstance(costs, Mapping) or key not in costs:
            return None
        costs = costs[key]
    return float(costs)


def _dotted(values: Any, where: str = "") -> Iterable[tuple[str, Any]]:
    """Nested settings by dotted name; a list is one value."""
    if isinstance(values, Mapping) and values:
        for key, value in values.items():
            yield from _dotted(value, f"{where}.{key}" if where else str(key))
    else:
        yield where, json.loads(canonical(values))
