"""Which frequency patches need the least memory, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass

from hwasc.cost import graph as deployment
from hwasc.cost import persistent
from hwasc.cost.flash import flash
from hwasc.cost.graph import Graph
from hwasc.cost.memory import lifetimes, live, plan_greedy
from hwasc.cost.offline import plan_offline
from hwasc.cost.patch_stretches import stretches
from hwasc.cost.patches import in_patches, patched, whole
from hwasc.errors import UsageError
from hwasc.records.architecture import Architecture
from hwasc.records.budget import Planner
from hwasc.records.patches import MOST_PATCHES, Patches, Stretch

AUTO = "auto"
COUNTS = (2, 3, 4, 5, 6, 8, 10)  # that are tried


@dataclass(frozen=True)
class PatchCosts:
    """The costs of a net in TensorFlow Lite Micro, with patches or without; with its reference kernels on a 64-bit host.

    Attributes:
        patches: The operators that run in patches; None: all run over whole maps.
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
            f"patches ({self.chosen.patches}): arena {self.whole.arena:,} -> {self.chosen.arena:,} B, "
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

    While it saves memory, the operators around the moment that needs the most run in patches: from the last mean on (or the
    last patches), up to where it is best.

    Args:
        architecture: The architecture.
        count: Number of patches of each stretch; None: whatever is best for it.
        planner: Of the memory plan. The optimised plan is slow, so plans are compared by their lower bound.

    Returns:
        The chosen patches and what they cost.

    Raises:
        UsageError: A number is asked for, but the operators cannot run in so many patches.
    """
    before, search = costs(architecture, None, planner), _Search(architecture, planner)
    if count is not None:
        best = search.descend((count,), must=True)
        if not best.stretches:
            raise UsageError(
                f"this net cannot run in {count} patches: too few rows, or a mean, where it needs most memory"
            )
        return PatchChoice(costs(architecture, Patches(best.stretches), planner), before)
    best = min((search.descend(counts) for counts in (COUNTS, *((c,) for c in COUNTS))), key=_Way.order)
    best = search.refined(best)
    chosen = costs(architecture, Patches(best.stretches), planner) if best.stretches else before
    return PatchChoice(chosen if chosen.arena < before.arena else before, before)


@dataclass(frozen=True)
class _Way:
    """Stretches that run in patches, the arena and the multiply-accumulates."""

    stretches: tuple[Stretch, ...]
    arena: int
    macs: int

    def order(self) -> tuple[int, int]:
        return self.arena, self.macs


class _Search:
    """Tries stretches of one net."""

    def __init__(self, architecture: Architecture, planner: Planner) -> None:
        self.architecture, self.planner = architecture, planner
        self.graph = deployment.build(architecture)

    def descend(self, counts: tuple[int, ...], must: bool = False) -> _Way:
        """Add stretches where the most memory is alive, as long as that lowers the arena; the first one anyway if it must."""
        best = self._way((), self.graph)
        while True:
            ways = self._ways(best.stretches, self._start_of_peak(best.stretches), counts)
            found = min(ways, key=_Way.order, default=None)
            if found is None or (found.arena >= best.arena and not (must and not best.stretches)):
                return best
            best = found

    def refined(self, best: _Way) -> _Way:
        """Choose each stretch once more beside the others."""
        for stretch in best.stretches:
            others = tuple(s for s in best.stretches if s.start != stretch.start)
            best = min([best, *self._ways(others, stretch.start, COUNTS)], key=_Way.order)
        return best

    def _ways(self, others: tuple[Stretch, ...], start: int, counts: tuple[int, ...]) -> list[_Way]:
        """Every stretch from an operator on, beside others."""
        limit = min((s.start for s in others if s.start >= start), default=len(self.graph.operators))
        found = []
        for stop in stretches(self.graph, start):
            for count in counts if stop <= limit else ():
                tried = tuple(sorted((*others, Stretch(count, start, stop)), key=lambda s: s.start))
                made = in_patches(self.graph, self.architecture.padding, Patches(tried))
                if made is not None:
                    found.append(self._way(tried, made.graph))
        return found

    def _way(self, tried: tuple[Stretch, ...], graph: Graph) -> _Way:
        plan = plan_greedy(graph)
        head = plan.head if self.planner == "greedy" else plan.lower_bound
        return _Way(tried, persistent.arena(self.architecture, head, graph), _macs(graph))

    def _start_of_peak(self, others: tuple[Stretch, ...]) -> int:
        """Where a stretch may begin that lowers the most memory that is alive."""
        made = in_patches(self.graph, self.architecture.padding, Patches(others)) if others else whole(self.graph)
        assert made is not None
        alive = live(lifetimes(made.graph))
        peak = max(range(1, len(alive)), key=alive.__getitem__)
        source = next((i for i in reversed(made.operators[:peak]) if i is not None), 0)
        last = max((s.stop for s in others if s.stop <= source), default=0)
        begins = (i for i in range(last, source + 1) if source < max(stretches(self.graph, i), default=i))
        return next(begins, source)


def costs(architecture: Architecture, patches: Patches | None, planner: Planner = "greedy") -> PatchCosts:
    """Count the costs of a net that runs in patches.

    Args:
        architecture: The architecture.
        patches: The operators that run in patches; None: all run over whole maps.
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
