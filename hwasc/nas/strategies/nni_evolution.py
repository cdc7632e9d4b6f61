"""NNI's evolution tuner (Real et al., 2017): the worse of two is replaced by a mutation of the better."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from hwasc.nas.strategies.nni_tuner import NniStrategy, search_space


class _Seeded:
    """The tuner draws from Python's global generator; lend it a state of its own for the time of each draw."""

    def __init__(self, tuner: Any, seed: int) -> None:
        self._tuner, self._state = tuner, random.Random(seed).getstate()

    def generate_parameters(self, number: int) -> dict[str, Any]:
        outside = random.getstate()
        random.setstate(self._state)
        try:
            parameters: dict[str, Any] = self._tuner.generate_parameters(number)
            return parameters
        finally:
            self._state = random.getstate()
            random.setstate(outside)

    def receive_trial_result(self, number: int, point: dict[str, Any], reward: float) -> None:
        self._tuner.receive_trial_result(number, point, reward)


class Evolution(NniStrategy):
    """A steady population; its first generation is drawn by the seed."""

    def _tuner(self, choices: dict[str, list[Any]], population: int, seed: int) -> Any:
        from nni.algorithms.hpo.evolution_tuner import EvolutionTuner

        tuner = EvolutionTuner("maximize", population_size=population)
        tuner.update_search_space(search_space(choices))
        tuner.random_state = np.random.RandomState(
            seed
        )  # it seeds itself from the clock; draw the first generation again
        tuner.population = []
        for _ in range(population):
            tuner._random_generate_individual()
        return _Seeded(tuner, seed)
