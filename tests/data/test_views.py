"""Views of clips: the same for every front end and number of workers, by seed and id alone; partners, labels, hashes."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from hwasc.audio.frontend import LogMel
from hwasc.audio.reading import UnreadableClip, read_clip
from hwasc.audio.waveform_changes import mixture
from hwasc.data.clips import Clip
from hwasc.data.features import extract
from hwasc.data.views import SAMPLE_RATE, View, in_log_mel, make_views
from hwasc.data.waveforms import waveforms
from hwasc.records.data_settings import AugmentSettings
from hwasc.records.front_end import FrontEnd

FE = FrontEnd.for_clip(16, 9, sample_rate=8000, n_fft=512, window=512)
CLASSES = ("bus", "park", "tram")
STILL = AugmentSettings(roll=0.0, gain=0.0, response_p=0.0)
ALL = AugmentSettings(noise_p=0.7, mixup_p=0.7, mixup_alpha=1.0, equaliser_p=0.7, band_limit_p=0.5, response_devices=())


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    """Seventy clips (two chunks) of seven recordings; the hundreds of the tone in hertz are the clip's number."""
    made, time = [], np.arange(10 * 8000) / 8000
    rng = np.random.default_rng(0)
    for k in range(7):
        path = tmp_path / f"{k}.wav"
        soundfile.write(path, 0.1 * np.sin(2 * np.pi * 300 * (k + 1) * time) + 0.01 * rng.standard_normal(80_000), 8000)
        made += [
            Clip(
                id=f"{k}.wav#{s}",
                path=path,
                start=float(s),
                seconds=1.0,
                scene=CLASSES[k % 3],
                location=path.name,
                device="ab"[k % 2],
            )
            for s in range(10)
        ]
    return made


@pytest.fixture
def responses(tmp_path: Path) -> Path:
    folder = tmp_path / "responses"
    folder.mkdir()
    rng = np.random.default_rng(1)
    for k in range(3):
        decay = rng.standard_normal(200) * np.exp(-np.arange(200) / 20)
        soundfile.write(folder / f"{k}.wav", 0.5 * decay / np.abs(decay).max(), 44_100)
    return folder


def waves(clips: list[Clip], view: View, rate: int = 8000) -> list[np.ndarray]:
    found = list(waveforms(clips, rate, view))
    assert not any(isinstance(w, UnreadableClip) for w in found)
    return found  # type: ignore[return-value]


def views(clips: list[Clip], settings: AugmentSettings, count: int = 1, **more: object) -> tuple[View, ...]:
    return make_views(clips, [c.location for c in clips], settings, seed=3, count=count, **more)  # type: ignore[arg-type]


