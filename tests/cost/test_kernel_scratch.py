"""Scratch memory of the firmware's kernels, counted by hand; tests/deploy/firmware/test_kernels.py runs them within it."""

from __future__ import annotations

import pytest

import hwasc
from hwasc.cost.graph import Graph, Operator, build
from hwasc.cost.kernel_scratch import patch_bytes
from hwasc.cost.row_plan import Axis


@pytest.mark.parametrize(
    ("kind", "kernel", "channels", "axis", "expected"),
    [
        ("conv", 1, 32, "mels", 0),
        ("conv", 3, 1, "mels", 8 * 9),  # of few inputs: eight columns
        ("conv", 3, 8, "mels", 4 * 72),
        ("conv", 3, 8, "frames", 2 * 72),  # there are no more columns than two
        ("depthwise", 3, 64, "mels", 4 * (3 + 3 * (4 + 2 + 4))),  # places, pairs, the last row, sums outside
        ("depthwise", 5, 64, "mels", 4 * (5 + 5 * (8 + 2 + 4))),
        ("depthwise", (5, 3), 64, "mels", 4 * (5 + 3 * (8 + 2 + 4))),
        ("depthwise", (5, 3), 64, "frames", 4 * (3 + 5 * (4 + 2 + 4))),
        ("add", 1, 64, "mels", 0),
    ],
)
def test_by_hand(kind: str, kernel: int | tuple[int, int], channels: int, axis: Axis, expected: int) -> None:
    graph = Graph(((1, 2, 20, channels), (1, 2, 20, channels)), (), (0,), (1,))
    op = Operator(kind, "layer", (0,), 1, kernel=kernel)  # type: ignore[arg-type]
    assert patch_bytes(graph, op, axis) == expected


def test_it_is_small_beside_a_net() -> None:
    graph = build(hwasc.dcase2024_baseline())
    assert max(patch_bytes(graph, op, "mels") for op in graph.operators) == 288
