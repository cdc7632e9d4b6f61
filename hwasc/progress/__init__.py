"""Output while a command runs: lines, tables, and one line of progress for a whole command."""

from hwasc.progress.plan import Plan, Stage, duration
from hwasc.progress.reporter import Reporter, Update
from hwasc.progress.tables import Column, print_table, show, wrapped

__all__ = ["Column", "Plan", "Reporter", "Stage", "Update", "duration", "print_table", "show", "wrapped"]
