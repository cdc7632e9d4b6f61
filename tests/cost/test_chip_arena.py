"""The arena on a 32-bit chip: by hand, and against the figures that were found in an emulated one."""

from __future__ import annotations

import random

import pytest

from hwasc.cost import graph as deployment
from hwasc.cost import persistent
from hwasc.cost.measure import Counting, measure
from hwasc.cost.memory import plan_greedy
from hwasc.cost.persistent import CHIP, CHIP_CMSIS_NN, HOST
from hwasc.cost.scratch import EXTENSIONS, plan_with_scratch, scratch, window_in_file
from hwasc.nas.declare import random_point
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import InvertedResidual
from hwasc.records.front_end import FrontEnd
from hwasc.records.presets import PRESETS, dcase2024_baseline
from hwasc.records.space import SearchSpace

SMALL = Architecture(FrontEnd.for_clip(40, 17), (4, 8), (InvertedResidual(5, 24, 8),), 3)


def test_a_tail_by_hand() -> None:
    """Six convolutions and a mean: 7 operators, 8 tensors between them, 6 x 2 + 1 constants."""
    graph = deployment.build(SMALL)
    kinds = [op.kind for op in graph.operators]
    assert (kinds.count("mean"), len(kinds), len(graph.tensors)) == (1, 7, 8)
    used = 226 + 7 * 32 + (8 + 6 * 2 + 1) * 12
    for kind in kinds:  # options
        used = -(-(used + 28) // 4) * 4 if kind != "mean" else used + 1
    for kind in kinds:  # data
        used = -(-(used + (44 if kind == "mean" else 56)) // 16) * 16
    for op in graph.operators:  # multipliers and shifts by channel
        used += 2 * -(-4 * graph.tensors[op.output][3] // 16) * 16 if op.kind != "mean" else 0
    used += 3 * 4  # handles of the mean's scratch
    for _ in range(2):  # input and output
        used = -(-(used + 4) // 16) * 16 + 48
    assert persistent.tail(SMALL, structs=CHIP) == used


def test_the_structs_of_a_chip_are_about_half() -> None:
    """On the 13 nets that were measured a chip's tail was 2.4 to 6.2 kB smaller."""
    saved = [persistent.tail(make()) - persistent.tail(make(), structs=CHIP) for make in PRESETS.values()]
    assert min(saved) == persistent.tail(dcase2024_baseline()) - persistent.tail(dcase2024_baseline(), structs=CHIP)
    assert all(2_400 <= s <= 6_200 for s in saved)


@pytest.mark.parametrize("kernels", EXTENSIONS)
def test_the_arena_counts_the_kernels_scratch_and_its_handles(kernels: str) -> None:
    """The reference kernels' 5,360 B on a computer were once the constant for each core; a Cortex-M55 needs three times that."""
    costs, graph = measure(SMALL, Counting(kernels=kernels)), deployment.build(SMALL)
    extra = scratch(graph, kernels)
    head = plan_with_scratch(graph, kernels).head
    handles = CHIP_CMSIS_NN.handle * len(extra)
    tail = persistent.tail(SMALL, structs=CHIP_CMSIS_NN, scratch=extra)
    assert (
        handles <= tail - persistent.tail(SMALL, structs=CHIP_CMSIS_NN) + 16 and head == costs.int8_memory.activations
    )
    assert costs.arena == -(-(head + tail + persistent.ERROR) // 16) * 16
    assert measure(SMALL).arena == 5_360
    assert head == {"c": 2_400, "dsp": 3_600, "mve": 14_800}[EXTENSIONS[kernels]]


def test_a_chips_arena_is_never_above_a_computers_with_the_same_kernels() -> None:
    rng, space = random.Random(5), SearchSpace.load("full")
    nets = [space.architecture(random_point(space, rng), 10) for _ in range(40)]
    for a in [*nets, *(make() for make in PRESETS.values())]:
        graph = deployment.build(a)
        head = plan_greedy(graph).head
        here, there = (persistent.arena(a, head, graph, structs=s) for s in (HOST, CHIP))
        assert head < there < here
        extra = scratch(graph, "cortex-m55", a.padding)
        assert persistent.arena(a, head, graph, structs=CHIP_CMSIS_NN, scratch=extra) > there


def test_kernels_are_counted_as_the_file_has_them() -> None:
    """Torch's padding widens a strided kernel of an even map by one; its averages are depthwise convolutions."""
    graph = deployment.build(dcase2024_baseline())
    strided = [op for op in graph.operators if op.stride != (1, 1) and op.area > 1]
    windows = {op.layer: window_in_file(graph, op, "torch") for op in strided}
    assert windows["stem.0"] == (4, 3)  # 256 x 65 cells
    assert all(window_in_file(graph, op, "same") == op.window for op in strided)
    for kernels in ("cortex-m4", "cortex-m55"):
        same, torch = scratch(graph, kernels), scratch(graph, kernels, "torch")
        averages = {i for i, op in enumerate(graph.operators) if op.kind == "average_pool"}
        assert all(torch[i] >= size for i, size in same.items() if i not in averages)
        assert averages and sum(torch.values()) > sum(same.values())
