"""Noise added in log-mel, compared with noise added to the waveform."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from hwasc.audio.frontend import LogMel
from hwasc.audio.mel_noise import additive_noise, noise_bands
from hwasc.audio.noise import COLOURS, Noise
from hwasc.records.front_end import FrontEnd

FE = FrontEnd.for_clip(32, 33, sample_rate=16_000, n_fft=1024, window=1024)


def seeded(seed: int = 0) -> Generator:
    return torch.Generator().manual_seed(seed)


def scene() -> np.ndarray:
    """A second of rumble with tones and a swell: neither white nor pink; little of it below the filters' first centre."""
    t, rng = np.arange(FE.samples) / FE.sample_rate, np.random.default_rng(0)
    impulse = np.exp(-np.arange(200) / 40) * np.cos(2 * np.pi * 350 * np.arange(200) / FE.sample_rate)
    rumble = np.convolve(rng.standard_normal(FE.samples), impulse, "same")
    wave = 0.02 * rumble * (1 + 0.8 * np.sin(5 * t)) + 0.1 * np.sin(2 * np.pi * 880 * t) + 0.02 * np.sin(9000 * t)
    return wave.astype(np.float32)


def drawn(colour: str, snr: float, count: int) -> tuple[Tensor, Tensor]:
    """Power of `count` clips in log-mel with this noise, by our arithmetic and by adding it to the waveform: (B, F, T)."""
    true = np.stack([Noise(colour, snr, s).add_to(scene(), "", FE.sample_rate) for s in range(count)])
    plain = LogMel(FE)(torch.from_numpy(scene()[None]))[None].repeat(3 * count, 1, 1, 1)
    generator = seeded()
    state = generator.get_state()
    ours = additive_noise(plain, generator, 1.0, (snr, snr), FE)[:, 0]
    generator.set_state(state)
    torch.rand((2, 3 * count), generator=generator)
    which = torch.randint(len(COLOURS), (3 * count,), generator=generator)
    mine = ours[which == COLOURS.index(colour)][:count]  # type: ignore[arg-type]
    assert len(mine) == count
    return tuple((v * FE.std + FE.mean).exp() - FE.log_offset for v in (mine, LogMel(FE)(torch.from_numpy(true))))  # type: ignore[return-value]


@pytest.mark.parametrize("snr", [20.0, 5.0])
@pytest.mark.parametrize("colour", COLOURS)
def test_statistics_equal_those_of_noise_in_the_waveform(colour: str, snr: float) -> None:
    ours, true = drawn(colour, snr, 40)
    offset = FE.log_offset
    means = [(v.mean((0, 2)) + offset).log() for v in (ours, true)]
    assert float((means[0] - means[1]).abs().max()) < 0.12 and float((means[0] - means[1]).mean().abs()) < 0.02
    edges = [(v.mean(0).sum(0)[[0, -1]] + offset).log() for v in (ours, true)]  # half of these windows lies outside
    assert float((edges[0] - edges[1]).abs().max()) < 0.1
    spread = [(v + offset).log().std(0).mean() for v in (ours, true)]  # of single values, over the draws
    assert float(spread[0] / spread[1]) == pytest.approx(1, abs=0.08)


