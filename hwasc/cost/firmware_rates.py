"""Instructions of each piece of the C export's work, by core, and what they miss. Written by `experiments/firmware/fit.py`."""

from __future__ import annotations

RATES: dict[str, dict[str, dict[str, float]]] = {}

ERRORS: dict[str, tuple[float, float]] = {}
