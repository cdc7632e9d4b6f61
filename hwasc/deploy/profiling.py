"""`hwasc profile`: the costs of an architecture, layer by layer, compared with a budget; no torch without cross-checks."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwasc.cost import Costs, Layer, firmware, layers, measure
from hwasc.cost import graph as deployment
from hwasc.cost.firmware import Firmware
from hwasc.cost.firmware_latency import ARITHMETIC
from hwasc.cost.fit import Fit, fit
from hwasc.cost.frontend import FrontEndCosts, front_end_costs
from hwasc.cost.limits import Check, ResolvedBudget, resolve
from hwasc.cost.measure import DEFAULT
from hwasc.cost.memory import plan_greedy
from hwasc.cost.offline import plan_offline
from hwasc.cost.patch_choice import PatchChoice, choose, count_of
from hwasc.cost.patch_choice import costs as patch_costs
from hwasc.cost.patches import patched
from hwasc.deploy.vela import NpuEstimate, estimate
from hwasc.errors import UsageError
from hwasc.records import schema
from hwasc.records.architecture import Architecture
from hwasc.records.budget import Budget, Planner, Runtime

if TYPE_CHECKING:
    from hwasc.deploy.firmware.emulation import Emulation


@dataclass(frozen=True, kw_only=True)
class CrossCheck:
    """Another tool's count of MACs.

    Attributes:
        tool: Its name.
        macs: Its count.
        explanation: Why it differs from this project's.
    """

    tool: str
    macs: int
    explanation: str


@dataclass(frozen=True, kw_only=True)
class Arena:
    """Memory of a .tflite file in bytes, as the interpreter allocates it and as it was predicted.

    Attributes:
        runtime: The interpreter and its version.
        file: Size of the file.
        planner: `greedy` or `offline`, as stored in the file.
        head: Measured: activations and kernel scratch.
        tail: Measured: the interpreter's structs.
        total: Measured: head and tail.
        smallest: Measured: the smallest arena that the file loads and runs in (loading needs some for a moment).
        predicted_head: Predicted for the file's planner.
        greedy_head: Predicted for the greedy planner.
        offline_head: Predicted for the offline planner.
        lower_bound: The least head of any plan.
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


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The profile of an architecture.

    Attributes:
        architecture: The architecture.
        costs: Its costs.
        layers: Its layers.
        fit: The costs beside the budget, if there is one.
        cross_checks: Other tools' counts of MACs, if asked for.
        front_end: Costs of the front end beside TensorFlow Lite Micro.
        firmware: RAM and flash of the C export; None where it can't run the net or its front end.
        arena: Memory of a .tflite file, if one was given.
        npu: Vela's estimate, if asked for.
        emulation: The C export counted on an emulated core, if asked for.
        patches: Frequency patches beside whole maps, if asked for or in the file.
    """

    architecture: Architecture
    costs: Costs
    layers: list[Layer]
    fit: Fit
    cross_checks: list[CrossCheck]
    front_end: FrontEndCosts
    firmware: Firmware | None = None
    arena: Arena | None = None
    npu: NpuEstimate | None = None
    emulation: Emulation | None = None
    patches: PatchChoice | None = None

    @property
    def budget(self) -> str | None:
        """Name of the budget, or None."""
        return self.fit.budget

    @property
    def checks(self) -> list[Check]:
        """The budget's limits with the architecture's costs."""
        return self.fit.checks

    @property
    def runtime(self) -> Runtime:
        """What the costs are counted for."""
        return self.fit.runtime

    def to_json(self) -> dict[str, Any]:
        """Return the profile as JSON values: the costs' own keys, `limits` with slack, `layers` and so on."""
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
            "firmware": schema.plain(self.firmware) if self.firmware else None,
            "front_end_costs": schema.plain(self.architecture.front_end) | schema.plain(self.front_end),
        }
        if self.arena is not None:
            out["arena"] = schema.plain(self.arena)
        if self.npu is not None:
            out["npu"] = schema.plain(self.npu)
        if self.emulation is not None:
            out["emulation"] = schema.plain(self.emulation)
        if self.patches is not None:
            out["patches"] = schema.plain(self.patches)
        return out


