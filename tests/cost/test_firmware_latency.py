"""The latency model of the C export: parts add up, time follows the clock, work follows the net; its errors are stated."""

from __future__ import annotations

import pytest

import hwasc
from hwasc.cost import graph as deployment
from hwasc.cost.firmware_latency import CYCLES_PER_INSTRUCTION, estimate_c, frame_instructions, net_instructions
from hwasc.cost.firmware_rates import ERRORS, RATES
from hwasc.cost.firmware_work import net_work
from hwasc.cost.row_planner import plan_rows
from hwasc.errors import UsageError
from tests.speed import seconds

BASELINE = hwasc.dcase2024_baseline()


@pytest.mark.parametrize("core", CYCLES_PER_INSTRUCTION)
def test_parts_add_up_and_time_follows_the_clock(core: str) -> None:
    slow, fast = (estimate_c(BASELINE, core, clock) for clock in (50.0, 100.0))
    assert slow.milliseconds == pytest.approx(2 * fast.milliseconds)
    assert slow.low < slow.milliseconds < slow.high
    assert slow.net + slow.front_end == pytest.approx(slow.instructions, abs=1)
    assert sum(count for _, count in slow.layers) == pytest.approx(slow.net, abs=len(slow.layers))
    cycles = slow.milliseconds * 50_000
    assert cycles / slow.instructions == pytest.approx(CYCLES_PER_INSTRUCTION[core].likely, rel=1e-6)


def test_every_core_has_rates_and_errors() -> None:
    assert set(RATES) == set(ERRORS) == set(CYCLES_PER_INSTRUCTION)
    for core, (median, most) in ERRORS.items():
        assert 0 < median < 0.02 and median <= most < 0.06, core


def test_helium_and_dsp_take_fewer_instructions_than_portable_code() -> None:
    found = {core: estimate_c(BASELINE, core, 100.0).net for core in CYCLES_PER_INSTRUCTION}
    assert found["cortex-m55"] < found["cortex-m4"] < found["cortex-m3"] < found["cortex-m0+"]


def test_all_products_of_the_net_are_counted() -> None:
    graph = deployment.build(BASELINE)
    works, loop = net_work(graph, plan_rows(graph, BASELINE.padding))
    assert sum(w.amounts.get("macs", 0) for w in works) == sum(op.macs for op in graph.operators)
    assert loop["loaded_mels"] + loop.get("loaded_frames", 0) == 256 * 65
    assert {w.number for w in works} == set(range(len(graph.operators)))


def test_a_shorter_fft_is_less_work_and_a_larger_net_more() -> None:
    front_ends = [
        hwasc.FrontEnd(sample_rate=32_000, n_fft=n, window=n, hop=1000, mels=40, frames=33) for n in (4096, 1024)
    ]
    long, short = (
        frame_instructions(hwasc.dcase2024_baseline() if fe is None else _with(fe), "cortex-m4") for fe in front_ends
    )
    assert 3 * short < long < 6 * short
    small, large = (estimate_c(hwasc.cp_mobile(base=b), "cortex-m4", 80.0).net for b in (8, 32))
    assert 4 * small < large < 16 * small


def test_a_candidate_is_estimated_quickly() -> None:
    graph = deployment.build(BASELINE)
    plan = plan_rows(graph, BASELINE.padding)
    assert seconds(lambda: net_instructions(graph, plan, "cortex-m4")) < 0.002


def test_unknown_targets_and_clocks_are_refused() -> None:
    with pytest.raises(UsageError, match=r"target 'cortex-m44' is not known \(did you mean 'cortex-m4'\?\)|cortex-m44"):
        estimate_c(BASELINE, "cortex-m44", 80.0)
    for clock in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="the clock must be above 0 MHz"):
            estimate_c(BASELINE, "cortex-m4", clock)


def _with(front_end: hwasc.FrontEnd) -> hwasc.Architecture:
    import dataclasses

    return dataclasses.replace(BASELINE, front_end=front_end)
