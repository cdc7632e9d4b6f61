"""What the front end costs: librosa's filters, a small case by hand, published counts of additions."""

from __future__ import annotations

import itertools
import warnings

import librosa.filters
import pytest

from hwasc.cost.frontend import band_bins, fft_macs, front_end_costs
from hwasc.records.front_end import FrontEnd
from hwasc.records.space import SearchSpace


@pytest.mark.parametrize("n_fft", [512, 601, 1024, 2048, 4096])
@pytest.mark.parametrize("band", [(0.0, 1.0), (0.003, 0.94), (0.0013, 0.44)])
@pytest.mark.parametrize("scale", ["slaney", "htk"])
def test_the_bins_of_a_band_are_those_that_librosa_weights(n_fft: int, band: tuple[float, float], scale: str) -> None:
    for rate, mels in itertools.product((16_000, 32_000, 44_100), (13, 40, 96, 256)):
        low, high = band[0] * rate / 2, band[1] * rate / 2
        front_end = FrontEnd.for_clip(
            mels, 9, 1.0, rate, n_fft=n_fft, window=n_fft, f_min=low, f_max=high, mel_scale=scale
        )
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Empty filters")
            filters = librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=mels, fmin=low, fmax=high, htk=scale == "htk")
        assert band_bins(front_end) == (filters > 1e-9).sum(axis=1).tolist()  # below: rounding at the upper edge


def test_a_small_front_end_by_hand() -> None:
    """Nine frames of an FFT of 8 at 8 kHz: bins 1, 2 and 3 kHz lie in the one band from 0 to 4 kHz."""
    costs = front_end_costs(FrontEnd(8_000, 1.0, n_fft=8, window=6, hop=1_000, mels=1, frames=9, f_max=4_000.0))
    m, r, f = costs.macs, costs.ram, costs.flash
    assert (m.window, m.fft, m.power, m.mel, m.log) == (9 * 6, 9 * 20, 9 * 2 * 5, 9 * 3, 9 * 10)
    assert m.total == 9 * (6 + 20 + 10 + 3 + 10)
    assert (r.samples, r.fft, r.total) == (2 * (6 + 6), 4 * (8 + 10), 96)  # of a long hop only the last 6 samples
    assert (f.window, f.fft, f.mel, f.total) == (24, 4 * 8 + 4 * 8 + 2 * 8, 4 * 3 + 8, 124)
    assert (costs.map, costs.how_known) == (9, "estimate")


def test_additions_of_the_real_split_radix_fft() -> None:
    assert [fft_macs(n) for n in (2, 4, 8, 16, 32, 1024)] == [2, 6, 20, 60, 164, 12_804]


def test_other_lengths_count_as_the_next_power_of_two() -> None:
    odd, even = (front_end_costs(FrontEnd.for_clip(24, 9, n_fft=n, window=600)) for n in (601, 1024))
    assert (odd.macs.fft, odd.ram, odd.flash.fft) == (even.macs.fft, even.ram, even.flash.fft)


def test_a_longer_window_of_the_full_space_costs_more() -> None:
    space = SearchSpace.load("full")
    point = {name: values[0] for name, values in space.choices().items()}
    costs = [front_end_costs(space.front_end_at({**point, "window": w})) for w in (1024, 2048, 3072)]
    for cheaper, dearer in itertools.pairwise(costs):
        assert 1.5 < dearer.macs.total / cheaper.macs.total < 3
        assert cheaper.ram.total < dearer.ram.total and cheaper.flash.total < dearer.flash.total
