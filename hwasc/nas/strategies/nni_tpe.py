"""NNI's tree-structured Parzen estimator (Bergstra et al., 2011)."""

from __future__ import annotations

from typing import Any

from hwasc.nas.strategies.nni_tuner import NniTuner, quiet, search_space


def create(choices: dict[str, list[Any]], population: int, seed: int) -> NniTuner:
    """See `Strategy`; the population is the number of random points at the start."""
    from nni.algorithms.hpo.tpe_tuner import TpeTuner

    quiet()
    tuner = TpeTuner("maximize", seed=seed, tpe_args={"n_startup_jobs": population})
    tuner.update_search_space(search_space(choices))
    return NniTuner(tuner, choices)
