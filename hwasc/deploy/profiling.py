"""`hwasc profile`: what an architecture costs, held against a budget, layer by layer; no torch without cross-checks."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hwasc.cost import Costs, Layer, layers, measure
from hwasc.cost import graph as deployment
from hwasc.cost.frontend import FrontEndCosts, front_end_costs
from hwasc.cost.limits import Check, resolve
from hwasc.cost.memory import plan_greedy
from hwasc.cost.offline import plan_offline
from hwasc.deploy.vela import NpuEstimate, estimate
from hwasc.errors import UsageError
from hwasc.records import schema
from hwasc.records.architecture import Architecture
from hwasc.records.budget import Budget


@dataclass(frozen=True)
class CrossCheck:
    """Another tool's count, and why it differs from ours."""

    tool: str
    macs: int
    explanation: str


@dataclass(frozen=True)
class Arena:
    """A .tflite file's memory in bytes: as the interpreter (`runtime`) allocates it, beside our prediction for its planner.

    head: activations and kernel scratch; tail: the interpreter's own structs; smallest: the smallest arena that the file loads
    and runs in (setting up takes some for a moment); the last four are ours.
    """

    runtime: str
    file: int
    planner: str
    head: int
    tail: int
    total: int
    smallest: int
    predicted_head: int
    greedy_head: int
    offline_head: int
    lower_bound: int


@dataclass(frozen=True)
class Profile:
    """Costs, layers, limits with slack, the front end's, and cross-checks and a file's measured arena if asked for."""

    architecture: Architecture
    costs: Costs
    layers: list[Layer]
    budget: str | None
    checks: list[Check]
    cross_checks: list[CrossCheck]
    front_end: FrontEndCosts
    arena: Arena | None = None
    npu: NpuEstimate | None = None

    def to_json(self) -> dict[str, Any]:
        """All of it for machines: the costs' own keys, `limits` with slack, `layers`."""
        limits = [
            {"name": c.name, "limit": c.limit, "value": c.value, "slack": c.slack, "met": c.slack >= 0}
            for c in self.checks
        ]
        out: dict[str, Any] = {
            "schema": 1,
            "id": self.architecture.id,
            **schema.plain(self.costs),
            "budget": self.budget,
            "limits": limits,
            "layers": schema.plain(self.layers),
            "cross_checks": schema.plain(self.cross_checks),
            "front_end_costs": schema.plain(self.architecture.front_end) | schema.plain(self.front_end),
        }
        if self.arena is not None:
            out["arena"] = schema.plain(self.arena)
        if self.npu is not None:
            out["npu"] = schema.plain(self.npu)
        return out


def profile(
    architecture: Architecture,
    budget: Budget | None = None,
    *,
    cross_checks: bool = False,
    model: Path | None = None,
    npu: str | None = None,
) -> Profile:
    """The profile of an architecture; cross_checks also counts with fvcore, thop (they load torch).

    model: a .tflite of this architecture, whose arena the interpreter then reports; npu: an Ethos-U that Vela then compiles it
    for (see `deploy.vela.ACCELERATORS`). UsageError for an npu without a model.
    """
    if npu and not model:
        raise UsageError("an estimate for an Ethos-U needs a .tflite file (--model)")
    resolved = resolve(budget) if budget else None
    costs = resolved.measure(architecture) if resolved else measure(architecture)
    checks = resolved.check(costs) if resolved else []
    cross = cross_check(architecture, costs) if cross_checks else []
    arena = measure_arena(architecture, model) if model else None
    on_npu = estimate(model, npu) if model and npu else None
    return Profile(
        architecture,
        costs,
        layers(architecture),
        budget.name if budget else None,
        checks,
        cross,
        front_end_costs(architecture.front_end),
        arena,
        on_npu,
    )


def architecture_of(model: Path) -> Architecture:
    """The architecture that a .tflite file names. UsageError for other kinds, DataError for files that hwasc did not write."""
    from hwasc.deploy.interpreter import read_about

    if model.suffix != ".tflite":
        raise UsageError(f"{model}: only .tflite files have an arena; `hwasc export --format tflite` writes them")
    return read_about(model)[0]


def measure_arena(architecture: Architecture, model: Path) -> Arena:
    """Load a .tflite file in TensorFlow Lite Micro and take its allocation report. DataError where it cannot be run."""
    from hwasc.deploy.interpreter import Interpreter, read_about, smallest_arena, version

    _, _, planner = read_about(model)
    with Interpreter() as interpreter:
        interpreter.load(model)
        found = interpreter.allocation
        smallest = smallest_arena(interpreter, model)
    graph = deployment.build(architecture)
    greedy, offline = plan_greedy(graph), plan_offline(graph)
    return Arena(
        version(),
        model.stat().st_size,
        planner,
        found.head,
        found.tail,
        found.total,
        smallest,
        offline.head if planner == "offline" else greedy.head,
        greedy.head,
        offline.head,
        greedy.lower_bound,
    )


def cross_check(architecture: Architecture, costs: Costs) -> list[CrossCheck]:
    """MACs by fvcore and thop, each with the rule that makes it differ."""
    import copy
    import logging

    import torch

    from hwasc.models import build

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from fvcore.nn import FlopCountAnalysis
        from thop import profile as thop_profile

        logging.getLogger("fvcore").setLevel(logging.ERROR)
        model = build(architecture).eval()
        x = torch.zeros(1, 1, architecture.front_end.mels, architecture.front_end.frames)
        analysis = FlopCountAnalysis(model, x).unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        by_operator = analysis.by_operator()
        fvcore = int(sum(by_operator.values()))
        fv_conv = int(by_operator["conv"])
        thop, _ = thop_profile(
            copy.deepcopy(model), inputs=(x,), verbose=False
        )  # it leaves buffers behind in what it counts
    conv_only = costs.macs.conv - costs.macs.grn
    rest = {k: int(v) for k, v in by_operator.items() if k != "conv" and v}
    return [
        CrossCheck(
            "fvcore",
            fvcore,
            f"convolutions {fv_conv:,} (ours {conv_only:,}); it adds "
            + (", ".join(f"{k} {v:,}" for k, v in rest.items()) or "nothing")
            + "; it does not count GRN's products",
        ),
        CrossCheck(
            "thop",
            int(thop),
            f"it adds batch norm at up to 4 an element and pooling ({int(thop) - conv_only:+,} to our convolutions), "
            "and does not see GRN's bare parameters",
        ),
    ]
