"""The budget: limits on costs, each with its counting rule, absolute or as a share of a reference architecture."""

from __future__ import annotations

import math
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
Runtime = Literal["tflm", "c"]  # TensorFlow Lite Micro, or the C export, which runs the net row by row
Kernels = Literal["reference", "cortex-m0+", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"]


def _check(amount: Amount | None) -> None:
    if isinstance(amount, str):
        if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?%", amount) or float(amount[:-1]) == 0:
            raise ValueError(f"expected a whole number or a share such as '60%', found '{amount:.60}'")
    elif amount is not None and not amount > 0:
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
    """A limit on multiply-accumulates of a clip.

    Attributes:
        max: The limit.
        count: The counting rule, see `cost.Macs`.
    """

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
    """Limits on the memory of an int8 net, in bytes.

    Attributes:
        weights: Weights in flash: int8 weights, int32 biases.
        activations: Peak activations in RAM, that is, the arena's head.
        total: The sum of both.
        planner: Who plans the arena: the runtime (`greedy`), or a plan in the file (`offline`).
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
    """A limit on the flash.

    Attributes:
        max: The limit, bytes.
        runtime: `tflm`: the model file, predicted within 2 % before it is written. `c`: tables and program. None: that of `ram`,
            or else `tflm`.
    """

    max: Amount
    runtime: Runtime | None = None

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        _check(self.max)


@dataclass(frozen=True)
class ArenaLimit:
    """A limit on the arena: its head (activations, scratch memory) and its tail (the runtime's structs).

    Attributes:
        max: The limit, bytes.
        planner: Who plans the arena: the runtime (`greedy`), or a plan in the file (`offline`).
        kernels: The runtime's reference kernels, or CMSIS-NN's for a core, which need other scratch memory.
    """

    max: Amount
    planner: Planner = "greedy"
    kernels: Kernels = "reference"

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        _check(self.max)


@dataclass(frozen=True)
class RamLimit:
    """A limit on the RAM from microphone to class: samples, front end, features and net together.

    Attributes:
        max: The limit, bytes.
        runtime: `c`: the state of the C export, exact to the byte. `tflm`: the arena, and the front end beside it.
        hop_seconds: Time between decisions, s; None: a clip. The C export holds more columns of features for a shorter one.
        kernels: Of `tflm`: the runtime's reference kernels, or CMSIS-NN's for a core.
    """

    max: Amount
    runtime: Runtime = "c"
    hop_seconds: float | None = None
    kernels: Kernels = "reference"

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        _check(self.max)
        if not (self.hop_seconds is None or 0 < self.hop_seconds < math.inf):
            raise ValueError(f"hop_seconds must be above 0, found {self.hop_seconds}")


@dataclass(frozen=True)
class LatencyLimit:
    """A limit on the time of a decision, by an analytic estimate.

    Attributes:
        max_ms: The limit, ms.
        target: The core, such as `cortex-m4`.
        clock_mhz: Clock of the core, MHz; None: that of the budget's chip.
        runtime: `tflm`: the net alone (see `cost.latency`). `c`: front end and net (see `cost.firmware_latency`). None: that of
            `ram`, or else `tflm`.
    """

    max_ms: float
    target: str
    clock_mhz: float | None = None
    runtime: Runtime | None = None

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        if not 0 < self.max_ms < math.inf or not (self.clock_mhz is None or 0 < self.clock_mhz < math.inf):
            raise ValueError("max_ms and clock_mhz must be above 0")


@dataclass(frozen=True)
class Limits:
    """The limits of a budget. A cost without a limit is unconstrained.

    Attributes:
        parameters: Learned numbers.
        macs: Multiply-accumulates of a clip.
        parameter_memory: Bytes of parameters.
        int8_memory: Bytes of weights and activations.
        flash: Bytes of model file.
        arena: Bytes of TensorFlow Lite Micro's arena.
        ram: Bytes of RAM from microphone to class.
        latency: Time of an inference.
    """

    parameters: CountLimit | None = None
    macs: MacsLimit | None = None
    parameter_memory: ParameterMemoryLimit | None = None
    int8_memory: Int8MemoryLimit | None = None
    flash: FlashLimit | None = None
    arena: ArenaLimit | None = None
    ram: RamLimit | None = None
    latency: LatencyLimit | None = None

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT


@dataclass(frozen=True)
class Chip:
    """A microcontroller, as its datasheet describes it.

    Attributes:
        core: Such as `cortex-m4`.
        flash: Bytes.
        ram: Bytes.
        clock_mhz: MHz.
    """

    core: str
    flash: int
    ram: int
    clock_mhz: float

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        if not (self.flash > 0 and self.ram > 0 and 0 < self.clock_mhz < math.inf):
            raise ValueError("flash, ram and clock_mhz must be above 0")


@dataclass(frozen=True)
class Budget:
    """A named set of limits.

    Attributes:
        name: Of the budget.
        limits: The limits.
        schema: Version of the format.
        source: Where the limits come from, for people.
        reference: The preset that shares such as "60%" refer to.
        chip: The microcontroller that the budget is for.
    """

    name: str
    limits: Limits
    schema: int = SCHEMA
    source: str = ""
    reference: str | None = None
    chip: Chip | None = None

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def amounts(self) -> dict[str, Amount | float]:
        """Every limit by the dotted name of its cost (`macs.torchinfo`, `int8_memory.activations`, ...)."""
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
        if limits.ram:
            out["ram"] = limits.ram.max
        if limits.latency:
            out["latency_ms"] = limits.latency.max_ms
        return out

    @property
    def planner(self) -> Planner:
        """The planner that the memory limits name."""
        memory, arena = self.limits.int8_memory, self.limits.arena
        return arena.planner if arena else memory.planner if memory else "greedy"

    @property
    def runtime(self) -> Runtime:
        """The runtime that RAM, flash and latency are counted for."""
        limits = (self.limits.ram, self.limits.flash, self.limits.latency)
        return next((limit.runtime for limit in limits if limit and limit.runtime), "tflm")

    @classmethod
    def load(cls, name_or_path: str | Path) -> Budget:
        """Load a bundled budget by name, or a file. UsageError lists every mistake."""
        path = bundled.find("budgets", name_or_path)
        budget = schema.parse(cls, schema.read_yaml(path, "budget"), str(path))
        if budget.schema != SCHEMA:
            raise UsageError(f"{path}: schema {budget.schema} is not supported (this version reads {SCHEMA})")
        amounts = budget.amounts()
        if not amounts:
            raise UsageError(
                f"{path}: limits: a budget needs at least one limit (macs, parameters, parameter_memory, int8_memory, flash, "
                "arena, ram, latency)"
            )
        memory, arena, latency = budget.limits.int8_memory, budget.limits.arena, budget.limits.latency
        if memory and arena and memory.planner != arena.planner:
            raise UsageError(
                f"{path}: int8_memory is for the {memory.planner} planner, arena for the {arena.planner} one; a file has one plan"
            )
        for name in ("flash", "latency"):
            limit = getattr(budget.limits, name)
            if limit and limit.runtime not in (None, budget.runtime):
                raise UsageError(
                    f"{path}: {name} is for the runtime {limit.runtime}, ram or flash for {budget.runtime}; a budget has one "
                    "runtime"
                )
        if latency and latency.clock_mhz is None and budget.chip is None:
            raise UsageError(f"{path}: limits: latency needs clock_mhz, or a chip that has one")
        if any(isinstance(a, str) for a in amounts.values()) and budget.reference is None:
            raise UsageError(f"{path}: a share such as '60%' needs a reference architecture (key 'reference')")
        return budget
