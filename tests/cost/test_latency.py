"""The latency table is what its published figures give, and estimates keep to them within their stated range."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import pytest

from hwasc.cost import graph as deployment
from hwasc.cost.graph import Graph, Operator
from hwasc.cost.latency import CYCLES, Cycles, estimate, operator_cycles
from hwasc.cost.scratch import EXTENSIONS
from hwasc.errors import UsageError
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import InvertedResidual
from hwasc.records.front_end import FrontEnd
from hwasc.records.presets import dcase2024_baseline
from tests.speed import seconds


def test_the_published_nets_have_their_published_macs(nets: ModuleType) -> None:
    """kws: operators of the profiles in latency_sources.md. ic, vww, ad: by hand from the layers, 12.5, 7.5 and 0.26 million."""
    macs = {name: sum(op.macs for op in build().operators) for name, build in nets.NETS.items()}
    profile = 320_000 + 4 * (72_000 + 512_000) + 768
    assert macs["kws"] == profile == 2_656_768
    assert (macs["ic"], macs["vww"], macs["ad"]) == (12_501_632, 7_489_664, 264_192)


def test_the_table_is_what_the_fit_gives(calibration: ModuleType) -> None:
    fitted = calibration.table()
    assert set(fitted) == set(CYCLES) == set(EXTENSIONS)
    for target, row in fitted.items():
        stands = CYCLES[target]
        for name, cycles in row.items():
            kind = name.removesuffix("_output")
            here = getattr(stands, kind)
            assert (here[kind != name] if isinstance(here, tuple) else here) == pytest.approx(cycles, rel=0.01), (
                target,
                name,
            )


def test_the_range_holds_every_published_figure(nets: ModuleType, calibration: ModuleType) -> None:
    for figure in calibration.FITTED:
        if not figure.operators:
            found = estimate(nets.NETS[figure.net](), figure.target, 1.0)
            assert found.low <= figure.cycles / 1e3 <= found.high, figure
    us = (
        34_561 + sum(map(sum, calibration.RP2040)) + calibration.RP2040_POOL
    )  # all but a reshape, a softmax, two outputs
    assert estimate(nets.NETS["person"](), "cortex-m0+", 125).milliseconds == pytest.approx(us / 1e3, rel=0.1)


def test_the_m55_reproduces_its_profile(nets: ModuleType, calibration: ModuleType) -> None:
    graph, row = nets.NETS["kws"](), replace(CYCLES["cortex-m55"], operator=0.0)
    for figure in calibration.M55:
        ours = sum(operator_cycles(graph, graph.operators[i], row) for i in figure.operators)
        assert ours == pytest.approx(figure.cycles, rel=0.01)


def test_cycles_by_hand() -> None:
    row = Cycles(
        conv=(2, 10),
        pointwise=(1, 10),
        depthwise=(3, 20),
        pool=5,
        add=7,
        mul=6,
        mean=100,
        reference=50,
        operator=1000,
        low=0.5,
        high=2,
    )
    shapes = (
        (1, 4, 4, 2),
        (1, 4, 4, 8),
        (1, 4, 4, 8),
        (1, 4, 4, 8),
        (1, 1, 1, 8),
        (1, 4, 4, 8),
        (1, 2, 2, 8),
        (1, 1, 1, 8),
    )
    ops = (
        (Operator("conv", "general", (0,), 1, 3, macs=2_304), 2 * 2_304 + 10 * 128),
        (Operator("conv", "pointwise", (1,), 2, macs=1_024), 1_024 + 10 * 128),
        (Operator("depthwise", "depthwise", (2,), 3, 3, macs=1_152), 3 * 1_152 + 20 * 128),
        (Operator("add", "sum", (2, 3), 3), 7 * 128),
        (Operator("mul", "square", (2, 2), 3), 6 * 128),
        (Operator("mean", "mean", (3,), 4), 100 * 128),
        (Operator("mul", "broadcast", (3, 4), 5), 50 * 128),
        (Operator("average_pool", "pool", (5,), 6, 3, (2, 2)), 5 * 32 * 9),
        (Operator("div", "quotient", (4, 7), 7), 50 * 8),
        (Operator("add", "one", (7,), 7, weights=1), 50 * 8),
    )
    graph = Graph(shapes, tuple(op for op, _ in ops), (0,), (7,))
    for op, work in ops:
        assert operator_cycles(graph, op, row) == work + 1000, op.layer


def test_an_estimate_says_what_it_is() -> None:
    graph = deployment.build(dcase2024_baseline())
    found = estimate(graph, "cortex-m4", 80)
    assert found.low < found.milliseconds < found.high
    assert found.milliseconds == pytest.approx(2 * estimate(graph, "cortex-m4", 160).milliseconds)
    assert "estimate" in str(found) and "cortex-m4 at 80 MHz" in str(found)
    fastest_first = sorted(CYCLES, key=lambda target: estimate(graph, target, 100).milliseconds)
    assert fastest_first[0] == "cortex-m55" and fastest_first[-1] == "cortex-m0+"


def test_wider_kernels_take_longer() -> None:
    def ms(kernel: int) -> float:
        blocks = (InvertedResidual(kernel, 48, 16),)
        graph = deployment.build(Architecture(FrontEnd.for_clip(64, 32), (8, 16), blocks, 10))
        return estimate(graph, "cortex-m4", 80).milliseconds

    assert ms(3) < ms(5) < ms(7)


def test_unknown_targets_and_clocks_are_refused() -> None:
    graph = deployment.build(dcase2024_baseline())
    with pytest.raises(UsageError, match="'cortex-m5' is not known, did you mean 'cortex-m55'"):
        estimate(graph, "cortex-m5", 80)
    for clock in (0, -1, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="above 0 MHz"):
            estimate(graph, "cortex-m4", clock)


def test_an_estimate_takes_a_fraction_of_a_candidates_time() -> None:
    graph = deployment.build(dcase2024_baseline())
    assert seconds(lambda: estimate(graph, "cortex-m4", 80), attempts=20) <= 0.0005
