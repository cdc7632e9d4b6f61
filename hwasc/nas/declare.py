"""The search space declared through nni.mutable, its rules as a constraint; strategies and the study see it through here."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any

from hwasc.errors import UsageError
from hwasc.records.space import Point, SearchSpace


def declare(space: SearchSpace) -> Any:
    """A `nni.mutable.MutableDict`: one Categorical a choice, labelled by its name, and the space's rules as a Constraint."""
    from nni.mutable import Categorical, Constraint, ConstraintViolation, MutableDict

    leaves = {name: Categorical(list(values), label=name) for name, values in space.choices().items()}

    class Rules(Constraint):  # type: ignore[misc]
        """The rules between choices; NNI checks them on every sample."""

        label = "rules"

        def leaf_mutables(self, is_leaf: Callable[[Any], bool]) -> Iterable[Any]:
            yield from leaves.values()
            yield self

        def check_contains(self, sample: Any) -> Any:
            broken = space.violations(sample)
            return ConstraintViolation("; ".join(broken)) if broken else None

    return MutableDict({**leaves, "rules": Rules()})


def choices(declared: Any) -> dict[str, list[Any]]:
    """The labelled choices of a declared space, in its order."""
    from nni.mutable import Categorical

    return {label: list(m.values) for label, m in declared.simplify().items() if isinstance(m, Categorical)}


def contains(declared: Any, point: Point) -> bool:
    """Whether NNI accepts a point: every choice known, every rule kept."""
    return bool(declared.contains(dict(point)))


def random_point(space: SearchSpace, rng: random.Random, tries: int = 2000) -> dict[str, Any]:
    """A point drawn uniformly among those that keep the rules; UsageError where none turns up."""
    values = space.choices()
    for _ in range(tries):
        point = {name: rng.choice(v) for name, v in values.items()}
        if not space.violations(point):
            return point
    raise UsageError(f"search space {space.name}: none of {tries:,} random points keeps its constraints; loosen them")