def profile(
    architecture: Architecture,
    budget: Budget | None = None,
    *,
    cross_checks: bool = False,
    model: Path | None = None,
    npu: str | None = None,
    emulate: str | None = None,
    patches: str | int | None = None,
) -> Profile:
    """Profile an architecture.

    Args:
        architecture: The architecture.
        budget: Limits to compare with.
        cross_checks: Whether fvcore and thop count MACs too (they load torch).
        model: A .tflite file of this architecture, to measure its arena in the interpreter.
        npu: An Ethos-U that Vela compiles the file for, see `deploy.vela.ACCELERATORS`.
        emulate: A core that the C export is counted on, see `deploy.firmware.toolchain.CORES` (it loads torch).
        patches: Also compare with frequency patches: `auto`, or their number. Those of a model file are shown anyway.

    Returns:
        The profile.

    Raises:
        UsageError: npu without a model, or the net cannot run in so many patches.
    """
    if npu and not model:
        raise UsageError("an estimate for an Ethos-U needs a .tflite file (--model)")
    if emulate:  # looked at before anything is counted
        from hwasc.deploy.firmware.toolchain import core

        core(emulate)
    resolved = resolve(budget) if budget else None
    costs = resolved.measure(architecture) if resolved else measure(architecture)
    cross = cross_check(architecture, costs) if cross_checks else []
    arena = measure_arena(architecture, model) if model else None
    on_npu = estimate(model, npu) if model and npu else None
    emulation = None
    if emulate:
        from hwasc.deploy.firmware.emulation import emulate as run

        emulation = run(architecture, emulate)
    return Profile(
        architecture=architecture,
        costs=costs,
        layers=layers(architecture),
        fit=fit(architecture, resolved, costs),
        cross_checks=cross,
        front_end=front_end_costs(architecture.front_end),
        firmware=costs.firmware or _firmware(architecture, budget),
        arena=arena,
        npu=on_npu,
        emulation=emulation,
        patches=_patches(architecture, patches, model, resolved),
    )


def _firmware(architecture: Architecture, budget: Budget | None) -> Firmware | None:
    core = budget.chip.core if budget and budget.chip else DEFAULT.core
    try:
        graph = deployment.build(architecture)
        return firmware.measure(architecture, graph, core if core in ARITHMETIC else DEFAULT.core)
    except UsageError:  # an operator or an FFT that the C export lacks
        return None


def _patches(
    architecture: Architecture, patches: str | int | None, model: Path | None, budget: ResolvedBudget | None
) -> PatchChoice | None:
    """Patches as asked for, under the budget's planner; else those of the file, under its own."""
    if patches is not None:
        offline = budget is not None and budget.counting.planner == "offline"
        return choose(architecture, count_of(str(patches)), "offline" if offline else "greedy")
    if model is None:
        return None
    from hwasc.deploy.interpreter import read_about

    about = read_about(model)
    if about.patches is None:
        return None
    planner: Planner = "offline" if about.planner == "offline" else "greedy"
    return PatchChoice(patch_costs(architecture, about.patches, planner), patch_costs(architecture, None, planner))


def architecture_of(model: Path) -> Architecture:
    """Read the architecture that a .tflite file names.

    Args:
        model: The file.

    Returns:
        The architecture.

    Raises:
        UsageError: The file is of another kind.
        DataError: hwasc did not write the file.
    """
    from hwasc.deploy.interpreter import read_about

    if model.suffix != ".tflite":
        raise UsageError(f"{model}: only .tflite files have an arena; `hwasc export --format tflite` writes them")
    return read_about(model).architecture


def measure_arena(architecture: Architecture, model: Path) -> Arena:
    """Load a .tflite file in TensorFlow Lite Micro and read its allocation report.

    Args:
        architecture: The file's architecture.
        model: The file.

    Returns:
        Its memory.

    Raises:
        DataError: The file cannot be run.
    """
    from hwasc.deploy.interpreter import Interpreter, read_about, smallest_arena, version

    about = read_about(model)
    planner = about.planner
    with Interpreter() as interpreter:
        interpreter.load(model)
        found = interpreter.allocation
        smallest = smallest_arena(interpreter, model)
    graph = patched(architecture, about.patches).graph if about.patches else deployment.build(architecture)
    greedy, offline = plan_greedy(graph), plan_offline(graph)
    return Arena(
        runtime=version(),
        file=model.stat().st_size,
        planner=planner,
        head=found.head,
        tail=found.tail,
        total=found.total,
        smallest=smallest,
        predicted_head=offline.head if planner == "offline" else greedy.head,
        greedy_head=greedy.head,
        offline_head=offline.head,
        lower_bound=greedy.lower_bound,
    )


def cross_check(architecture: Architecture, costs: Costs) -> list[CrossCheck]:
    """Count MACs by fvcore and thop.

    Args:
        architecture: The architecture.
        costs: Its costs.

    Returns:
        Each count, with the rule that makes it differ.
    """
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
        )  # thop adds buffers to the model that it counts
    conv_only = costs.macs.conv - costs.macs.grn
    rest = {k: int(v) for k, v in by_operator.items() if k != "conv" and v}
    return [
        CrossCheck(
            tool="fvcore",
            macs=fvcore,
            explanation=f"convolutions {fv_conv:,} (here {conv_only:,}); it adds "
            + (", ".join(f"{k} {v:,}" for k, v in rest.items()) or "nothing")
            + "; it does not count GRN's products",
        ),
        CrossCheck(
            tool="thop",
            macs=int(thop),
            explanation=f"it adds batch norm, up to 4 for each element, and pooling ({int(thop) - conv_only:+,} to the "
            "convolutions counted here); it does not count GRN's bare parameters",
        ),
    ]
