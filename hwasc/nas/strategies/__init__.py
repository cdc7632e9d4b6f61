"""Strategies: each is asked for a point and told what became of it. One file each, one contract test for all."""

from __future__ import annotations

import importlib
from typing import Any, Protocol

from hwasc.nas.trial import Outcome
from hwasc.records.space import SearchSpace

NAMES = ("nsga2", "tpe", "evolution", "local", "random")


class Strategy(Protocol):
    """ask() gives a point to try under a number; tell(number, outcome) is called once for every point asked, in any order.

    Points may break the space's rules or repeat; the study tells such ones at once, as infeasible or as already known.
    """

    def ask(self) -> tuple[int, dict[str, Any]]:
        """A number and a point: every choice of the space by name."""
        ...

    def tell(self, number: int, outcome: Outcome) -> None:
        """What became of the point asked under this number."""
        ...


def create(name: str, space: SearchSpace, population: int, seed: int) -> Strategy:
    """A strategy by name, declared over the space through nni.mutable; every draw follows from the seed."""
    from hwasc.nas.declare import choices, declare

    module = importlib.import_module(f"hwasc.nas.strategies.{_MODULES[name]}")
    strategy: Strategy = module.create(choices(declare(space)), population, seed)
    return strategy


_MODULES = {"nsga2": "nsga2", "tpe": "nni_tpe", "evolution": "nni_evolution", "local": "local", "random": "uniform"}
