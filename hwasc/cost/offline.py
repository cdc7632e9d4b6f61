"""An optimised memory plan, computed ahead of time: first fit over orderings, never worse than the interpreter's own.

TensorFlow Lite Micro takes tensors' offsets from the file (metadata entry `OfflineMemoryAllocation`). Kernel scratch is not in
the file: the interpreter places it greedily around the planned tensors, and so do the trial plans here.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

from hwasc.cost.graph import Graph
from hwasc.cost.memory import Buffer, Plan, lifetimes, live, place, plan_greedy

MAX_WORK = 12_000_000  # trials x buffers squared: below a second for any graph, and the same on every machine
MAX_TRIALS = 4_000


def plan_offline(graph: Graph, seed: int = 0, scratch: Mapping[int, int] | None = None) -> Plan:
    """Take the best of several classic orders and swap buffers, until the lower bound is met or the trials are used up.

    Args:
        graph: The deployment graph.
        seed: Decides the swaps.
        scratch: See `memory.lifetimes`.

    Returns:
        The plan; the greedy plan itself (`planner` names it) if nothing is better: the file then needs no plan.
    """
    greedy = plan_greedy(graph, scratch)
    if greedy.head == greedy.lower_bound:
        return greedy
    buffers = lifetimes(graph, scratch)
    tensors = [b for b in buffers if b.tensor < len(graph.tensors)]
    kernels = sorted(reversed(buffers[len(tensors) :]), key=lambda b: -b.size)
    bound = max(live(buffers))

    def head(order: list[Buffer]) -> int:
        offsets = place(order + kernels)
        return max(offsets[b.tensor] + b.size for b in buffers)

    orders = [
        sorted(reversed(tensors), key=lambda b: -b.size),
        sorted(tensors, key=lambda b: (-b.size, b.first)),
        sorted(tensors, key=lambda b: -b.size * (b.last - b.first + 1)),
        sorted(tensors, key=lambda b: (b.first - b.last, -b.size)),
        sorted(tensors, key=lambda b: b.first),
    ]
    best = min(orders, key=head)
    least = head(best)
    rng = random.Random(seed)
    for _ in range(min(MAX_TRIALS, MAX_WORK // len(buffers) ** 2) if len(tensors) > 1 else 0):
        if least == bound:
            break
        trial = list(best)
        i, j = rng.sample(range(len(trial)), 2)
        trial[i], trial[j] = trial[j], trial[i]
        if (now := head(trial)) <= least:  # equals are taken too: plateaus are wide
            best, least = trial, now
    if least >= greedy.head:
        return greedy
    return Plan(buffers=tuple(buffers), offsets=place(best + kernels), head=least, lower_bound=bound, planner="offline")


def head_with(plan: Plan, graph: Graph, scratch: Mapping[int, int]) -> int:
    """Compute the head of a file if other kernels run it than its plan was made for.

    Args:
        plan: The plan of the file.
        graph: The deployment graph.
        scratch: Of those kernels, see `memory.lifetimes`.

    Returns:
        Bytes. The tensors of an offline plan keep their places; the interpreter puts the kernels' scratch around them.
    """
    if plan.planner == "greedy":
        return plan_greedy(graph, scratch).head
    buffers = lifetimes(graph, scratch)
    tensors = {b: plan.offsets[b.tensor] for b in buffers if b.tensor < len(graph.tensors)}
    kernels = sorted(reversed(buffers[len(tensors) :]), key=lambda b: -b.size)
    offsets = place(kernels, tensors)
    return max(offsets[b.tensor] + b.size for b in buffers)
