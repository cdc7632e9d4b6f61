"""Constrained NSGA-II (Deb et al., 2002) from Optuna: score up, MACs and activation memory down, limits as constraints."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import optuna
from optuna.trial import FrozenTrial

from hwasc.nas.trial import Outcome


class _Sampler(optuna.samplers.NSGAIISampler):
    """Knows the space, the size of each generation and the parents of the last one.

    Optuna would gather them from all trials at every ask, so that a search's time would grow with the square of its trials.
    """

    def __init__(self, choices: dict[str, list[Any]], population: int, seed: int) -> None:
        super().__init__(population_size=population, seed=seed)
        self._space = {n: optuna.distributions.CategoricalDistribution(values) for n, values in choices.items()}
        self._size = population
        self._completed: Counter[int] = Counter()  # trials by generation
        self._parents: tuple[int, list[FrozenTrial]] = (0, [])  # of which generation, in the order of the trials

    def complete(self, trial: FrozenTrial) -> None:
        """Count a trial that has its score."""
        self._completed[trial.system_attrs[self._get_generation_key()]] += 1

    def give_generation(self, study: optuna.Study, trial: optuna.Trial) -> None:
        """Give a trial its generation, which Optuna does only for points that it has drawn itself."""
        self.get_trial_generation(study, study._storage.get_trial(trial._trial_id))

    def get_trial_generation(self, study: optuna.Study, trial: FrozenTrial) -> int:
        known: int | None = trial.system_attrs.get(self._get_generation_key())
        if known is not None:
            return known
        last = max(self._completed, default=0)
        generation = last if self._completed[last] < self._size else last + 1
        study._storage.set_trial_system_attr(trial._trial_id, self._get_generation_key(), generation)
        return generation

    def get_parent_population(self, study: optuna.Study, generation: int) -> list[FrozenTrial]:
        if generation > 0 and self._parents[0] == generation:
            return self._parents[1]
        found: list[FrozenTrial] = super().get_parent_population(study, generation)
        self._parents = generation, sorted(found, key=lambda t: t.number)
        return found

    def infer_relative_search_space(self, study: optuna.Study, trial: Any) -> dict[str, Any]:
        return dict(self._space)


class Nsga2:
    """Optuna's sampler behind ask and tell."""

    def start(self, choices: dict[str, list[Any]], population: int, seed: int) -> None:
        """See `Strategy`."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._sampler = _Sampler(choices, population, seed)
        self._study = optuna.create_study(directions=["maximize", "minimize", "minimize"], sampler=self._sampler)
        self._choices = choices
        self._open: dict[int, optuna.Trial] = {}

    def enqueue(self, points: Sequence[dict[str, Any]]) -> None:
        """See `Enqueues`. The points count as those of the first generation."""
        for point in points:
            self._study.enqueue_trial(point)

    def ask(self) -> tuple[int, dict[str, Any]]:
        """A child of the last generation's parents."""
        trial = self._study.ask()
        self._sampler.give_generation(self._study, trial)
        self._open[trial.number] = trial
        return trial.number, {name: trial.suggest_categorical(name, values) for name, values in self._choices.items()}

    def tell(self, number: int, outcome: Outcome) -> None:
        """See `Strategy`. Costs enter as logarithms, so that halving a cost counts the same anywhere."""
        trial = self._open.pop(number)
        trial.set_constraint("budget", outcome.violation)
        score = outcome.score if outcome.score is not None else 0.0
        costs = (math.log(max(outcome.macs, 1)), math.log(max(outcome.memory, 1)))
        self._sampler.complete(self._study.tell(trial, [score, *costs]))
