"""Properties of each augmentation."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from hwasc.audio.augmentation import View, device_response, freq_mixstyle, frequency_mask, gain, mixup, time_roll
from hwasc.records.front_end import FrontEnd

FE = FrontEnd.for_clip(12, 20, sample_rate=8000, n_fft=512, window=512)
RESPONSES = torch.linspace(-1, 1, 5)[:, None] * torch.linspace(-1, 1, 12)
ALL = torch.ones(8, dtype=torch.bool)
AUGMENTATIONS: dict[str, Callable[[Tensor, Generator], Tensor]] = {
    "mixstyle": lambda x, g: freq_mixstyle(x, g, p=1.0),
    "roll": lambda x, g: time_roll(x, g, 0.5),
    "mask": lambda x, g: frequency_mask(x, g, 0.5),
    "gain": lambda x, g: gain(x, g, 6.0, FE),
    "mixup": lambda x, g: mixup(len(x), g)(x),
    "response": lambda x, g: device_response(x, g, RESPONSES, ALL, 1.0),
    "response in power": lambda x, g: device_response(x, g, RESPONSES, ALL, 1.0, FE),
}


def seeded(seed: int = 0) -> Generator:
    return torch.Generator().manual_seed(seed)


def clips(count: int = 8, seed: int = 0) -> Tensor:
    return torch.randn(count, 1, 12, 20, generator=seeded(seed))


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_shape_type_seed_and_input(name: str) -> None:
    augment, x = AUGMENTATIONS[name], clips()
    before = x.clone()
    first, again, other = augment(x, seeded(1)), augment(x, seeded(1)), augment(x, seeded(2))
    assert first.shape == x.shape and first.dtype == x.dtype and bool(first.isfinite().all())
    assert torch.equal(first, again) and not torch.equal(first, other) and not torch.equal(first, x)
    assert torch.equal(x, before)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_the_global_generator_is_not_used(name: str) -> None:
    state = torch.get_rng_state()
    AUGMENTATIONS[name](clips(), seeded())
    assert torch.equal(torch.get_rng_state(), state)


def test_mixstyle_changes_only_the_statistics_of_bands() -> None:
    x = clips() * torch.linspace(1, 3, 12)[:, None] + torch.arange(8.0)[:, None, None, None]
    mixed = freq_mixstyle(x, seeded(), p=1.0)

    def shape_of(y: Tensor) -> Tensor:
        return (y - y.mean((1, 3), keepdim=True)) / y.std((1, 3), keepdim=True)

    assert torch.allclose(shape_of(x), shape_of(mixed), atol=1e-4)
    means = x.mean((1, 3))
    assert bool((mixed.mean((1, 3)) <= means.max(0).values + 1e-4).all())
    assert bool((mixed.mean((1, 3)) >= means.min(0).values - 1e-4).all())


def test_mixstyle_of_equal_clips_or_probability_zero_is_identity() -> None:
    x = clips(1).repeat(4, 1, 1, 1)
    assert torch.allclose(freq_mixstyle(x, seeded(), p=1.0), x, atol=1e-4)
    assert torch.equal(freq_mixstyle(clips(), seeded(), p=0.0), clips())


def test_mixstyle_has_probability_p() -> None:
    x, generator = clips(2), seeded()
    changed = sum(not torch.equal(freq_mixstyle(x, generator, p=0.4), x) for _ in range(400))
    assert 110 < changed < 190  # half of the permutations of two leave x as it is, but for rounding


def test_gain_is_that_of_the_waveform() -> None:
    floor, std = (math.log(FE.log_offset) - FE.mean) / FE.std, FE.std
    power = torch.rand(8, 1, 12, 20, generator=seeded()) * 1e3
    x = torch.log1p(power) / std + floor
    y = gain(x, seeded(3), 6.0, FE)
    ratio = torch.expm1((y - floor) * std) / power
    each = ratio.mean((1, 2, 3))
    assert torch.allclose(ratio, each.view(-1, 1, 1, 1).expand_as(ratio), rtol=1e-2)
    decibels = 10 * each.log10()
    assert bool((decibels.abs() <= 6.01).all()) and float(decibels.std()) > 1
    assert torch.equal(gain(torch.full_like(x, floor), seeded(), 6.0, FE), torch.full_like(x, floor))


def test_roll_keeps_the_frames_in_circular_order() -> None:
    x = torch.arange(20.0).expand(8, 1, 12, 20)
    rolled = time_roll(x, seeded(), 0.25)
    shifts = rolled[:, 0, 0, 0]
    assert set(shifts.tolist()) <= {0.0, *range(1, 6), *range(15, 20)} and len(set(shifts.tolist())) > 3
    for one, shift in zip(rolled, shifts, strict=True):
        assert torch.equal(one, x[0].roll(-int(shift), 2))


def test_roll_of_less_than_a_frame_is_identity() -> None:
    assert torch.equal(time_roll(clips(), seeded(), 0.01), clips())


def test_mask_is_one_run_within_its_bounds() -> None:
    x, generator = clips(64), seeded()
    widths, starts = set(), set()
    for _ in range(20):
        masked = frequency_mask(x, generator, 0.4)
        changed = (masked != x).all(dim=3)[:, 0]
        assert torch.equal((masked != x).any(dim=3)[:, 0], changed)
        runs = (changed[:, 1:] & ~changed[:, :-1]).sum(1) + changed[:, 0]
        assert int(runs.max()) <= 1
        widths |= set(changed.sum(1).tolist())
        starts |= set(changed.int().argmax(1)[changed.any(1)].tolist())
        filled = torch.where(changed[:, None, :, None], masked - x.mean((1, 2, 3), keepdim=True), 0.0)
        assert float(filled.abs().max()) < 1e-6
    assert widths == {0, 1, 2, 3, 4} and starts == set(range(12))


def test_mask_of_share_zero_is_identity() -> None:
    assert torch.equal(frequency_mask(clips(), seeded(), 0.0), clips())


@pytest.mark.parametrize("front_end", [None, FE])
def test_response_changes_only_the_chosen(front_end: FrontEnd | None) -> None:
    x, chosen = clips(), torch.tensor([True, False] * 4)
    changed = device_response(x, seeded(), RESPONSES[:2] + 1, chosen, 1.0, front_end)
    assert torch.equal(changed[1::2], x[1::2])
    assert all(not torch.equal(a, b) for a, b in zip(changed[::2], x[::2], strict=True))
    assert torch.equal(device_response(x, seeded(), RESPONSES, chosen, 0.0, front_end), x)
    assert torch.equal(device_response(x, seeded(), RESPONSES, ~ALL, 1.0, front_end), x)


def test_response_is_constant_in_time_and_one_of_the_given() -> None:
    x = clips()
    offset = device_response(x, seeded(), RESPONSES, ALL, 1.0) - x
    assert float((offset - offset[..., :1]).abs().max()) < 1e-6
    assert all(float((RESPONSES - o).abs().amax(1).min()) < 1e-6 for o in offset[:, 0, :, 0])


def test_response_in_power_changes_loud_bands_and_not_the_floor() -> None:
    floor = (math.log(FE.log_offset) - FE.mean) / FE.std
    response = torch.full((1, 12), 0.8)
    loud, silent = torch.full((8, 1, 12, 20), 2.0), torch.full((8, 1, 12, 20), floor)
    assert torch.allclose(device_response(loud, seeded(), response, ALL, 1.0, FE), loud + 0.8, atol=1e-5)
    assert torch.allclose(device_response(silent, seeded(), response, ALL, 1.0, FE), silent, atol=1e-5)
    assert float(device_response(clips(), seeded(), response - 9, ALL, 1.0, FE).min()) >= floor - 1e-5


def test_mixup_mixes_clips_labels_and_targets_with_the_same_weights() -> None:
    x, labels, targets = clips(64), torch.arange(64) % 5, 4 * torch.randn(64, 5, generator=seeded(9))
    mix = mixup(64, seeded(), 0.4, 0.7)
    share, other = mix.share, mix.other
    assert 5 < int((share == 1).sum()) < 35 and sorted(other.tolist()) == list(range(64))
    for i in (int(share.argmin()), int((share - 0.5).abs().argmin())):
        assert torch.allclose(mix(x)[i], share[i] * x[i] + (1 - share[i]) * x[other[i]], atol=1e-6)
    mass = mix(F.one_hot(labels, 5).float())
    assert torch.allclose(mass.sum(1), torch.ones(64)) and bool((mass >= 0).all())
    for t in (1.0, 2.0):  # at the temperature of the loss
        soft = F.softmax(mix.logits(targets, t) / t, 1)
        assert torch.allclose(soft, mix(F.softmax(targets / t, 1)), atol=1e-6)
        assert torch.allclose(soft.sum(1), torch.ones(64))
    # cross-entropy is linear in the target: that of the mixture is the mixture of both
    y = torch.randn(64, 5, generator=seeded(1))
    both = share * F.cross_entropy(y, labels, reduction="none") + (1 - share) * F.cross_entropy(
        y, labels[other], reduction="none"
    )
    assert float(F.cross_entropy(y, mass)) == pytest.approx(float(both.mean()), rel=1e-5)


def test_mixup_of_share_one_is_identity() -> None:
    x, targets, mix = clips(), torch.randn(8, 5, generator=seeded()), mixup(8, seeded(), 0.4, 0.0)
    assert torch.equal(mix(x), x) and torch.equal(mix.share, torch.ones(8))
    assert torch.allclose(F.softmax(mix.logits(targets, 2.0) / 2, 1), F.softmax(targets / 2, 1), atol=1e-6)
    assert bool(mix.logits(1e4 * targets, 1.0).isfinite().all())


def test_a_view_repeats_the_draws_of_its_reference() -> None:
    reference = FrontEnd.for_clip(24, 41, sample_rate=8000, n_fft=512, window=512)
    view, same = View(FE, reference), View(FE, FE)
    assert same.bands().tolist() == list(range(12)) and same.hops() == 1
    assert view.hops() == pytest.approx(reference.hop / FE.hop)
    assert view.bands().tolist() == [round((i + 1) / 13 * 25) - 1 for i in range(12)]
    places = torch.arange(24.0)[:, None].expand(64, 1, 24, 41), torch.arange(12.0)[:, None].expand(64, 1, 12, 20)
    one, two = frequency_mask(places[0], seeded(), 0.5), frequency_mask(places[1], seeded(), 0.5, view)
    masked = [(m != p).any(3)[:, 0] for m, p in zip((one, two), places, strict=True)]
    for wide, narrow in zip(*masked, strict=True):
        assert torch.equal(narrow, wide[view.bands().long()])
    times = torch.arange(41.0).expand(64, 1, 24, 41) / 40, torch.arange(20.0).expand(64, 1, 12, 20) / 19
    rolled = time_roll(times[0], seeded(), 0.4)[:, 0, 0, 0], time_roll(times[1], seeded(), 0.4, view)[:, 0, 0, 0]
    apart = (rolled[0] - rolled[1] + 0.5) % 1 - 0.5
    assert float(apart.abs().max()) < 1.1 / 19 and float(rolled[0].std()) > 0.1
    for augment in (time_roll, frequency_mask):
        assert torch.equal(augment(clips(), seeded(), 0.4), augment(clips(), seeded(), 0.4, same))
        states = []
        for x, v in ((clips(), view), (torch.zeros(8, 1, 24, 41), None)):
            augment(x, g := seeded(), 0.4, v)
            states.append(g.get_state())
        assert torch.equal(*states)
