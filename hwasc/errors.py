"""Errors meant for people: one clear line (what, where, what to do), and the exit status they end a command with."""

from __future__ import annotations


class HwascError(Exception):
    """Something went wrong that the user can mend; the command ends with status 1."""

    exit_status = 1


class UsageError(HwascError):
    """Wrong arguments or a broken file that a person wrote; status 2."""

    exit_status = 2


class InfeasibleBudget(UsageError):
    """No candidate of the search space can meet the budget; status 2, before any training."""


class DataError(HwascError):
    """Recordings or lists that cannot be used; status 1."""
