"""The arena of a file, one size for each set of kernels that TensorFlow Lite Micro can be built with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from hwasc.cost import persistent
from hwasc.cost.graph import Graph
from hwasc.cost.memory import Plan
from hwasc.cost.offline import head_with
from hwasc.cost.persistent import CHIP, CHIP_CMSIS_NN, HOST
from hwasc.cost.scratch import EXTENSIONS, known, scratch
from hwasc.records.architecture import Architecture
from hwasc.records.budget import Budget, Kernels

REFERENCE = "reference"
KERNELS: tuple[str, ...] = get_args(Kernels)


@dataclass(frozen=True)
class ArenaSize:
    """The arena with one set of kernels, in bytes.

    Attributes:
        kernels: `reference`, or the core that CMSIS-NN is built for.
        head: Activations and kernel scratch.
        arena: The smallest arena of a 32-bit chip.
        on_host: The smallest arena of a 64-bit computer, exact; None where nobody runs these kernels there.
    """

    kernels: str
    head: int
    arena: int
    on_host: int | None = None


def arena_sizes(architecture: Architecture, graph: Graph, plan: Plan) -> tuple[ArenaSize, ...]:
    """Compute the arena with every set of kernels.

    Args:
        architecture: The student's.
        graph: Its deployment graph.
        plan: The memory plan of the file, as it was made for whatever kernels.

    Returns:
        One size for each of `KERNELS`.
    """
    sizes = []
    for kernels in KERNELS:
        extra = scratch(graph, kernels, architecture.padding) if kernels != REFERENCE else {}
        structs = CHIP if kernels == REFERENCE else CHIP_CMSIS_NN
        head = head_with(plan, graph, extra)
        arena = persistent.arena(architecture, head, graph, structs=structs, scratch=extra)
        on_host = persistent.arena(architecture, head, graph, structs=HOST) if kernels == REFERENCE else None
        sizes.append(ArenaSize(kernels, head, arena, on_host))
    return tuple(sizes)


def kernels_of(budget: Budget) -> str:
    """The kernels that a budget's chip runs: those of its arena, or CMSIS-NN's for its core.

    Args:
        budget: The budget.

    Returns:
        One of `KERNELS`.
    """
    if budget.limits.arena is not None and budget.limits.arena.kernels != REFERENCE:
        return budget.limits.arena.kernels
    core = budget.chip.core if budget.chip else ""
    return core if core in EXTENSIONS else REFERENCE


def check_kernels(kernels: str) -> str:
    """Check the name of a set of kernels.

    Args:
        kernels: The name.

    Returns:
        The name.

    Raises:
        UsageError: It is unknown; the message suggests the nearest.
    """
    return known(kernels, KERNELS)
