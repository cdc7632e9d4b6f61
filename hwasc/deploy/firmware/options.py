"""Options of the C export: how often it decides, for which processor, how decisions are smoothed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from hwasc.cost.firmware_front_end import Arithmetic
from hwasc.cost.firmware_state import decision_hop
from hwasc.errors import UsageError
from hwasc.records.front_end import FrontEnd
from hwasc.suggestion import did_you_mean

ARITHMETIC: dict[str, Arithmetic] = {  # integers where the processor has no floating-point unit
    "cortex-m0+": "integer",
    "cortex-m3": "integer",
    "cortex-m4": "float",
    "cortex-m7": "float",
    "cortex-m33": "float",
    "cortex-m55": "float",
}
UNITS = {"ms": 1e-3, "s": 1.0}
WHOLE = 1 << 15  # of the share of earlier decisions, as scene.h counts it


@dataclass(frozen=True)
class FirmwareOptions:
    """Options of the format `c`.

    Attributes:
        hop: From decision to decision, e.g. `250ms`, `0.5s`, or samples; None: each clip is decided once.
        target: The processor, see `ARITHMETIC`; it chooses the arithmetic of the log-mel.
        arithmetic: Of the log-mel, instead of the target's.
        smoothing: Share of the decisions so far in the logits, 0 to below 1.
    """

    hop: str | int | None = None
    target: str | None = None
    arithmetic: Literal["float", "integer"] | None = None
    smoothing: float = 0.0

    def __post_init__(self) -> None:
        if self.target is not None and self.target not in ARITHMETIC:
            hint = did_you_mean(self.target.lower(), ARITHMETIC)
            raise UsageError(f"target '{self.target}' is not known{hint} (known: {', '.join(ARITHMETIC)})")
        if self.arithmetic not in (None, "float", "integer"):
            raise UsageError(f"arithmetic '{self.arithmetic}' is not known (known: float, integer)")
        if not 0 <= self.smoothing < 1 or self.share >= WHOLE:
            raise UsageError(f"smoothing {self.smoothing:g}: expected a share of the earlier decisions, 0 to below 1")
        if self.hop is not None:
            _seconds(self.hop, 1)

    @property
    def numbers(self) -> Arithmetic:
        """What the log-mel computes in."""
        return self.arithmetic or ARITHMETIC[self.target or "cortex-m4"]

    @property
    def share(self) -> int:
        """The smoothing in units of scene.h."""
        return round(self.smoothing * WHOLE)

    def decision_hop(self, front_end: FrontEnd) -> int:
        """Samples from decision to decision.

        Args:
            front_end: Of the student.

        Returns:
            A multiple of the front end's hop, the nearest to what was asked for.
        """
        seconds = None if self.hop is None else _seconds(self.hop, front_end.sample_rate)
        return decision_hop(front_end, seconds)


def _seconds(hop: str | int, sample_rate: int) -> float:
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s)?", str(hop).strip())
    if not found or float(found[1]) == 0:
        raise UsageError(f"hop '{hop}': expected a time such as 250ms or 0.5s, or a number of samples")
    return float(found[1]) * (UNITS[found[2]] if found[2] else 1 / sample_rate)
