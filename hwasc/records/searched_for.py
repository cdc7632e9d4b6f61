"""The budget that an architecture was searched for, as its file says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hwasc.records import bundled, schema
from hwasc.records.budget import Budget
from hwasc.records.writing import plain

KEY = "budget_limits"  # of the provenance; `budget` is its name


def provenance_of(budget: Budget) -> dict[str, Any]:
    """What an architecture file says about its budget: the name, and the whole budget without what it leaves open."""
    return {"budget": budget.name, KEY: _given(plain(budget))}


def budget_of(provenance: Mapping[str, Any], where: str) -> Budget | None:
    """The budget that a file names.

    Args:
        provenance: Of an architecture file.
        where: The file, for messages.

    Returns:
        The budget; for files of versions that did not write it, the bundled one of this name; None where there is none.

    Raises:
        UsageError: The budget in the file is broken.
    """
    name, record = provenance.get("budget"), provenance.get(KEY)
    if record is not None:
        return schema.parse(Budget, record, f"{where}: provenance.{KEY}")
    return Budget.load(name) if isinstance(name, str) and name in bundled.names("budgets") else None


def _given(value: Any) -> Any:
    return {k: _given(v) for k, v in value.items() if v not in (None, "")} if isinstance(value, dict) else value
