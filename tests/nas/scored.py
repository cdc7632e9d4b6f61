"""Candidates that are scored by a function, for tests of the study: no net is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hwasc.nas.job import Proposal, Score


class Scorer:
    """Gives each candidate the score of a function, and counts its work; may be interrupted."""

    def __init__(self, true_score: Callable[[Proposal], float], limit: int | None = None) -> None:
        self.true_score, self.limit, self.count = true_score, limit, 0

    def __call__(self, candidates: list[Proposal]) -> Iterator[tuple[int, Score]]:
        for i, proposal in enumerate(candidates):
            if self.count == self.limit:
                raise KeyboardInterrupt
            self.count += 1
            value = self.true_score(proposal)
            yield i, Score(value, 1.0, accuracy=value, standard_error=0.01, value_error=0.01)
