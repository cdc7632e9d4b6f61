"""The front end gives the values of librosa."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch

from hwasc.audio.frontend import LogMel, mel_filters
from hwasc.records.front_end import FrontEnd

CONFIGURATIONS = {
    "default": FrontEnd(),
    "64 frames": FrontEnd.for_clip(256, 64),
    "small": FrontEnd.for_clip(40, 32, n_fft=1024, window=1024),
    "band": FrontEnd.for_clip(128, 51, sample_rate=44_100, n_fft=2048, window=2048, f_min=50.0, f_max=14_000.0),
    "odd window": FrontEnd.for_clip(33, 20, sample_rate=16_000, n_fft=512, window=401, mean=0.0, std=1.0),
    "empty bands": FrontEnd.for_clip(256, 20, sample_rate=16_000, n_fft=512, window=512),
    "odd n_fft": FrontEnd.for_clip(24, 16, sample_rate=8_000, n_fft=601, window=600),
}


def by_librosa(wave: np.ndarray, fe: FrontEnd) -> np.ndarray:
    mel = librosa.feature.melspectrogram(
        y=wave,
        sr=fe.sample_rate,
        n_fft=fe.n_fft,
        hop_length=fe.hop,
        win_length=fe.window,
        window="hann",
        center=True,
        pad_mode="constant",
        power=2.0,
        n_mels=fe.mels,
        fmin=fe.f_min,
        fmax=fe.f_max,
    )
    return np.log(mel + fe.log_offset)[:, : fe.frames]


def sound(fe: FrontEnd, seed: int = 0) -> np.ndarray:
    """Noise with a falling level, a tone and a silent end."""
    rng = np.random.default_rng(seed)
    t = np.arange(fe.samples) / fe.sample_rate
    wave = rng.standard_normal(fe.samples) * 0.1 * np.exp(-3 * t) + 0.3 * np.sin(2 * np.pi * 1234 * t)
    wave[t > 0.9 * fe.seconds] = 0
    return wave.astype(np.float32)


@pytest.mark.filterwarnings("ignore:Empty filters")
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_agrees_with_librosa(name: str) -> None:
    fe = CONFIGURATIONS[name]
    waves = np.stack([sound(fe, 0), sound(fe, 1)])
    ours = LogMel(fe)(torch.from_numpy(waves))
    assert ours.shape == (2, fe.mels, fe.frames) and ours.dtype == torch.float32
    for wave, one in zip(waves, ours.numpy(), strict=True):
        assert np.abs(one * fe.std + fe.mean - by_librosa(wave, fe)).max() < 1e-3


def test_a_clip_does_not_depend_on_its_batch() -> None:
    fe = FrontEnd.for_clip(64, 33, n_fft=1024, window=1024)
    waves = torch.from_numpy(np.stack([sound(fe, s) for s in range(5)]))
    log_mel = LogMel(fe)
    together = log_mel(waves)
    alone = torch.cat([log_mel(wave[None]) for wave in waves])
    assert torch.allclose(together, alone, atol=1e-5)


def test_autocast_does_not_lower_the_precision() -> None:
    fe = FrontEnd.for_clip(64, 33, n_fft=1024, window=1024)
    wave = torch.from_numpy(sound(fe))[None]
    log_mel = LogMel(fe)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = log_mel(wave)
    assert result.dtype == torch.float32 and torch.equal(result, log_mel(wave))


def test_the_module_can_be_moved_and_has_no_saved_weights() -> None:
    log_mel = LogMel(FrontEnd.for_clip(16, 9, sample_rate=8000, n_fft=512, window=512))
    assert all(b.device.type == "meta" for b in log_mel.to("meta").buffers())
    assert not log_mel.state_dict() and not list(log_mel.parameters())


def test_too_few_samples_are_refused() -> None:
    fe = FrontEnd.for_clip(16, 9, sample_rate=8000, n_fft=512, window=512)
    with pytest.raises(ValueError, match="at least 8000 samples"):
        LogMel(fe)(torch.zeros(1, 7999))


@pytest.mark.filterwarnings("error")
def test_filters_are_slaney_area_normalised() -> None:
    fe = FrontEnd()
    filters = mel_filters(fe, 1 << 16)
    width = fe.sample_rate / (1 << 16)
    assert np.allclose(filters.sum(axis=1) * width, 1, atol=0.02)
    assert mel_filters(CONFIGURATIONS["empty bands"]).shape == (256, 257)
