"""CMSIS-NN's kernel scratch: sizes by hand from the published formulas, and plans that hold it."""

from __future__ import annotations

import random

import pytest

from hwasc.cost import graph as deployment
from hwasc.cost.graph import Graph, Operator
from hwasc.cost.memory import lifetimes, plan_greedy
from hwasc.cost.scratch import EXTENSIONS, plan_with_scratch, scratch
from hwasc.errors import UsageError
from hwasc.nas.declare import random_point
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import InvertedResidual
from hwasc.records.front_end import FrontEnd
from hwasc.records.presets import PRESETS
from hwasc.records.space import SearchSpace


def one(kind: str, kernel: int, channels: int) -> Graph:
    shapes = ((1, 8, 8, channels), (1, 8, 8, channels))
    return Graph(shapes, (Operator(kind, "x", (0,), 1, kernel),), (0,), (1,))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "kernel", "channels", "c", "dsp", "mve"),
    [
        ("conv", 1, 40, 0, 0, 0),
        ("conv", 3, 1, 48, 48, 64),  # 9 -> 12 (x 2 columns x 2 bytes), 9 -> 16 (x 4)
        ("conv", 3, 8, 288, 288, 320),  # 72 -> 72, 72 -> 80
        ("depthwise", 3, 16, 0, 0, 4_464),  # 4 x 124 x 9
        ("depthwise", 5, 16, 0, 800, 12_400),  # 25 x 16 x 2, 4 x 124 x 25
        ("average_pool", 3, 20, 0, 80, 0),
        ("add", 1, 20, 0, 0, 0),
        ("mean", 1, 20, 0, 0, 0),
    ],
)
def test_sizes_by_hand(kind: str, kernel: int, channels: int, c: int, dsp: int, mve: int) -> None:
    expected = {"c": c, "dsp": dsp, "mve": mve}
    for target, extension in EXTENSIONS.items():
        size = expected[extension]
        assert scratch(one(kind, kernel, channels), target) == ({0: size} if size else {})


def architecture(kernel: int) -> Architecture:
    return Architecture(
        FrontEnd.for_clip(64, 32),
        (8, 16),
        (InvertedResidual(kernel, 48, 16), InvertedResidual(3, 48, 16, shortcut=True)),
        10,
    )


def test_1x1_and_3x3_need_only_the_stems_scratch_and_5x5_more() -> None:
    graph = deployment.build(architecture(3))
    assert scratch(graph, "cortex-m4") == {0: 48, 1: 288}
    assert [graph.operators[i].layer for i in (0, 1)] == ["stem.0", "stem.1"]
    wide = deployment.build(architecture(5))
    more = {graph.operators[i].layer: size for i, size in scratch(wide, "cortex-m4").items()}
    assert more == {"stem.0": 48, "stem.1": 288, "blocks.0.depthwise": 2_400}
    assert scratch(wide, "cortex-m4") == scratch(wide, "cortex-m7") == scratch(wide, "cortex-m33")


def test_the_buffer_lives_with_its_operator_and_only_then() -> None:
    """in (64 x 5) -> out (64 x 5) by a depthwise 5x5: 320 + 320 + 5 x 25 x 2 = 250, rounded up to 256."""
    graph = one("depthwise", 5, 5)
    assert [(b.tensor, b.size, b.first, b.last) for b in lifetimes(graph, {0: 250})] == [
        (0, 320, 0, 1),
        (1, 320, 1, 1),
        (2, 256, 1, 1),
    ]
    assert plan_greedy(graph).head == 640
    assert plan_with_scratch(graph, "cortex-m4").head == 640 + 256


def test_scratch_never_makes_a_plan_smaller_and_its_absence_changes_nothing() -> None:
    rng, space = random.Random(2), SearchSpace.load("full")
    graphs = [deployment.build(make()) for make in PRESETS.values()]
    graphs += [deployment.build(space.architecture(random_point(space, rng), 10)) for _ in range(20)]
    for graph in graphs:
        plain = plan_greedy(graph)
        assert plan_greedy(graph, {}) == plain
        for target in EXTENSIONS:
            plan, sizes = plan_with_scratch(graph, target), scratch(graph, target)
            assert plan.lower_bound >= plain.lower_bound
            assert plan.head >= plain.head and plan.head % 16 == 0
            assert len(plan.buffers) == len(plain.buffers) + len(sizes)


def test_an_unknown_target_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="'Cortex-M44' is not known, did you mean 'cortex-m4'"):
        scratch(one("conv", 3, 1), "Cortex-M44")
