"""Any trial of a finished search as an architecture file, with the weights that a distillation can start from."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hwasc.cost.limits import resolve
from hwasc.errors import UsageError
from hwasc.nas.trial import BEST, SECOND, TRIALS, Trial, accuracy_name, read_trials
from hwasc.records import architecture as architectures
from hwasc.records import schema
from hwasc.records.architecture import ArchitectureFile
from hwasc.records.earlier_run import EarlierRun, is_run, read_run
from hwasc.records.run_lock import locked_run

if TYPE_CHECKING:
    from hwasc.workspace import Workspace


def parse_trial(name: str) -> tuple[Path, int] | None:
    """Read the name of a trial.

    Args:
        name: The run folder of a search, a colon and a trial's number: `runs/search:7`.

    Returns:
        The folder and the number; None where the text is no such name.

    Raises:
        UsageError: It is one, but the folder is not there or holds no search.
    """
    match = re.fullmatch(r"(.+):(\d{1,9})", name)
    if match is None or Path(name).is_file():
        return None
    folder, number = Path(match[1]), int(match[2])
    if not is_run(folder, "search"):
        raise UsageError(f"{name}: {folder} is not the run folder of a search")
    return folder, number


def trial_record(folder: Path, number: int) -> ArchitectureFile:
    """The architecture file of a trial.

    Args:
        folder: The run folder of a finished search.
        number: The trial's number.

    Returns:
        The winner's own file for the winner; the trial's, if its weights were made before; else a record that is not yet
        written.

    Raises:
        UsageError: The search has not ended, or has no such trial.
    """
    best = architectures.load(folder / BEST)
    trials = {**read_trials(folder / TRIALS), **read_trials(folder / SECOND)}
    if number not in trials:
        raise UsageError(f"{folder}: has no trial {number}; it has the trials 0 to {max(trials, default=0)}")
    trial = trials[number]
    path = folder / f"trial-{number}.json"
    for file in (folder / BEST, path):
        if file.is_file() and (record := architectures.load(file)).id == trial.id:
            return record
    return replace(_record(read_run(folder), best, trial), path=path)


def _record(run: EarlierRun, best: ArchitectureFile, trial: Trial) -> ArchitectureFile:
    """The record of a trial: what the winner's says of the search, and the trial's own costs and score."""
    budget = resolve(run.budget)
    architecture = run.space.architecture(trial.point, best.architecture.classes, run.settings.data.seconds)
    if architecture.id != trial.id:
        raise UsageError(
            f"{run.folder}: trial {trial.number} is another net than its record says; another version of hwasc wrote it"
        )
    costs = budget.measure(architecture)
    of_winner = best.provenance.get("proxy", {})
    about = {
        **best.provenance,
        "costs": schema.plain(costs),
        "limits": {c.name: {"limit": c.limit, "slack": c.slack} for c in budget.check(costs)},
        "proxy": {
            "score": trial.score,
            "score_error": trial.score_error,
            accuracy_name(trial): trial.accuracy,
            "standard_error": trial.standard_error,
            "trial": trial.number,
            **{key: of_winner[key] for key in ("clips", "split") if key in of_winner},
        },
    }
    return replace(ArchitectureFile.of(architecture, **about), clips=best.clips)


def trial_with_weights(ws: Workspace, folder: Path, number: int) -> ArchitectureFile:
    """The architecture file of a trial, with its slice of the supernet beside it.

    The slice is cut from the supernet in the cache. Where there is none, e.g. since candidates were trained one by one, the
    trial has no weights, and a line of the progress report says so.

    Args:
        ws: The data of the distillation, and the cache.
        folder: The run folder of a finished search.
        number: The trial's number.

    Returns:
        The record. It is written to the run folder as `trial-7.json`, with `trial-7.safetensors` beside it.

    Raises:
        UsageError: The search has not ended, or has no such trial.
        HwascError: Another command works in the run folder.
    """
    record = trial_record(folder, number)
    path, run = record.path, read_run(folder)
    if path is None or path.name == BEST or record.weights is not None:
        return record
    trial = read_trials(folder / TRIALS)[number]
    with locked_run(folder):
        weights = None
        if run.settings.search.proxy == "supernet" and run.dataset == ws.fingerprint:
            weights = _slice(ws, run, trial, classes=record.architecture.classes, path=path.with_suffix(".safetensors"))
        if weights is None:
            ws.reporter.say(
                f"trial {number}: no supernet of this search is in the cache; it starts from random weights"
            )
        return architectures.save(path, record.architecture, record.provenance, weights, clips=record.clips)


def _slice(
    ws: Workspace, run: EarlierRun, trial: Trial, *, classes: int, path: Path
) -> architectures.InitialWeights | None:
    """Write a trial's slice of the search's supernet, if the cache holds that."""
    from hwasc.ensemble.fusion import fuse, target_file
    from hwasc.nas.problem import Problem
    from hwasc.nas.search import first_scoring
    from hwasc.nas.start import read_start
    from hwasc.nas.train_supernet import supernet_file
    from hwasc.nas.winner_weights import write_winner_weights

    searched = replace(ws, settings=run.settings)
    problem = Problem(space=run.space, budget=resolve(run.budget), classes=classes, seconds=run.settings.data.seconds)
    trained = read_start(run.folder).supernet_problem(problem)
    targets = target_file(fuse(searched))
    if not supernet_file(searched, trained, targets).is_file():
        return None
    scoring = first_scoring(searched, trained, targets)
    return write_winner_weights(searched, scoring, problem.proposal(trial.point), refined=None, path=path)
