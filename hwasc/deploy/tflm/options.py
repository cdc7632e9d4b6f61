"""Options of the format `tflm`: the kernels that TensorFlow Lite Micro is built with, the model's name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hwasc.cost.firmware_front_end import Arithmetic
from hwasc.cost.scratch import EXTENSIONS
from hwasc.deploy.patch_options import PatchOptions
from hwasc.deploy.tflm.arena_sizes import check_kernels, kernels_of
from hwasc.deploy.tflm.names import identifier, name_of
from hwasc.errors import UsageError
from hwasc.records.budget import Budget


@dataclass(frozen=True)
class TflmOptions:
    """Options of the format `tflm`.

    Attributes:
        kernels: `reference`, or the core that CMSIS-NN is built for; None: the budget's, or else the header finds out.
        budget: A budget whose chip the firmware is for: the name of a bundled one, or a file.
        name: Of the model, in the names of files, functions and the namespace; None: that of the folder.
        patches: `auto`, or how many frequency patches the operators with the largest maps run in; None: whole maps.
        arithmetic: Of the log-mel, `float` or `integer`; None: integers for a Cortex-M0+, which has no floating-point unit.
    """

    kernels: str | None = None
    budget: str | Path | None = None
    name: str | None = None
    patches: str | int | None = None
    arithmetic: Arithmetic | None = None

    def __post_init__(self) -> None:
        if self.kernels is not None:
            check_kernels(self.kernels)
        if self.name is not None:
            identifier(self.name)
        PatchOptions(self.patches)
        if self.arithmetic not in (None, "float", "integer"):
            raise UsageError(f"arithmetic '{self.arithmetic}' is not known (known: float, integer)")

    def chosen_kernels(self) -> str | None:
        """The kernels that are named, here or by the budget.

        Returns:
            One of `arena_sizes.KERNELS`; None: nobody named any.

        Raises:
            UsageError: The budget cannot be read.
        """
        if self.kernels is not None or self.budget is None:
            return self.kernels
        return kernels_of(Budget.load(self.budget))

    def chosen_arithmetic(self) -> Arithmetic:
        """The arithmetic of the log-mel.

        Returns:
            `float` or `integer`.
        """
        if self.arithmetic is not None:
            return self.arithmetic
        return "integer" if EXTENSIONS.get(self.chosen_kernels() or "") == "c" else "float"

    def model_name(self, out: Path) -> str:
        """The model's name.

        Args:
            out: The folder that is written.

        Returns:
            A name for C and C++.

        Raises:
            UsageError: There is no letter or digit in it.
        """
        return identifier(self.name) if self.name is not None else name_of(out)
