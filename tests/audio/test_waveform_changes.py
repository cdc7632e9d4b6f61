"""Changes of waveforms by given amounts, against closed forms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from hwasc.audio.noise import coloured_noise
from hwasc.audio.waveform_changes import (
    amplified,
    impulse_response,
    mixture,
    recorded_through,
    response_files,
    shifted,
    with_noise,
)
from hwasc.errors import DataError

RATE = 16_000
TIME = np.arange(RATE) / RATE


def tone(frequency: float, amplitude: float) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * frequency * TIME)).astype(np.float32)


def amplitude(wave: np.ndarray, frequency: float) -> float:
    """Of a tone with a whole number of periods in the clip."""
    return float(2 * abs(np.fft.rfft(wave)[round(frequency)]) / len(wave))


def test_gain_and_shift() -> None:
    wave = tone(440, 0.1)
    assert amplitude(amplified(wave, 20.0), 440) == pytest.approx(1.0, rel=1e-5)
    assert amplitude(amplified(wave, -6.0), 440) == pytest.approx(0.1 / 1.9953, rel=1e-4)
    click = np.zeros(100, np.float32)
    click[90] = 1
    assert shifted(click, 0.25)[15] == 1 and shifted(click, -0.25)[65] == 1 and np.array_equal(shifted(click, 0), click)


@pytest.mark.parametrize("share", [0.5, 0.8, 0.01, 1.0])
def test_the_levels_in_a_mixture_are_as_the_shares(share: float) -> None:
    loud, quiet = tone(440, 0.5), tone(1000, 0.002)
    for first, second, f, g in ((loud, quiet, 440, 1000), (quiet, loud, 1000, 440)):
        mixed = mixture(first, second, share)
        parts = amplitude(mixed, f), amplitude(mixed, g)
        assert parts[0] * (1 - share) == pytest.approx(parts[1] * share, abs=1e-6)
    same = mixture(loud, tone(1000, 0.5), share)
    assert np.var(same) == pytest.approx(np.var(loud), rel=1e-4), "clips of one power keep it"


@pytest.mark.parametrize("snr", [20.0, -5.0])
def test_noise_has_the_ratio(snr: float) -> None:
    wave, noise = tone(440, 0.1), coloured_noise("pink", RATE, RATE, np.random.default_rng(0)) + 3.0
    added = with_noise(wave, noise, snr) - wave
    assert 10 * np.log10(np.var(wave) / np.var(added)) == pytest.approx(snr, abs=0.01)


def test_a_response_weighs_frequencies_without_delay_and_keeps_the_level(tmp_path: Path) -> None:
    impulse = np.zeros(400, np.float32)
    impulse[[300, 301]] = 0.5, 0.4  # delayed; |H(f)| = |0.5 + 0.4 exp(-2 pi i f / rate)|
    soundfile.write(tmp_path / "b.wav", impulse, RATE, subtype="FLOAT")
    (tmp_path / ".a.wav").write_text("hidden")
    (file,) = response_files(tmp_path)
    read = impulse_response(file, RATE)
    assert np.array_equal(read, impulse)
    wave = tone(500, 0.1) + tone(6000, 0.1)
    out = recorded_through(wave, read)
    expected = [abs(0.5 + 0.4 * np.exp(-2j * np.pi * f / RATE)) for f in (500, 6000)]
    found = amplitude(out, 500), amplitude(out, 6000)
    assert found[0] / found[1] == pytest.approx(expected[0] / expected[1], rel=1e-2)
    assert np.var(out) == pytest.approx(np.var(wave), rel=1e-5)
    white = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    lags = np.correlate(recorded_through(white, read)[:2000], white[:2000], "full")
    assert int(lags.argmax()) == 1999, "no delay"
    with pytest.raises(DataError, match="no impulse responses found"):
        response_files(tmp_path / "none")
