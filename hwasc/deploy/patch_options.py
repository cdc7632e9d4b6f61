"""The option `patches` of formats that hold a .tflite file."""

from __future__ import annotations

from dataclasses import dataclass

from hwasc.cost.patch_choice import choose, count_of
from hwasc.deploy.exporters import Planner
from hwasc.records.architecture import Architecture
from hwasc.records.patches import Patches


@dataclass(frozen=True)
class PatchOptions:
    """Options of the format `tflite`.

    Attributes:
        patches: `auto`, or how many frequency patches the operators with the largest maps run in; None: whole maps.
    """

    patches: str | int | None = None

    def __post_init__(self) -> None:
        if self.patches is not None:
            count_of(str(self.patches))

    def chosen(self, architecture: Architecture, planner: Planner) -> Patches | None:
        """The patches of an architecture.

        Args:
            architecture: The architecture.
            planner: Of the memory plan.

        Returns:
            The patches; None: whole maps.

        Raises:
            UsageError: The net cannot run in so many patches.
        """
        if self.patches is None:
            return None
        return choose(architecture, count_of(str(self.patches)), planner).chosen.patches
