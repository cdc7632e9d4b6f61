"""What comes with the package: budgets and search spaces by name."""

from __future__ import annotations

from hwasc.records import bundled
from hwasc.records.budget import Budget
from hwasc.records.space import SearchSpace


def budgets() -> dict[str, Budget]:
    """The bundled budgets by name, for `hwasc.search(ws, budget=NAME)`.

    Returns:
        Name to budget.
    """
    return {name: Budget.load(name) for name in bundled.names("budgets")}


def spaces() -> dict[str, SearchSpace]:
    """The bundled search spaces by name, for `hwasc.search(ws, ..., space=NAME)`.

    Returns:
        Name to space.
    """
    return {name: SearchSpace.load(name) for name in bundled.names("search_spaces")}
