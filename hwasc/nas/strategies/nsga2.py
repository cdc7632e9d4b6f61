"""Constrained NSGA-II (Deb et al., 2002) from Optuna: score up, MACs and activation memory down, limits as constraints."""

from __future__ import annotations

import math
from typing import Any

import optuna

from hwasc.nas.trial import Outcome


class _Sampler(optuna.samplers.NSGAIISampler):
    """Knows the space. Optuna would gather it from the trials at every ask, which takes most of the time of one."""

    def __init__(self, choices: dict[str, list[Any]], population: int, seed: int) -> None:
        super().__init__(population_size=population, seed=seed)
        self._space = {n: optuna.distributions.CategoricalDistribution(values) for n, values in choices.items()}

    def infer_relative_search_space(self, study: optuna.Study, trial: Any) -> dict[str, Any]:
        return dict(self._space)


class Nsga2:
    """Optuna's sampler behind ask and tell."""

    def start(self, choices: dict[str, list[Any]], population: int, seed: int) -> None:
        """See `Strategy`."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = _Sampler(choices, population, seed)
        self._study = optuna.create_study(directions=["maximize", "minimize", "minimize"], sampler=sampler)
        self._choices = choices
        self._open: dict[int, optuna.Trial] = {}

    def ask(self) -> tuple[int, dict[str, Any]]:
        """A child of the last generation's parents."""
        trial = self._study.ask()
        self._open[trial.number] = trial
        return trial.number, {name: trial.suggest_categorical(name, values) for name, values in self._choices.items()}

    def tell(self, number: int, outcome: Outcome) -> None:
        """See `Strategy`. Costs enter as logarithms, so that halving a cost counts the same anywhere."""
        trial = self._open.pop(number)
        trial.set_constraint("budget", outcome.violation)
        score = outcome.score if outcome.score is not None else 0.0
        self._study.tell(trial, [score, math.log(max(outcome.macs, 1)), math.log(max(outcome.memory, 1))])
