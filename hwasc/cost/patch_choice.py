"""Which frequency patches need the least memory, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass

from hwasc.cost import graph as deployment
from hwasc.cost import persistent
from hwasc.cost.flash import flash
from hwasc.cost.graph import Graph
from hwasc.cost.memory import plan_greedy
from hwasc.cost.offline import plan_offline
from hwasc.cost.patches import every, patched
from hwasc.errors import UsageError
from hwasc.records.architecture import Architecture
from hwasc.records.budget import Planner
from hwasc.records.patches import MOST_PATCHES, Patches

AUTO = "auto"


@dataclass(frozen=True)
class PatchCosts:
    """The costs of a net in TensorFlow Lite Micro, with patches or without; with its reference kernels on a 64-bit host.

    Attributes:
        patches: How the first operators run; None: over the whole map.
        head: Bytes of activations and kernel scratch.
        tail: Bytes of the interpreter's structs.
        arena: Bytes of the smallest arena.
        flash: Bytes of the file, estimated.
        macs: Multiply-accumulates.
    """

    patches: Patches | None
    head: int
    tail: int
    arena: int
    flash: int
    macs: int


@dataclass(frozen=True)
class PatchChoice:
    """Patches beside the whole map.

    Attributes:
        chosen: With patches; the same as `whole` where none need less memory.
        whole: Without.
    """

    chosen: PatchCosts
    whole: PatchCosts

    @property
    def more_macs(self) -> float:
        """The share of multiply-accumulates that patches add, for rows that two of them compute."""
        return self.chosen.macs / self.whole.macs - 1

    def __str__(self) -> str:
        if self.chosen.patches is None:
            return f"no patches: none need less than an arena of {self.whole.arena:,} B"
        return (
            f"{self.chosen.patches}: arena {self.whole.arena:,} -> {self.chosen.arena:,} B, "
            f"{100 * self.more_macs:.1f} % more MACs, file {self.chosen.flash - self.whole.flash:+,} B"
        )


def count_of(text: str) -> int | None:
    """Read the number of patches as a person writes it.

    Args:
        text: A number, or `auto`.

    Returns:
        The number; None for `auto`.

    Raises:
        UsageError: It is neither, or the interpreter cannot join so many.
    """
    if text == AUTO:
        return None
    if not text.isdecimal() or not 2 <= int(text) <= MOST_PATCHES:
        raise UsageError(f"patches '{text}': expected auto or a number from 2 to {MOST_PATCHES}")
    return int(text)


def choose(architecture: Architecture, count: int | None = None, planner: Planner = "greedy") -> PatchChoice:
    """Choose the patches with the least head and tail; among equals those with the fewest multiply-accumulates.

    Args:
        architecture: The architecture.
        count: Number of patches; None: any number that pays, or none.
        planner: Of the memory plan. The optimised plan is slow, so that plans are compared by their lower bound first.

    Returns:
        The chosen patches and what they cost.

    Raises:
        UsageError: A number is asked for, but no operators can run in so many patches.
    """
    graph = deployment.build(architecture)
    counts = tuple(range(2, MOST_PATCHES + 1)) if count is None else (count,)
    before = costs(architecture, None, planner)
    ways = []
    for patches, made in every(graph, architecture.padding, counts):
        plan = plan_greedy(made.graph)
        head = plan.head if planner == "greedy" else plan.lower_bound
        arena = persistent.arena(architecture, head, made.graph)
        ways.append((arena, _macs(made.graph), patches))
    if not ways and count is not None:
        raise UsageError(f"the net cannot run in {count} patches: its first map has too few rows, or a mean stands before it")
    best = min(ways, key=lambda way: way[:2], default=None)
    chosen = costs(architecture, best[2], planner) if best else before
    if count is None and chosen.arena >= before.arena:
        chosen = before
    return PatchChoice(chosen, before)


def costs(architecture: Architecture, patches: Patches | None, planner: Planner = "greedy") -> PatchCosts:
    """Count the costs of a net that runs in patches.

    Args:
        architecture: The architecture.
        patches: How the first operators run; None: over the whole map.
        planner: Of the memory plan.

    Returns:
        The costs.

    Raises:
        UsageError: These operators cannot run in so many patches.
    """
    graph = patched(architecture, patches).graph if patches else deployment.build(architecture)
    head = (plan_offline(graph) if planner == "offline" else plan_greedy(graph)).head
    return PatchCosts(
        patches=patches,
        head=head,
        tail=persistent.tail(architecture, graph),
        arena=persistent.arena(architecture, head, graph),
        flash=flash(architecture, graph),
        macs=_macs(graph),
    )


def _macs(graph: Graph) -> int:
    return sum(op.macs for op in graph.operators)
