"""The budget: limits that name their unit and counting rule, absolute or as a share of a reference architecture."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from hwasc.errors import UsageError
from hwasc.records import bundled, schema
from hwasc.records.schema import STRICT

SCHEMA = 1
Amount = int | str  # a count, or a share such as "60%" of the budget's reference architecture


def _check(amount: Amount | None) -> None:
    if isinstance(amount, str):
        if not re.fullmatch(r"\d+(\.\d+)?%", amount):
            raise ValueError(f"expected a whole number or a share such as '60%', found '{amount}'")
    elif amount is not None and amount <= 0:
        raise ValueError(f"a limit must be above 0, found {amount}")


@dataclass(frozen=True)
class CountLimit:
    """At most `max` parameters."""

    max: Amount

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        _check(self.max)


@dataclass(frozen=True)
class MacsLimit:
    """At most `max` multiply-accumulates a clip; count: which rule (see `cost.Macs`)."""

    max: Amount
    count: Literal["conv", "torchinfo"] = "torchinfo"

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        _check(self.max)


@dataclass(frozen=True)
class ParameterMemoryLimit:
    """At most `max` bytes of parameters, each at its int8 size (the DCASE rule since 2023)."""

    max: Amount
    unit: Literal["byte"] = "byte"

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        _check(self.max)


@dataclass(frozen=True)
class Int8MemoryLimit:
    """Bytes: weights in flash (int8 weights, int32 biases), peak activations in RAM (greedy plan), and their sum."""

    weights: Amount | None = None
    activations: Amount | None = None
    total: Amount | None = None

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        for amount in (self.weights, self.activations, self.total):
            _check(amount)


@dataclass(frozen=True)
class Limits:
    """What is limited; what is absent is unconstrained."""

    parameters: CountLimit | None = None
    macs: MacsLimit | None = None
    parameter_memory: ParameterMemoryLimit | None = None
    int8_memory: Int8MemoryLimit | None = None

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT


@dataclass(frozen=True)
class Chip:
    """Datasheet figures of a microcontroller: flash and ram in bytes, clock in MHz."""

    core: str
    flash: int
    ram: int
    clock_mhz: float

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT


@dataclass(frozen=True)
class Budget:
    """A named set of limits with its source. reference: the preset that shares ("60%") refer to."""

    name: str
    limits: Limits
    schema: int = SCHEMA
    source: str = ""
    reference: str | None = None
    chip: Chip | None = None

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def amounts(self) -> dict[str, Amount]:
        """Every limit by the dotted name of the cost that it bounds (`macs.torchinfo`, `int8_memory.activations`, ...)."""
        limits, out = self.limits, {}
        if limits.parameters:
            out["parameters"] = limits.parameters.max
        if limits.macs:
            out[f"macs.{limits.macs.count}"] = limits.macs.max
        if limits.parameter_memory:
            out["parameter_memory"] = limits.parameter_memory.max
        if limits.int8_memory:
            for part in ("weights", "activations", "total"):
                if (amount := getattr(limits.int8_memory, part)) is not None:
                    out[f"int8_memory.{part}"] = amount
        return out

    @classmethod
    def load(cls, name_or_path: str | Path) -> Budget:
        """A bundled budget by name, or a file; UsageError lists every mistake."""
        path = bundled.find("budgets", name_or_path)
        budget = schema.parse(cls, schema.read_yaml(path, "budget"), str(path))
        if budget.schema != SCHEMA:
            raise UsageError(f"{path}: schema {budget.schema} is not known here (this version reads {SCHEMA})")
        amounts = budget.amounts()
        if not amounts:
            raise UsageError(
                f"{path}: limits: a budget needs at least one limit (macs, parameters, parameter_memory, int8_memory)"
            )
        if any(isinstance(a, str) for a in amounts.values()) and budget.reference is None:
            raise UsageError(f"{path}: a share such as '60%' needs a reference architecture (key 'reference')")
        return budget
