"""The optimised plan: valid, never larger than the greedy one, at the lower bound on the presets, the same every time."""

from __future__ import annotations

import itertools
import random
from functools import partial
from types import ModuleType

import pytest

from hwasc.cost import graph as deployment
from hwasc.cost.graph import Graph, Operator
from hwasc.cost.memory import Plan, place, plan_greedy
from hwasc.cost.offline import plan_offline
from hwasc.nas.declare import random_point
from hwasc.records.presets import PRESETS, dcase2024_baseline
from hwasc.records.space import SearchSpace
from tests.speed import seconds


def check(plan: Plan) -> None:
    assert plan.head == max(plan.offsets[b.tensor] + b.size for b in plan.buffers) >= plan.lower_bound
    for a, b in itertools.combinations(plan.buffers, 2):
        if a.first <= b.last and b.first <= a.last:
            assert (
                plan.offsets[a.tensor] + a.size <= plan.offsets[b.tensor]
                or plan.offsets[b.tensor] + b.size <= plan.offsets[a.tensor]
            )


def test_random_graphs_plan_validly_and_never_larger() -> None:
    rng, space = random.Random(1), SearchSpace.load("full")
    better = 0
    for _ in range(25):
        graph = deployment.build(space.architecture(random_point(space, rng), 10))
        greedy, offline = plan_greedy(graph), plan_offline(graph)
        check(offline)
        assert offline.head <= greedy.head
        assert (offline.planner == "offline") is (offline.head < greedy.head)
        better += offline.head < greedy.head
    assert better > 2, "the plan is worth its file entry"


@pytest.mark.parametrize("name", PRESETS)
def test_the_presets_reach_the_lower_bound(name: str) -> None:
    plan = plan_offline(deployment.build(PRESETS[name]()))
    check(plan)
    assert plan.head <= 1.02 * plan.lower_bound
    if name == "dcase2024_baseline":
        assert plan.head == plan.lower_bound == 174_080


def test_kernel_scratch_lies_where_the_interpreter_puts_it() -> None:
    """Scratch has no offset in a file: given the tensors', first fit by falling size decides."""
    graph = deployment.build(dcase2024_baseline())
    plan = plan_offline(graph)
    tensors = sorted((b for b in plan.buffers if b.tensor < len(graph.tensors)), key=lambda b: plan.offsets[b.tensor])
    scratch = [b for b in plan.buffers if b.tensor >= len(graph.tensors)]
    fixed = place(tensors)
    assert {t: plan.offsets[t] for t in fixed} == fixed
    assert place(tensors + sorted(reversed(scratch), key=lambda b: -b.size)) == plan.offsets


def test_a_hundred_operators_take_at_most_a_second_and_the_same_plan() -> None:
    rng = random.Random(3)  # long lives of any size: the greedy plan wastes, and no order reaches the lower bound
    shapes = tuple((1, 1, 1, 16 * rng.randint(1, 500)) for _ in range(101))
    operators = tuple(Operator("add", "sum", (i, rng.randrange(max(0, i - 6), i + 1)), i + 1) for i in range(100))
    graph = Graph(shapes, operators, (0,), (100,))
    assert seconds(lambda: plan_offline(graph), attempts=1) <= 1.0
    plan = plan_offline(graph)
    check(plan)
    assert plan.lower_bound < plan.head < plan_greedy(graph).head
    assert plan_offline(graph) == plan


def test_published_nets_plan_within_fifty_milliseconds(nets: ModuleType) -> None:
    for name in ("ad", "kws", "ic", "vww"):
        graph = nets.NETS[name]()
        for plan in (plan_greedy, plan_offline):
            check(plan(graph))
            assert seconds(partial(plan, graph)) <= 0.05, (name, plan.__name__)
