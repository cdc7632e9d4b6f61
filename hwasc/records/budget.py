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
Planner = Literal["greedy", "offline"]
Kernels = Literal["reference", "cortex-m0+", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"]


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

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        _check(self.max)


@dataclass(frozen=True)
class Int8MemoryLimit:
    """Bytes: weights in flash (int8 weights, int32 biases), peak activations in RAM, and their sum.

    activations: the arena head as the runtime plans it, by its own greedy planner or by an offline plan in the file.
    """

    weights: Amount | None = None
    activations: Amount | None = None
    total: Amount | None = None
    planner: Planner = "greedy"

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        for amount in (self.weights, self.activations, self.total):
            _check(amount)


@dataclass(frozen=True)
class FlashLimit:
    """At most `max` bytes of model file, as it lies in flash (predicted within 2 % before it is written)."""

    max: Amount

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        _check(self.max)


@dataclass(frozen=True)
class ArenaLimit:
    """At most `max` bytes of arena: head (activations, scratch) and tail (the runtime's structs).

    kernels: the runtime's reference ones, or CMSIS-NN's for a core, which take scratch memory of their own.
    """

    max: Amount
    planner: Planner = "greedy"
    kernels: Kernels = "reference"

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        _check(self.max)


@dataclass(frozen=True)
class LatencyLimit:
    """At most `max_ms` milliseconds an inference on a core, by an analytic estimate (see `cost.latency`).

    clock_mhz: of the core; none takes the budget's chip's.
    """

    max_ms: float
    target: str
    clock_mhz: float | None = None

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        if self.max_ms <= 0 or (self.clock_mhz is not None and self.clock_mhz <= 0):
            raise ValueError("max_ms and clock_mhz must be above 0")


@dataclass(frozen=True)
class Limits:
    """What is limited; what is absent is unconstrained."""

    parameters: CountLimit | None = None
    macs: MacsLimit | None = None
    parameter_memory: ParameterMemoryLimit | None = None
    int8_memory: Int8MemoryLimit | None = None
    flash: FlashLimit | None = None
    arena: ArenaLimit | None = None
    latency: LatencyLimit | None = None

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

    def amounts(self) -> dict[str, Amount | float]:
        """Every limit by the dotted name of the cost that it bounds (`macs.torchinfo`, `int8_memory.activations`, ...)."""
        limits = self.limits
        out: dict[str, Amount | float] = {}
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
        if limits.flash:
            out["flash"] = limits.flash.max
        if limits.arena:
            out["arena"] = limits.arena.max
        if limits.latency:
            out["latency_ms"] = limits.latency.max_ms
        return out

    @property
    def planner(self) -> Planner:
        """The planner that its memory limits name."""
        memory, arena = self.limits.int8_memory, self.limits.arena
        return arena.planner if arena else memory.planner if memory else "greedy"

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
                f"{path}: limits: a budget needs at least one limit (macs, parameters, parameter_memory, int8_memory, flash, "
                "arena, latency)"
            )
        memory, arena, latency = budget.limits.int8_memory, budget.limits.arena, budget.limits.latency
        if memory and arena and memory.planner != arena.planner:
            raise UsageError(
                f"{path}: int8_memory is for the {memory.planner} planner, arena for the {arena.planner} one; a file has one plan"
            )
        if latency and latency.clock_mhz is None and budget.chip is None:
            raise UsageError(f"{path}: limits: latency needs clock_mhz, or a chip that has one")
        if any(isinstance(a, str) for a in amounts.values()) and budget.reference is None:
            raise UsageError(f"{path}: a share such as '60%' needs a reference architecture (key 'reference')")
        return budget
