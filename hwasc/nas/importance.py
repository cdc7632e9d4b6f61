"""How much each choice of a space matters for the score: functional ANOVA (Hutter et al., 2014) by Optuna over scored trials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hwasc.nas.predictor import Choices, ScoredCandidate
from hwasc.records.space import Point

MIN_TRIALS = 30  # with fewer, the forest that is taken apart follows the noise of the scores
TREES = 32
ABSENT = "absent"  # value of a choice that has no effect at a point


def importances(choices: Choices, trials: Sequence[ScoredCandidate], *, seed: int = 0) -> dict[str, float]:
    """Share that each choice by itself has in the variance of the scores, as a random forest sees it over the whole space.

    Args:
        choices: The choices of the space.
        trials: Scored candidates.
        seed: Of the forest.

    Returns:
        A share for each choice that has several values, the highest first; what is left to 1 is in combinations of choices.
        Empty with fewer than `MIN_TRIALS` trials, and where all scores are equal.
    """
    if len(trials) < MIN_TRIALS or len({t.score for t in trials}) < 2:
        return {}
    import optuna
    from optuna.distributions import BaseDistribution, CategoricalDistribution
    from optuna.importance import FanovaImportanceEvaluator

    points = [effective(t.point) for t in trials]
    varied = {n: sorted({p[n] for p in points}, key=str) for n in choices if len({p[n] for p in points}) > 1}
    distributions: dict[str, BaseDistribution] = {n: CategoricalDistribution(values) for n, values in varied.items()}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.study.create_study(direction="maximize")
    study.add_trials(
        [
            optuna.trial.create_trial(params={n: p[n] for n in varied}, distributions=distributions, value=t.score)
            for p, t in zip(points, trials, strict=True)
        ]
    )
    evaluator = FanovaImportanceEvaluator(n_trees=TREES, seed=seed)
    found = {n: float(v) for n, v in evaluator.evaluate(study).items()}
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def effective(point: Point) -> dict[str, Any]:
    """A point in which every choice without effect has the value `ABSENT`.

    Args:
        point: The chosen value of every choice.

    Returns:
        The point; a stage without blocks has no kernel, and a net without GRN no place for it. The first stage's width is
        also the stem's.
    """
    out = dict(point)
    empty = [name.removesuffix("depth") for name, value in point.items() if name.endswith(".depth") and value == 0]
    for name in point:
        if any(name.startswith(stage) for stage in empty) and not name.endswith(".depth") and name != "stage1.width":
            out[name] = ABSENT
    if all(value in ("none", ABSENT) for name, value in out.items() if name.endswith(".grn")):
        out["grn_at"] = ABSENT
    return out
