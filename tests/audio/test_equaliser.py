"""Random equalisers and band limits: their stated statistics, and equal to filtering the waveform in every kind of front end."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Generator

from hwasc.audio.augmentation import gain
from hwasc.audio.equaliser import WAVES, Responses, draw_responses, equalised, equalised_waveform
from hwasc.audio.frontend import LogMel
from hwasc.records.data_settings import AugmentSettings
from hwasc.records.front_end import FrontEnd

BOTH = AugmentSettings(equaliser_p=1.0, band_limit_p=1.0)
OURS = FrontEnd.for_clip(64, 51, n_fft=2048, window=2048)
FRONT_ENDS = {
    "ours": OURS,
    "decibels with a floor": replace(OURS, log="decibel", log_offset=0.0, log_floor=1e-10, mean=-20.0, std=10.0),
    "offset below a floor": replace(OURS, log_offset=1e-9, log_floor=1e-5),
    "magnitudes": replace(OURS, power=1, log_offset=0.001, mean=0.0, std=1.0),
    "kaldi": replace(OURS, mel_scale="htk", triangles="mel", area_norm=False, pre_emphasis=0.97, edges="reflect", frames=50),
    "raw waveform's scale": replace(OURS, gain=2.0**30, log_offset=1e-5, mean=15.0, std=4.0),
}  # fmt: skip


def seeded(seed: int = 0) -> Generator:
    return torch.Generator().manual_seed(seed)


def noise(count: int, fe: FrontEnd) -> torch.Tensor:
    return 0.1 * torch.randn(count, fe.samples, generator=seeded())


def limits(low: float, high: float, slope: float) -> Responses:
    zero = torch.zeros(1, WAVES)
    one = torch.ones(1)
    return Responses(spread=torch.zeros(1), rate=zero, phase=zero, low=low * one, high=high * one, slope=slope * one)


def test_equalisers_have_the_stated_spread_and_length_scale() -> None:
    s = AugmentSettings(equaliser_p=1.0, equaliser_db=5.0, equaliser_mel=400.0)
    mel = torch.tensor([300.0, 500.0, 700.0, 1100.0, 2300.0])
    curves = draw_responses(20_000, seeded(), s).decibels(700 * torch.expm1(mel / 1127)).double()
    expected = 25 * torch.exp(-((mel[:, None] - mel) ** 2) / (2 * 400**2)).double()
    assert torch.allclose(torch.cov(curves.T), expected, atol=0.7) and float(curves.mean(0).abs().max()) < 0.15


def test_band_limits_are_butterworths() -> None:
    scipy = pytest.importorskip("scipy.signal")
    frequency = torch.tensor([30.0, 100.0, 200.0, 1000.0, 5000.0, 9000.0])
    slope = 2 * 20 * math.log10(2)  # second order
    found = limits(200.0, 5000.0, slope).decibels(frequency)[0]
    radians = 2 * np.pi * frequency.numpy()
    one = scipy.freqs(*scipy.butter(2, 2 * np.pi * 200, "highpass", analog=True), radians)[1]
    two = scipy.freqs(*scipy.butter(2, 2 * np.pi * 5000, "lowpass", analog=True), radians)[1]
    assert np.allclose(found, 20 * np.log10(np.abs(one * two)), atol=0.01)
    assert float(found[2]) == pytest.approx(-3.01, abs=0.02)  # at the cut-off
    assert limits(0.0, math.inf, 6.0).decibels(torch.tensor([0.0, 1.0, 1e5])).tolist() == [[0.0, 0.0, 0.0]]


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_equals_filtering_the_waveform(name: str) -> None:
    """In the mean over the frames, which differ by chance; single values where the floor holds."""
    fe = FRONT_ENDS[name]
    wave, responses = noise(6, fe), draw_responses(6, seeded(1), BOTH)
    log_mel = LogMel(fe)
    ours = equalised(log_mel(wave)[:, None], responses, fe)[:, 0]
    true = log_mel(equalised_waveform(wave, responses, fe.sample_rate))
    unchanged = log_mel(wave)
    nats = fe.std * (1.0 if fe.log == "natural" else math.log(10) / 10)
    assert float((true - unchanged).abs().mean()) * nats > 0.5
    assert float((ours.mean(2) - true.mean(2)).abs().mean()) * nats < 0.05
    assert float((ours - true).abs().mean()) * nats < 0.12


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_gain_is_that_of_the_waveform_in_every_front_end(name: str) -> None:
    fe = FRONT_ENDS[name]
    wave = noise(1, fe)
    decibels = float(2 * torch.rand(1, generator=seeded(4)) - 1) * 12
    ours = gain(LogMel(fe)(wave)[:, None], seeded(4), 12.0, fe)[:, 0]
    assert torch.allclose(ours, LogMel(fe)(wave * 10 ** (decibels / 20)), atol=2e-3)


def test_silence_stays_silent() -> None:
    for fe in FRONT_ENDS.values():
        x = LogMel(fe)(torch.zeros(2, fe.samples))[:, None]
        assert torch.allclose(equalised(x, draw_responses(2, seeded(), BOTH), fe), x, atol=1e-6)


def test_the_same_draws_whatever_the_settings_and_the_front_end() -> None:
    states, curves = [], []
    for s in (AugmentSettings(), BOTH, AugmentSettings(equaliser_p=0.5, band_limit_p=0.1)):
        g = seeded(3)
        curves.append(draw_responses(40, g, s))
        states.append(g.get_state())
    assert torch.equal(states[0], states[1]) and torch.equal(states[0], states[2])
    off, on, some = (c.changed() for c in curves)
    assert not off.any() and on.all() and 10 < int(some.sum()) < 35
    x = torch.randn(40, 1, OURS.mels, OURS.frames, generator=seeded())
    assert equalised(x, curves[0], OURS) is x
    assert torch.equal((equalised(x, curves[2], OURS) != x).any(3).any(2)[:, 0], some)
    # a front end of half the bands gets the same curve: each of its bands covers two of the other's
    wave = noise(8, OURS)
    few = replace(OURS, mels=32)
    changes = [(equalised(LogMel(f)(wave)[:, None], draw_responses(8, seeded(2), BOTH), f)[:, 0] - LogMel(f)(wave)).mean(2)
               for f in (OURS, few)]  # fmt: skip
    assert float((changes[0][:, 1::2] - changes[1]).abs().mean()) * OURS.std < 0.2


def test_settings_out_of_range() -> None:
    for wrong in ({"equaliser_p": 1.5}, {"band_limit_p": -0.1}, {"equaliser_db": -1.0}, {"equaliser_mel": 0.0},
                  {"band_limit_low": (0.0, 10.0)}, {"band_limit_high": (9000.0, 3000.0)}):  # fmt: skip
        with pytest.raises(ValueError, match=next(iter(wrong))):
            AugmentSettings(**wrong)  # type: ignore[arg-type]
