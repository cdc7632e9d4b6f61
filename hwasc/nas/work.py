"""What the stages of a search have to do, counted in the unit of `hwasc.ensemble.work`."""

from __future__ import annotations

from hwasc.ensemble.work import ensemble_stages, training_work
from hwasc.nas.fold_scoring import by_folds
from hwasc.progress import Stage
from hwasc.workspace import Workspace

SUPERNET, CANDIDATES, SECOND, REFINEMENT = "supernet", "candidates", "second scores", "refinement"
CANDIDATE = 5.0  # million MACs of a candidate, in the middle of the budgets


def search_stages(ws: Workspace) -> list[Stage]:
    """The stages of a search, as far as the settings ask for them.

    Args:
        ws: Data and settings.

    Returns:
        The ensemble's stages, and the search's own.
    """
    clips, validation, s = len(ws.dataset.train), len(ws.dataset.validation), ws.settings.search
    out = ensemble_stages(ws)
    if s.proxy == "supernet":
        out.append(Stage(SUPERNET, training_work(clips * s.supernet.train.epochs * s.supernet.candidates, CANDIDATE)))
        each = training_work(s.proxy_steps * s.proxy_batch, CANDIDATE)
    else:
        each = training_work(clips * s.train.epochs, CANDIDATE)
    out.append(Stage(CANDIDATES, s.trials * (each + validation * CANDIDATE)))
    if s.rescore:
        over_folds, rounds = by_folds(ws), (*(1.0,) * (s.rungs - 1), float(s.rescore_seeds))
        epochs = s.second(over_folds=over_folds).epochs * (ws.settings.teachers.folds + 1 if over_folds else 1)
        trained = min(s.rescore, s.trials) * sum(rounds) * clips * epochs
        out.append(Stage(SECOND, training_work(trained, CANDIDATE), parts=rounds))
    if s.refine:
        out.append(Stage(REFINEMENT, training_work(s.refine * 2 * clips * s.refine_train.epochs, CANDIDATE)))
    return out
