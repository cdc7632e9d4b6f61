"""One log-mel at another sample rate: the same in time and in hertz; a search space likewise; presets stay as published."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import hwasc
from hwasc.api.inputs import at_rate
from hwasc.errors import UsageError
from hwasc.records.architecture import ArchitectureFile
from hwasc.records.front_end import FrontEnd
from hwasc.records.front_ends import FRONT_ENDS, front_end
from hwasc.records.presets import cp_mobile
from hwasc.records.settings import Settings
from hwasc.records.space import FrontEndChoices, SearchSpace

SAME = ("sample_rate", "window", "hop", "n_fft", "f_max", "frames")


@pytest.mark.parametrize("seconds", [0.73, 1.0, 10.0])
@pytest.mark.parametrize("name", FRONT_ENDS)
@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 31_999, 44_100, 48_000, 96_000])
def test_windows_and_hops_last_as_long_as_before(rate: int, name: str, seconds: float) -> None:
    before = front_end(name, seconds)
    after, sample = before.at_rate(rate), 1 / rate
    assert after.sample_rate == rate
    assert after.window / rate == pytest.approx(before.window / before.sample_rate, abs=sample)
    assert after.hop / rate == pytest.approx(before.hop / before.sample_rate, abs=sample)
    assert after.n_fft & (after.n_fft - 1) == 0 and after.n_fft >= after.window
    assert after.n_fft / rate >= before.n_fft / before.sample_rate - sample, "no coarser in hertz"
    assert after.f_max <= rate / 2 and after.frames in (before.frames, before.frames - 1) and after.mels == before.mels
    assert (
        replace(after, **{f: getattr(before, f) for f in ("sample_rate", "window", "hop", "n_fft", "f_max", "frames")})
        == before
    )


def test_half_the_rate() -> None:
    half = FrontEnd().at_rate(16_000)
    assert (half.window, half.hop, half.n_fft, half.f_max, half.frames) == (1536, 250, 2048, 8_000.0, 65)
    assert front_end("panns", 1.0).at_rate(48_000).f_max == 14_000.0, "a stated edge stays"
    assert half.at_rate(32_000) == FrontEnd(), "an edge at half the rate stays there"
    with pytest.raises(ValueError, match="f_min"):
        front_end("yamnet", 1.0).at_rate(200)


@pytest.mark.parametrize("name", ["full", "small", "firmware", "bench"])
def test_every_bundled_space_at_16_khz(name: str) -> None:
    space = SearchSpace.load(name)
    at_16 = space.at_rate(16_000)
    assert space.at_rate(None) is space
    assert at_16.front_end.sample_rates == (16_000,)
    values = {key: choices[0] for key, choices in space.choices().items()}
    halved = {**values, "window": at_16.front_end.windows[0]}
    before, after = space.front_end_at(values), at_16.front_end_at(halved)
    assert after.window / 16_000 == before.window / before.sample_rate and after.f_max == 8_000.0
    assert (after.mels, after.frames) == (before.mels, before.frames)


def test_a_space_of_several_rates_is_narrowed() -> None:
    choices = FrontEndChoices(mels=(40,), frames=(33,), sample_rate=(16_000, 32_000), window=(1024,))
    assert choices.at_rate(16_000) == replace(choices, sample_rate=16_000), "its windows are stated in samples"
    space = replace(SearchSpace.load("bench"), front_end=choices)
    with pytest.raises(UsageError, match="16,000, 32,000 Hz to choose from, and 8,000"):
        space.at_rate(8_000)


def test_architectures() -> None:
    record = ArchitectureFile.of(cp_mobile(classes=10))
    found = at_rate(record, 16_000).architecture
    assert (
        found.front_end == record.architecture.front_end.at_rate(16_000) and found.blocks == record.architecture.blocks
    )
    net, half = hwasc.profile(record), hwasc.profile(record, sample_rate=16_000)
    assert half.costs.macs == net.costs.macs and half.front_end != net.front_end
    with pytest.raises(
        UsageError, match="published with a log-mel at 32,000 Hz, which is fixed; leave --sample-rate out"
    ):
        hwasc.profile("cp_mobile", sample_rate=16_000)
    with pytest.raises(UsageError, match="goes with --arch"):
        hwasc.profile(model=Path("student.tflite"), sample_rate=16_000)


@pytest.mark.parametrize("rate", [16, 2_000_000])
def test_a_rate_of_16_means_khz(rate: int) -> None:
    with pytest.raises(UsageError, match="sample_rate: expected 1,000 to 1,000,000 Hz"):
        Settings.load(None, [f"data.sample_rate={rate}"])