@pytest.mark.parametrize(
    "changes",
    [
        {"log": "decibel", "log_offset": 0.0, "log_floor": 1e-10, "mean": -40.0, "std": 20.0},
        {"power": 1, "log_offset": 0.001, "mean": 0.0, "std": 1.0, "mel_scale": "htk", "triangles": "mel", "area_norm": False},
        {"pre_emphasis": 0.97, "edges": "reflect", "triangles": "mel", "mel_scale": "htk", "area_norm": False,
         "window_shape": "symmetric", "gain": 2.0**10},
        {"edges": "none", "frames": 30},
    ],
)  # fmt: skip
def test_other_front_ends(changes: dict[str, Any]) -> None:
    fe = replace(FE, **{"frames": 31, **changes})
    true = np.stack([Noise("white", 5.0, s).add_to(scene(), "", FE.sample_rate) for s in range(60)])
    plain = LogMel(fe)(torch.from_numpy(scene()[None]))[None].repeat(120, 1, 1, 1)
    generator, colours = seeded(), seeded()
    torch.rand((2, 120), generator=colours)
    white = torch.randint(len(COLOURS), (120,), generator=colours) == COLOURS.index("white")
    ours = additive_noise(plain, generator, 1.0, (5.0, 5.0), fe)[white, 0]
    nats = fe.std * (1.0 if fe.log == "natural" else math.log(10) / 10)
    means = [(v * nats).mean((0, 2)) for v in (ours, LogMel(fe)(torch.from_numpy(true)), plain[:, 0])]
    assert float((means[1] - means[2]).abs().mean()) > 0.5, "the noise is heard"
    assert float((means[0] - means[1]).abs().mean()) < (0.05 if fe.power == 2 else 0.12)


def test_the_expected_power_never_falls_and_an_extreme_ratio_changes_nothing() -> None:
    x = torch.randn(4, 1, 32, 33, generator=seeded())
    assert torch.equal(additive_noise(x, seeded(), 1.0, (1e3, 1e3), FE), x)
    assert torch.equal(additive_noise(x, seeded(), 0.0, (0.0, 0.0), FE), x)
    many = x[:1].repeat(600, 1, 1, 1)
    change = (additive_noise(many, seeded(), 1.0, (0.0, 0.0), FE) * FE.std).exp() - (many * FE.std).exp()
    mean, error = change.mean((0, 1, 3)), change.mean((1, 3)).std(0) / 600**0.5
    assert bool((mean > 2 * error).all()), "in every band"
    louder = (additive_noise(many, seeded(), 1.0, (-10.0, -10.0), FE) * FE.std).exp() - (many * FE.std).exp()
    assert float(louder.mean() / change.mean()) == pytest.approx(10, rel=0.1)


def test_seed_probability_and_input() -> None:
    x = torch.randn(200, 1, 32, 33, generator=seeded())
    before = x.clone()
    first, again, other = (additive_noise(x, seeded(s), 0.4, (0.0, 20.0), FE) for s in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other) and torch.equal(x, before)
    changed = (first != x).flatten(1).any(1)
    assert 55 < int(changed.sum()) < 105 and bool(first.isfinite().all())
    silent = torch.full_like(x[:2], (math.log(FE.log_offset) - FE.mean) / FE.std)
    assert torch.equal(additive_noise(silent, seeded(), 1.0, (0.0, 0.0), FE), silent), "noise is relative to the clip"


def test_the_number_of_draws_does_not_depend_on_the_front_end() -> None:
    small, states = FrontEnd.for_clip(12, 9, sample_rate=8000, n_fft=512, window=512), []
    for fe in (FE, small):
        generator = seeded()
        additive_noise(torch.zeros(8, 1, fe.mels, fe.frames), generator, 0.5, (0.0, 20.0), fe)
        states.append(generator.get_state())
    assert torch.equal(*states)


def test_bands_add_up() -> None:
    bands = noise_bands(FE)
    spectrum = np.random.default_rng(0).random(FE.n_fft // 2 + 1)
    from hwasc.audio.frontend import mel_filters

    f = np.arange(len(spectrum)) * FE.sample_rate / FE.n_fft
    spectrum[(f < 120) | (f > 6500)] = 0  # between the outer filters' centres
    assert float(bands.width.numpy() @ (mel_filters(FE) @ spectrum)) == pytest.approx(spectrum.sum(), rel=1e-4)
    assert bands.inside.shape == (33,) and float(bands.inside[0]) == pytest.approx(0.5, abs=0.01)
    assert float(bands.inside[1:-1].min()) > 0.99 and bool((bands.freedom >= 1).all())
