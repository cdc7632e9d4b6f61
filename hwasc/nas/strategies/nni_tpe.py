"""NNI's tree-structured Parzen estimator (Bergstra et al., 2011)."""

from __future__ import annotations

from typing import Any

from hwasc.nas.strategies.nni_tuner import NniStrategy, search_space


class Tpe(NniStrategy):
    """The population is the number of random points at the start."""

    def _tuner(self, choices: dict[str, list[Any]], population: int, seed: int) -> Any:
        from nni.algorithms.hpo.tpe_tuner import TpeTuner

        tuner = TpeTuner("maximize", seed=seed, tpe_args={"n_startup_jobs": population})
        tuner.update_search_space(search_space(choices))
        return tuner
