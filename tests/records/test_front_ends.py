"""The log-mels of published nets, against independent computations of what was published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hwasc.audio.frontend import LogMel
from hwasc.errors import UsageError
from hwasc.records.front_end import FrontEnd
from hwasc.records.front_ends import FRONT_ENDS, front_end, name_of

YAMNET = Path(__file__).parents[3] / "shared" / "data" / "pretrained" / "yamnet" / "yamnet_spectra_in.tflite"


def sound(sample_rate: int, seconds: float = 1.0) -> np.ndarray:
    """Noise with a chirp and a quiet end, (samples,) float64."""
    rng, t = np.random.default_rng(0), np.arange(round(seconds * sample_rate)) / sample_rate
    wave = 0.1 * rng.standard_normal(len(t)) + 0.3 * np.sin(2 * np.pi * (200 + 2000 * t) * t)
    wave[-len(t) // 5 :] *= 1e-3
    return np.asarray(wave.clip(-1, 1))


def ours(name: str, wave: np.ndarray) -> np.ndarray:
    fe = front_end(name, 1.0)
    return LogMel(fe)(torch.from_numpy(wave[None]).float())[0].numpy()


def mel(hertz: np.ndarray | float) -> np.ndarray:
    return 1127 * np.log(1 + np.asarray(hertz) / 700)


def triangles_in_mel(bands: int, bins: int, rate: int, low: float, high: float) -> np.ndarray:
    """Filter by filter, bin by bin."""
    edges, out = np.linspace(mel(low), mel(high), bands + 2), np.zeros((bands, bins))
    for b in range(bands):
        for k in range(bins):
            m = mel(k * rate / 2 / (bins - 1))
            up, down = (m - edges[b]) / (edges[b + 1] - edges[b]), (edges[b + 2] - m) / (edges[b + 2] - edges[b + 1])
            out[b, k] = max(0.0, min(up, down))
    return out


@pytest.mark.parametrize(
    ("name", "offset", "gain"), [("yamnet", 0.001, 1), ("yamnet_coral", 0.001, 4.1), ("vggish", 0.01, 1)]
)
def test_googles(name: str, offset: float, gain: float) -> None:
    """Frames of 25 ms every 10 ms, periodic Hann, magnitudes, 64 triangles in mel from 125 to 7,500 Hz, ln(x + offset)."""
    wave = sound(16_000)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    frames = np.stack([wave[t : t + 400] * window for t in range(0, 16_000 - 400 + 1, 160)])
    magnitudes = np.abs(np.fft.rfft(frames, 512))
    expected = np.log(gain * magnitudes @ triangles_in_mel(64, 257, 16_000, 125, 7500).T + offset).T
    assert ours(name, wave) == pytest.approx(expected, abs=2e-4)


@pytest.mark.parametrize(
    ("name", "window", "hop", "n_fft", "bands"),
    [("passt", 800, 320, 1024, 128), ("efficientat", 800, 320, 1024, 128), ("cp_mobile_2023", 3072, 500, 4096, 256)],
)
def test_passts(name: str, window: int, hop: int, n_fft: int, bands: int) -> None:
    """Pre-emphasis of the clip, symmetric Hann, centred and mirrored, powers, Kaldi's triangles to 15,000 Hz."""
    wave = sound(32_000)
    emphasised = torch.from_numpy(wave[1:] - 0.97 * wave[:-1])
    hann = torch.hann_window(window, periodic=False, dtype=torch.float64)
    spectrum = torch.stft(emphasised, n_fft, hop, window, hann, center=True, pad_mode="reflect", return_complex=True)
    filters = triangles_in_mel(bands, 1 + n_fft // 2, 32_000, 0, 15_000)
    expected = (np.log(filters @ (spectrum.abs() ** 2).numpy() + 1e-5) + 4.5) / 5
    assert ours(name, wave) == pytest.approx(expected, abs=2e-4)


def test_the_baselines() -> None:
    """torchaudio's MelSpectrogram with its defaults: HTK's scale, triangles in hertz of height 1."""
    wave = sound(32_000)
    hann = torch.hann_window(3072, dtype=torch.float64)
    spectrum = torch.stft(
        torch.from_numpy(wave), 4096, 500, 3072, hann, center=True, pad_mode="reflect", return_complex=True
    )
    mels = torch.linspace(0, 2595 * np.log10(1 + 16_000 / 700), 258, dtype=torch.float64)
    edges, bins = 700 * (10 ** (mels / 2595) - 1), torch.linspace(0, 16_000, 2049, dtype=torch.float64)
    slopes = edges[None] - bins[:, None]
    down, up = -slopes[:, :-2] / edges.diff()[:-1], slopes[:, 2:] / edges.diff()[1:]
    filters = torch.minimum(down, up).clamp(min=0)
    expected = torch.log(filters.T @ spectrum.abs() ** 2 + 1e-5).numpy()
    assert ours("dcase2024_baseline", wave) == pytest.approx(expected, abs=2e-4)


def test_panns() -> None:
    librosa = pytest.importorskip("librosa")
    wave = sound(32_000)
    bands = librosa.feature.melspectrogram(
        y=wave, sr=32_000, n_fft=1024, hop_length=320, n_mels=64, fmin=50, fmax=14_000, pad_mode="reflect"
    )
    expected = librosa.power_to_db(bands, ref=1.0, amin=1e-10, top_db=None)
    assert ours("panns", wave) == pytest.approx(expected, abs=2e-3)


def test_asts() -> None:
    """The extractor of transformers without torchaudio, a separate implementation of Kaldi's fbank."""
    utils = pytest.importorskip("transformers.audio_utils")
    wave = sound(16_000)
    filters = utils.mel_filter_bank(
        257, 128, 20, 8000, 16_000, norm=None, mel_scale="kaldi", triangularize_in_mel_space=True
    )
    expected = utils.spectrogram(
        wave, utils.window_function(400, "hann", periodic=False), frame_length=400, hop_length=160, fft_length=512, power=2.0,
        center=False, preemphasis=0.97, mel_filters=filters, log_mel="log", mel_floor=2.0**-23, remove_dc_offset=True,
    )  # fmt: skip
    assert ours("ast", wave) == pytest.approx((expected + 4.2677393) / (2 * 4.5689974), abs=2e-3)
    povey = utils.window_function(400, "povey", periodic=False)
    loud = utils.spectrogram(
        wave * 2**15, povey, frame_length=400, hop_length=160, fft_length=512, power=2.0, center=False, preemphasis=0.97,
        mel_filters=filters, log_mel="log", mel_floor=2.0**-23, remove_dc_offset=True,
    )  # fmt: skip
    assert ours("beats", wave) == pytest.approx((loud - 15.41663) / (2 * 6.55582), abs=2e-3)


def test_names() -> None:
    assert front_end("hwasc", 1.0) == FrontEnd(frames=65)
    for name in FRONT_ENDS:
        found = name_of(front_end(name, 2.0))
        assert found is not None and front_end(found, 2.0) == front_end(name, 2.0)
    assert name_of(FrontEnd(mels=40)) is None
    with pytest.raises(UsageError, match="yamnet"):
        front_end("yamnt", 1.0)
    with pytest.raises(UsageError, match="front end vggish"):
        front_end("vggish", 0.01)
