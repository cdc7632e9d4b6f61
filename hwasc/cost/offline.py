"""An optimised memory plan, computed ahead of time: first fit over orderings, never worse than the interpreter's own.

TensorFlow Lite Micro takes tensors' offsets from the file (metadata entry `OfflineMemoryAllocation`). Kernel scratch is in no
file: the interpreter places it greedily around the planned tensors, so that is how a trial plan is judged here.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

from hwasc.cost.graph import Graph
from hwasc.cost.memory import Buffer, Plan, lifetimes, live, place, plan_greedy

WORK = 12_000_000  # trials x buffers squared: below a second whatever the graph, and the same on every machine
MOST_TRIALS = 4_000


def plan_offline(graph: Graph, seed: int = 0, scratch: Mapping[int, int] | None = None) -> Plan:
    """The best of several classic orders, improved by swaps until the lower bound is met or the trials are used up.

    Deterministic. Where nothing beats the greedy plan, that plan itself (`planner` says which): the file then needs none.
    scratch: as in `memory.lifetimes`.
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
    for _ in range(min(MOST_TRIALS, WORK // len(buffers) ** 2) if len(tensors) > 1 else 0):
        if least == bound:
            break
        trial = list(best)
        i, j = rng.sample(range(len(trial)), 2)
        trial[i], trial[j] = trial[j], trial[i]
        if (now := head(trial)) <= least:  # equals are taken too: plateaus are wide
            best, least = trial, now
    if least >= greedy.head:
        return greedy
    return Plan(tuple(buffers), place(best + kernels), least, bound, "offline")
