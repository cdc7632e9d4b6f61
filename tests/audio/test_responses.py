"""Device responses added in log-mel, compared with convolution of the waveform."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
import torch

from hwasc.audio.augmentation import device_response, load_responses
from hwasc.audio.frontend import LogMel
from hwasc.audio.reading import read_clip
from hwasc.errors import DataError
from hwasc.records.front_end import FrontEnd

SHARED = Path(__file__).parents[3] / "shared" / "data"
FE = FrontEnd.for_clip(64, 51, n_fft=2048, window=2048)


def error(wave: np.ndarray, impulse: np.ndarray, response: torch.Tensor, fe: FrontEnd, exact: bool) -> float:
    """Mean absolute difference, in natural-log power, over the second of `wave` that starts at the middle."""
    first, delay = len(wave) // 2, int(np.abs(impulse).argmax())
    filtered = np.convolve(wave, impulse) if len(impulse) < 500 else _convolve(wave, impulse)
    cut = np.stack([wave[first : first + fe.samples], filtered[first + delay : first + delay + fe.samples]])
    plain, true = LogMel(fe)(torch.from_numpy(cut.astype(np.float32)))
    generator, chosen = torch.Generator().manual_seed(0), torch.tensor([True])
    ours = device_response(plain[None, None], generator, response[None], chosen, 1.0, fe if exact else None)
    return float((ours[0, 0] - true).abs().mean()) * fe.std


def _convolve(wave: np.ndarray, impulse: np.ndarray) -> np.ndarray:
    n = 1 << (len(wave) + len(impulse)).bit_length()
    return np.fft.irfft(np.fft.rfft(wave, n) * np.fft.rfft(impulse, n), n)


def normalised(impulse: np.ndarray, fe: FrontEnd) -> np.ndarray:
    """The impulse response at the level at which its mean log-mel response over the bands is zero."""
    from hwasc.audio.frontend import mel_filters

    n = max(fe.n_fft, 1 << (len(impulse) - 1).bit_length())
    filters = mel_filters(fe, n).astype(float)
    gain = filters @ np.abs(np.fft.rfft(impulse, n)) ** 2 / filters.sum(1)
    return impulse * np.exp(-np.log(np.maximum(gain, gain.max() * 1e-6)).mean() / 2)


def short_response() -> np.ndarray:
    """A gentle resonance, a few milliseconds long: well below the window. A delay leaves room for resampling."""
    t = np.arange(200)
    impulse = 0.5 * np.exp(-t / 15) * np.cos(2 * np.pi * 0.08 * t)
    impulse[0] += 1
    return np.pad(impulse, (100, 0))


def test_equals_convolution_on_noise(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", short_response(), FE.sample_rate, subtype="FLOAT")
    (response,) = load_responses(tmp_path, FE)
    assert abs(float(response.mean())) < 1e-5 and float(response.std()) > 0.02
    wave = 0.1 * np.random.default_rng(0).standard_normal(2 * FE.sample_rate + 8000)
    assert error(wave, normalised(short_response(), FE), response, FE, exact=True) < 0.05


def test_other_rates_give_the_same_response(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", short_response(), 32_000, subtype="FLOAT")
    soundfile.write(tmp_path / "b.flac", 0.4 * soxr.resample(short_response(), 32_000, 48_000), 48_000)
    (tmp_path / "notes.txt").write_text("ignored")
    first, second = load_responses(tmp_path, FE)
    assert float((first - second)[:60].abs().max()) * FE.std < 0.05


def test_an_impulse_changes_nothing(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.eye(1, 64)[0], 32_000)
    assert float(load_responses(tmp_path, FE).abs().max()) < 1e-5


def test_unusable_folders_and_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no impulse responses"):
        load_responses(tmp_path / "absent", FE)
    (tmp_path / "a.wav").write_text("no")
    with pytest.raises(DataError, match=r"a\.wav: cannot be used as an impulse response"):
        load_responses(tmp_path, FE)


@pytest.mark.skipif(not (SHARED / "device_irs").is_dir(), reason="the microphone responses are not here")
def test_real_responses_on_noise_and_on_the_city() -> None:
    fe = FrontEnd()
    responses = load_responses(SHARED / "device_irs", fe)
    assert responses.shape == (66, fe.mels) and bool(responses.isfinite().all())
    noise = 0.1 * np.random.default_rng(0).standard_normal(3 * fe.sample_rate)
    recordings = sorted((SHARED / "city_scenes" / "audio").glob("*/*.ogg"))
    on_noise, on_city, plainly = [], [], []
    for i, file in list(enumerate(sorted((SHARED / "device_irs").glob("*.wav"))))[::8]:
        wave, rate = soundfile.read(file)
        impulse = normalised(soxr.resample(wave, rate, fe.sample_rate), fe)
        on_noise.append(error(noise, impulse, responses[i], fe, exact=True))
        if recordings:
            city = read_clip(recordings[i % len(recordings)], 0.0, 3.0, fe.sample_rate).astype(float)
            on_city.append(error(city, impulse, responses[i], fe, exact=True))
            plainly.append(error(city, impulse, responses[i], fe, exact=False))
    assert np.mean(on_noise) < 0.08
    if recordings:
        assert np.mean(on_city) < 0.1 < np.mean(plainly)
