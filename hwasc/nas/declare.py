"""The search space as NNI mutables, its rules as a constraint, and random points of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any

from hwasc.errors import UsageError
from hwasc.records.space import Point, SearchSpace


def declare(space: SearchSpace) -> Any:
    """Declare a space to NNI.

    Args:
        space: The choices and their rules.

    Returns:
        A `nni.mutable.MutableDict`: a Categorical for each choice, labelled with its name, and a Constraint for the rules.
    """
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
    """The choices of a declared space by label, in its order."""
    from nni.mutable import Categorical

    return {label: list(m.values) for label, m in declared.simplify().items() if isinstance(m, Categorical)}


def contains(declared: Any, point: Point) -> bool:
    """Whether NNI accepts a point.

    Args:
        declared: From `declare`.
        point: The point.

    Returns:
        True where the space has every chosen value and the point keeps every rule.
    """
    return bool(declared.contains(dict(point)))


def random_point(space: SearchSpace, rng: random.Random, tries: int = 2000) -> dict[str, Any]:
    """Draw a point uniformly from those that keep the rules of a space.

    Args:
        space: The choices and their rules.
        rng: Of the draw.
        tries: Points to draw at most.

    Returns:
        The point, by name of choice.

    Raises:
        UsageError: No point that was drawn keeps the rules.
    """
    values = space.choices()
    for _ in range(tries):
        point = {name: rng.choice(v) for name, v in values.items()}
        if not space.violations(point):
            return point
    raise UsageError(f"search space {space.name}: none of {tries:,} random points keeps its constraints; loosen them")
