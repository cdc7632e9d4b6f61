"""The problem of a search as one object: the space, the budget and the shape of the data."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hwasc.cost.limits import ResolvedBudget, resolve
from hwasc.cost.measure import Costs
from hwasc.nas.declare import random_point
from hwasc.nas.job import Proposal
from hwasc.records.architecture import Architecture
from hwasc.records.earlier_run import read_run
from hwasc.records.space import Point, SearchSpace


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Find the most accurate architecture of a space within a budget, for clips of so many classes and seconds.

    Attributes:
        space: The choices.
        budget: The limits, and how costs are counted.
        classes: Scenes of the data.
        seconds: Length of a clip, s.
    """

    space: SearchSpace
    budget: ResolvedBudget
    classes: int
    seconds: float = 1.0

    def architecture(self, point: Point) -> Architecture:
        """The architecture at a point of the space. UsageError where its front end does not fit the clip."""
        return self.space.architecture(point, self.classes, self.seconds)

    def proposal(self, point: Point) -> Proposal:
        """A point with its architecture, ready to be scored."""
        return Proposal(point, self.architecture(point))

    def costs(self, point: Point) -> Costs:
        """What the architecture at a point costs, as the budget counts."""
        return self.budget.count(self.architecture(point))

    def feasible_points(self, number: int, *, seed: int, tries: int = 20) -> list[dict[str, Any]]:
        """Random points within the limits, by rising MACs.

        Args:
            number: The most that are returned.
            seed: Of the draws.
            tries: Points to draw at most, times `number`.

        Returns:
            Up to `number` points.
        """
        rng, feasible = random.Random(seed), []
        for _ in range(number * tries):
            point = random_point(self.space, rng)
            costs = self.costs(point)
            if self.budget.feasible(costs):
                feasible.append((costs.macs.torchinfo, point))
            if len(feasible) == number:
                break
        return [point for _, point in sorted(feasible, key=lambda pair: pair[0])]

    def starting_points(self, number: int, *, seed: int, tries: int = 500) -> list[dict[str, Any]]:
        """Random points within the limits, as many of each log-mel size as of any other.

        Points that are drawn from the whole space are seldom of a large log-mel where the limits are tight.

        Args:
            number: The most that are returned.
            seed: Of the draws.
            tries: Points to draw at most for each that is returned.

        Returns:
            Different points, the sizes in turn. A size of which no more are found leaves its places to the others.
        """
        rng, found = random.Random(seed), list[dict[str, Any]]()
        choices = self.space.choices()
        sizes = [{"mels": m, "frames": f} for m in choices["mels"] for f in choices["frames"]]
        rng.shuffle(sizes)
        while sizes and len(found) < number:
            for size in list(sizes):
                for _ in range(tries):
                    point = {**random_point(self.space, rng), **size}
                    if self.space.violations(point) or point in found:
                        continue
                    if self.budget.feasible(self.costs(point)):
                        found.append(point)
                        break
                else:
                    sizes.remove(size)
        return found[:number]


def problem_of(run: Path, best: Architecture) -> Problem:
    """Read the problem of a search from its run folder.

    Args:
        run: The run folder.
        best: An architecture of the search, for the classes and the length of the clips.

    Returns:
        The problem, as the search had it.

    Raises:
        UsageError: The folder's config.yaml is absent or broken, or it is not that of a search.
    """
    search = read_run(run)
    return Problem(
        space=search.space, budget=resolve(search.budget), classes=best.classes, seconds=best.front_end.seconds
    )
