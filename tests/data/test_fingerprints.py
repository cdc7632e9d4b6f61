"""Fingerprints of sounds: copies are found in any gain, format and rate; independent sounds are never taken for copies."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import scipy.signal
import soundfile
import soxr

from hwasc.data.fingerprints import known, sketch, sketches, twins

RATE = 44_100
Wave = npt.NDArray[np.float64]


def noise(rng: np.random.Generator, seconds: float, low: float = 100, high: float = 8000, rate: int = RATE) -> Wave:
    bands = scipy.signal.butter(2, [low, min(high, 0.45 * rate)], "band", fs=rate, output="sos")
    wave = scipy.signal.sosfilt(bands, rng.standard_normal(round(seconds * rate)))
    return np.round(0.1 * wave / wave.std() * 32768).clip(-32768, 32767) / 32768


def written(path: Path, wave: Wave, rate: int = RATE, **how: str) -> Path:
    soundfile.write(path, wave, rate, **how)
    return path


def copies(folder: Path, wave: Wave) -> Iterator[Path]:
    yield written(folder / "copy.flac", wave)
    yield written(folder / "float.wav", wave, subtype="FLOAT")
    yield written(folder / "24.wav", wave, subtype="PCM_24")
    yield written(folder / "half.wav", 0.5 * wave)
    yield written(folder / "loud.wav", 32768 * wave, subtype="FLOAT")
    yield written(folder / "copy.mp3", wave)
    yield written(folder / "copy.ogg", wave)
    yield written(folder / "32.wav", soxr.resample(wave, RATE, 32_000), 32_000)
    yield written(folder / "16.wav", soxr.resample(wave, RATE, 16_000), 16_000)
    yield written(folder / "stereo.wav", np.stack([wave, wave], axis=1))
    yield written(folder / "dead.wav", np.stack([wave, 0 * wave], axis=1))
    yield written(folder / "opposite.wav", np.stack([wave, -wave], axis=1))
    yield written(folder / "late.wav", np.concatenate([np.zeros(1105), wave]))  # as an encoder delays it


@pytest.mark.parametrize("seconds", [0.9, 2.0, 7.3])
def test_copies_are_found(tmp_path: Path, seconds: float) -> None:
    wave = noise(np.random.default_rng(round(10 * seconds)), seconds)
    original = sketch(written(tmp_path / "original.wav", wave))
    shutil.copy(tmp_path / "original.wav", tmp_path / "bytes.wav")
    assert sketch(tmp_path / "bytes.wav") == original and len(original) == 80 and set(original) <= set("0123456789abcdef")
    for path in copies(tmp_path, wave):
        assert known([sketch(path)], [original]) == [True], path.name


def test_a_stereo_recording_and_its_mean(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    wave = np.stack([noise(rng, 2.0), noise(rng, 2.0)], axis=1)
    one, other = written(tmp_path / "a.wav", wave), written(tmp_path / "b.wav", wave.mean(axis=1))
    assert known([sketch(one)], [sketch(other)]) == [True]


@pytest.mark.parametrize("kind", ["alike", "narrow", "padded", "tones", "hum", "one place", "alike at the start"])
def test_independent_sounds_are_no_twins(tmp_path: Path, kind: str) -> None:
    rng = np.random.default_rng(3)
    long, start = noise(rng, 40.0), noise(rng, 1.5)
    t = np.arange(2 * RATE) / RATE
    paths = []
    for k in range(20):
        if kind == "one place":
            wave = long[2 * k * RATE : 2 * (k + 1) * RATE]
        elif kind == "tones":
            wave = 0.1 * np.sin(2 * np.pi * (200 + 20 * k) * t)
        elif kind == "hum":
            wave = 0.1 * sum(np.sin(2 * np.pi * 50 * m * t) / m for m in range(1, 20)) + 0.001 * rng.standard_normal(len(t))
        else:
            wave = noise(rng, 2.0, *((900, 1100) if kind == "narrow" else (100, 4000)))
        if kind == "padded":
            wave[RATE // 2 :] = 0
        if kind == "alike at the start":
            wave[: len(start)] = start
        paths.append(written(tmp_path / f"{k}.wav", wave))
    found = sketches(paths, [None] * len(paths))
    assert twins(found) == []
    assert twins([*found, found[7]]) == [[7, 20]] or found[7] == ""


def test_nothing_to_tell_and_exact_copies_only(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    paths = [written(tmp_path / "zeros.wav", np.zeros(RATE)), written(tmp_path / "dc.wav", np.full(RATE, 0.1))]
    assert [sketch(p) for p in (*paths, tmp_path / "text.wav", tmp_path / "gone.wav")] == [""] * 4
    assert twins(["", "", ""]) == []
    click = np.zeros(5 * RATE)
    click[2 * RATE : 2 * RATE + 40] = np.round(np.random.default_rng(1).uniform(-1, 1, 40) * 9999) / 32768
    other = np.roll(click, 4000)
    names = [written(tmp_path / n, w) for n, w in (("a.wav", click), ("b.flac", click), ("c.wav", other))]
    assert twins([sketch(p) for p in names]) == [[0, 1]]
    short = written(tmp_path / "short.wav", noise(np.random.default_rng(2), 0.1))
    assert known([sketch(short)], [sketch(written(tmp_path / "short.flac", soundfile.read(short)[0]))]) == [True]


def test_high_sounds_are_told_by_high_bands(tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    bands = scipy.signal.butter(12, [5000, 7000], "band", fs=RATE, output="sos")
    waves = [0.1 * scipy.signal.sosfilt(bands, rng.standard_normal(2 * RATE)) for _ in range(4)]
    found = [sketch(written(tmp_path / f"{k}.wav", w, subtype="FLOAT")) for k, w in enumerate(waves)]
    half = sketch(written(tmp_path / "half.flac", 0.5 * waves[2]))
    assert [s[0] for s in found] == ["2"] * 4 and twins([*found, half]) == [[2, 4]]


def random_sketch(rng: random.Random) -> str:
    return f"13{10_000:08x}000000{rng.getrandbits(256):064x}"


def changed(text: str, bits: int, rng: random.Random) -> str:
    value = int(text[16:], 16)
    for k in rng.sample(range(256), bits):
        value ^= 1 << k
    return f"{text[:16]}{value:064x}"


def test_groups_do_not_depend_on_the_order_and_time_is_linear() -> None:
    rng = random.Random(4)
    texts = [random_sketch(rng) for _ in range(4000)]
    texts += [changed(t, 25, rng) for t in texts[:50]]
    texts += [texts[60]] * 300
    groups = twins(texts)
    assert len(groups) == 51 and [len(g) for g in groups] == [2] * 50 + [301]
    order = rng.sample(range(len(texts)), len(texts))
    again = twins([texts[i] for i in order])
    assert sorted(sorted(order[i] for i in g) for g in again) == groups
    assert known(texts[:100], texts[4000:]) == [True] * 50 + [False] * 10 + [True] + [False] * 39


def test_length_and_level_are_part_of_a_sound() -> None:
    text = random_sketch(random.Random(1))
    longer, quieter_end = f"13{10_300:08x}{text[10:]}", f"{text[:14]}0c{text[16:]}"
    assert twins([text, longer]) == [] and twins([text, quieter_end]) == []
    assert twins([text, f"13{10_060:08x}{text[10:]}"]) == [[0, 1]]