@pytest.mark.slow
def test_neither_order_nor_other_clips_nor_workers_matter(
    clips: list[Clip], responses: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hwasc.data.features.FEW", 0)
    first, second = views(clips, ALL, 2, responses=responses)
    backwards = views(clips[::-1], ALL, 2, responses=responses)
    assert first == backwards[0] and second == backwards[1] and first != second
    some = [clips[41], clips[3], clips[69]]
    alone, all_waves = waves(some, first), waves(clips, first)
    for wave, k in zip(alone, (41, 3, 69), strict=True):
        assert np.array_equal(wave, all_waves[k])
    assert not np.allclose(waves(some, second)[0], alone[0], atol=1e-3)
    one, two = (extract(clips, CLASSES, FE, tmp_path / f"cache{n}", change=first, workers=n) for n in (1, 2))
    assert one.path.read_bytes() == two.path.read_bytes() and one.hashes == two.hashes
    assert torch.allclose(one.batch(np.array([41]))[0], LogMel(FE)(torch.from_numpy(alone[0])[None]), atol=5e-3)


def test_a_view_of_nothing_is_the_clip(clips: list[Clip]) -> None:
    (view,) = views(clips, STILL)
    for wave, clip in zip(waves(clips[:3], view), clips, strict=False):
        plain = read_clip(clip.path, clip.start, 1.0, 8000)
        assert np.abs(wave - plain)[200:-200].max() < 0.02, (
            "resampled to 48 kHz and back: the last tenth of the band falls"
        )
    same = read_clip(clips[0].path, 0.0, 1.0, SAMPLE_RATE)
    assert np.allclose(waves(clips[:1], view, SAMPLE_RATE)[0], same, atol=1e-6)


def test_front_ends_of_other_rates_get_the_same_sound(clips: list[Clip], responses: Path) -> None:
    """Levels of the tone and of the noise agree at 8 and 16 kHz, below 3 kHz, which both have."""
    (view,) = views(clips, replace(ALL, noise_p=1.0, noise_snr=(0.0, 0.0)), responses=responses)
    low, high = (np.abs(np.fft.rfft(waves(clips, view, rate), axis=1))[:, 50:3000] / rate for rate in (8000, 16_000))
    assert np.abs(low - high).max() < 0.01 * high.max()


def test_partners_are_of_the_group_and_share_the_label(clips: list[Clip]) -> None:
    settings = replace(STILL, mixup_p=1.0, mixup_alpha=1.0)
    groups = [c.device for c in clips]
    (view,) = make_views(clips, groups, settings, seed=0, count=1)
    assert len(view.partners) == len(clips)
    labels = view.labels(clips, CLASSES)
    for clip, wave, label in zip(clips, waves(clips, view, SAMPLE_RATE), labels, strict=True):
        partner, share = view.partners[clip.id], view.draw(clip.id).share
        assert partner != clip and partner.device == clip.device
        expected = np.zeros(3)
        expected[CLASSES.index(clip.scene)] += share
        expected[CLASSES.index(partner.scene)] += 1 - share
        assert np.allclose(label, expected, atol=1e-6)
        mine, other = (read_clip(c.path, c.start, 1.0, SAMPLE_RATE) for c in (clip, partner))
        assert np.allclose(wave, mixture(mine, other, share), atol=1e-6)
    assert (
        len({p.id for p in view.partners.values()}) > 30 and 0.4 < np.mean([view.draw(c.id).share for c in clips]) < 0.6
    )
    (lonely,) = make_views(clips[:1], [0], settings, seed=0, count=1)
    assert not lonely.partners and lonely.labels(clips[:1], CLASSES).tolist() == [[1, 0, 0]]


def test_draws_have_the_ranges_and_rates_of_the_settings() -> None:
    settings = replace(ALL, roll=0.2, gain=6.0, noise_p=0.3, noise_snr=(5.0, 30.0), response_p=0.4, mixup_p=0.5)
    draws = [View(settings=settings, seed=0, number=0).draw(str(k)) for k in range(2000)]
    assert np.ptp([d.shift for d in draws]) == pytest.approx(0.4, abs=0.01)
    assert np.ptp([d.decibels for d in draws]) == pytest.approx(12.0, abs=0.1)
    noisy = [d.snr for d in draws if d.snr is not None]
    assert len(noisy) / 2000 == pytest.approx(0.3, abs=0.04) and 5 <= min(noisy) < 6 and 29 < max(noisy) <= 30
    assert sum(d.response is not None for d in draws) / 2000 == pytest.approx(0.4, abs=0.04)
    assert sum(d.share < 1 for d in draws) / 2000 == pytest.approx(0.5, abs=0.04)
    weaker = [View(settings=replace(settings, gain=3.0), seed=0, number=0).draw(str(k)) for k in range(5)]
    for weak, strong in zip(weaker, draws, strict=False):
        assert replace(weak, decibels=2 * weak.decibels) == strong, "one strength changes no other draw"


def test_only_named_devices_are_recorded_through_responses(clips: list[Clip], responses: Path) -> None:
    (view,) = views(clips, replace(STILL, response_p=1.0, response_devices=("a",)), responses=responses)
    for clip, wave in zip(clips[::10], waves(clips[::10], view, SAMPLE_RATE), strict=True):
        plain = read_clip(clip.path, clip.start, 1.0, SAMPLE_RATE)
        assert np.allclose(wave, plain, atol=1e-5) == (clip.device != "a")
        assert np.var(wave) == pytest.approx(np.var(plain), rel=1e-3)


def test_hashes_follow_all_that_changes_the_sound(clips: list[Clip], responses: Path, tmp_path: Path) -> None:
    def hashes(view: View | None, of: list[Clip] = clips[:2]) -> tuple[str, ...]:
        return tuple(extract(of, CLASSES, FE, tmp_path / "cache", change=view).hashes)

    first, second = views(clips, ALL, 2, responses=responses)
    other_masks = replace(first, settings=replace(ALL, mask=0.3, mixstyle_p=0.0))
    assert hashes(first) == hashes(other_masks) == hashes(pickle.loads(pickle.dumps(first)))
    different = [first, second, None, replace(first, seed=4), replace(first, settings=replace(ALL, gain=7.0))]
    different += [replace(first, responses=first.responses[:2]), replace(first, partners={clips[0].id: clips[60]})]
    assert len({hashes(view) for view in different}) == len(different)
    before = hashes(first)
    mixed = first.partners[next(c.id for c in clips[:2] if c.id in first.partners)]
    rng = np.random.default_rng(9)
    soundfile.write(mixed.path, 0.1 * rng.standard_normal(80_000), 8000)
    assert hashes(first) != before, "the partner's content counts"


def test_a_missing_partner_is_named(clips: list[Clip]) -> None:
    (view,) = make_views(clips, [0] * 70, replace(STILL, mixup_p=1.0), seed=0, count=1)
    gone = Clip(id="gone", path=Path("gone.wav"), start=0.0, seconds=1.0, scene="bus", location="x", device="a")
    (found,) = waveforms(clips[:1], 8000, replace(view, partners={clips[0].id: gone}))
    assert isinstance(found, UnreadableClip) and "its partner in a mixture, gone" in str(found)


def test_what_is_done_in_the_waveform_is_not_done_again() -> None:
    left = in_log_mel(replace(ALL, mask=0.2, mixstyle_p=0.3))
    (view,) = make_views([], [], left, seed=0, count=1)
    draw = view.draw("a")
    assert (draw.shift, draw.share, draw.response, draw.decibels, draw.snr) == (0, 1, None, 0, None)
    assert (left.mask, left.mixstyle_p, left.equaliser_p, left.band_limit_p) == (0.2, 0.3, 0, 0)
