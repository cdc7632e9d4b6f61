"""Students, teachers and fusion heads as torch modules."""

from hwasc.models.student import Student, build

__all__ = ["Student", "build"]
