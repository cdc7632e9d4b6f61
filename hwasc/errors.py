"""Errors that the user can act on. Each message is one line: what is wrong, where, and what to do."""

from __future__ import annotations


class HwascError(Exception):
    """An error that the user can fix; the command ends with exit status 1."""

    exit_status = 1


class UsageError(HwascError):
    """Wrong arguments, or an error in a file that a person wrote; exit status 2."""

    exit_status = 2


class InfeasibleBudget(UsageError):
    """No candidate of the search space fits the budget; exit status 2, raised before any training."""


class DataError(HwascError):
    """Recordings or lists that cannot be used; exit status 1."""


class WrongFile(DataError):
    """A model file that is not there, is of another kind, or was written by another program; exit status 2."""

    exit_status = 2
