"""Proxies: each scores a candidate without its full training. One callable each, one contract test for all."""

from __future__ import annotations

from typing import Protocol

from hwasc.errors import UsageError
from hwasc.nas.job import Candidate, Score
from hwasc.parts import PROXIES
from hwasc.registry import name_of


class Proxy(Protocol):
    """Scores a candidate, the same by the same seed. Must be picklable: scores are computed in other processes.

    A search needs a proxy that measures an accuracy. One that does not has the attribute `measures_accuracy = False`.
    """

    def __call__(self, candidate: Candidate, /) -> Score:
        """The score; every draw follows from `candidate.seed`."""
        ...


def find(proxy: str | Proxy) -> Proxy:
    """A proxy by name, or the object as it is. UsageError for an unknown name."""
    found: Proxy = PROXIES.get(proxy) if isinstance(proxy, str) else proxy
    return found


def measures_accuracy(proxy: str | Proxy) -> bool:
    """Whether a proxy's scores hold an int8 accuracy on the validation clips."""
    return bool(getattr(find(proxy), "measures_accuracy", True))


def check_accuracy(proxy: str | Proxy) -> None:
    """Refuse a proxy that a search cannot use.

    Args:
        proxy: A name, or an object.

    Raises:
        UsageError: The proxy measures no accuracy, or its name is unknown.
    """
    if not measures_accuracy(proxy):
        name = proxy if isinstance(proxy, str) else name_of(proxy)
        raise UsageError(f"proxy '{name}' measures no accuracy, which a search needs; choose supernet or distillation")


def score(candidate: Candidate) -> Score:
    """The candidate's score by its proxy: deterministic by its seed on the same machine."""
    return find(candidate.proxy)(candidate)
