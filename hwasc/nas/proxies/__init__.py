"""Proxies: each scores a candidate without its full training. One function each, one contract test for all."""

from __future__ import annotations

import importlib

from hwasc.nas.job import Candidate, Score

TRAINED = ("supernet", "distillation")  # they measure an accuracy; a search can use them
CHEAP = (
    "parameters",
    "macs",
    "synflow",
    "jacobian",
    "naswot",
)  # from the record or from untrained weights: to be beaten
NAMES = TRAINED + CHEAP
_MODULES = {"supernet": "supernet", "distillation": "distillation"} | dict.fromkeys(CHEAP, "untrained")


def score(candidate: Candidate) -> Score:
    """The candidate's score by its proxy: deterministic by its seed on the same machine."""
    module = importlib.import_module(f"hwasc.nas.proxies.{_MODULES[candidate.proxy]}")
    result: Score = module.score(candidate)
    return result
