"""The page's log-mel is that of training, for the log-mels of published nets and for every part that a front end can state."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from hwasc.audio.frontend import LogMel
from hwasc.deploy.web.front_end_tables import front_end_tables
from hwasc.records.front_end import FrontEnd
from hwasc.records.front_ends import FRONT_ENDS
from hwasc.records.writing import plain
from tests.deploy.web.javascript import evaluate, needs_node

pytestmark = needs_node

SMALL = FrontEnd(sample_rate=8_000, seconds=0.5, n_fft=512, window=400, hop=160, mels=24, frames=25, f_max=4_000.0)
CASES = {
    **{name: FRONT_ENDS[name](0.3137) for name in FRONT_ENDS},
    "default": FrontEnd(),
    "small": SMALL,
    "odd": replace(SMALL, n_fft=441, window=441, hop=163, frames=20),
    "not a power of two": replace(SMALL, n_fft=600, window=401),
    "symmetric, mirrored": replace(SMALL, window_shape="symmetric", edges="reflect"),
    "povey, frames": replace(SMALL, window_shape="povey", remove_mean=True, pre_emphasis=0.97, pre_emphasis_of="frame"),
    "clip emphasised": replace(SMALL, pre_emphasis=0.95, edges="reflect"),
    "magnitudes, decibels": replace(SMALL, power=1, log="decibel", mean=-20.0, std=12.0),
    "floor, gain": replace(SMALL, log_offset=0.0, log_floor=1e-3, gain=20.0, area_norm=False),
    "mel slopes": replace(SMALL, mel_scale="htk", triangles="mel", f_min=60.0),
    "bands between bins": replace(SMALL, mels=80, n_fft=256, window=256),
}
COMPUTE = """
import { LogMel } from "./logmel.js";
const tables = new Float32Array(new Uint8Array(Buffer.from(value.tables, "base64")).buffer);
const logMel = new LogMel(value.frontEnd, value.filters, tables);
result = Array.from(logMel.compute(Float32Array.from(value.samples)));
"""


def in_javascript(fe: FrontEnd, samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    filters, tables = front_end_tables(fe)
    value: dict[str, Any] = {"frontEnd": plain(fe), "filters": filters, "tables": base64.b64encode(tables).decode()}
    found = evaluate(COMPUTE, {**value, "samples": samples.tolist()})
    return np.array(found, np.float32).reshape(fe.mels, fe.frames)


def sound(fe: FrontEnd, seed: int = 0) -> npt.NDArray[np.float32]:
    """Noise that grows, a tone, and an offset."""
    rng, t = np.random.default_rng(seed), np.arange(fe.samples) / fe.sample_rate
    noise = rng.standard_normal(fe.samples) * np.linspace(1e-4, 0.1, fe.samples)
    return (noise + 0.2 * np.sin(2 * np.pi * 0.11 * fe.sample_rate * t) + 0.01).astype(np.float32)


@pytest.mark.parametrize("name", CASES)
def test_it_is_the_log_mel_of_training(name: str) -> None:
    fe = CASES[name]
    samples = sound(fe)
    with torch.inference_mode():
        expected = LogMel(fe)(torch.from_numpy(samples)[None])[0].half().float().numpy()
    found = in_javascript(fe, samples)
    # Double precision against single: seldom is a number rounded to another float16, and then to a neighbour.
    last_place = np.spacing(np.abs(expected).astype(np.float16)).astype(np.float32)
    assert (np.abs(found - expected) <= np.maximum(last_place, 5e-4)).all()
    assert (found != expected).mean() < 0.01


def test_numbers_are_rounded_to_float16_as_numpy_does() -> None:
    rng = np.random.default_rng(0)
    halves = np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(np.float32)
    ties = (halves[:-1] + halves[1:]) / 2
    numbers = np.concatenate(
        [halves, ties, -ties, np.nextafter(ties, 0), rng.standard_normal(20_000), [65_519.9, 65_520]]
    )
    numbers = numbers.astype(np.float32)
    code = 'import { toHalf } from "./logmel.js"; result = value.map((x) => (Number.isFinite(toHalf(x)) ? toHalf(x) : null));'
    found = np.array([np.inf if x is None else x for x in evaluate(code, numbers.tolist())])
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(np.abs(found), np.abs(numbers.astype(np.float16).astype(np.float64)))


@pytest.mark.parametrize("n", [1, 2, 3, 8, 97, 100, 441, 512])
def test_the_power_spectrum_is_that_of_numpy(n: int) -> None:
    frame = np.random.default_rng(n).standard_normal(n)
    code = (
        'import { PowerSpectrum } from "./fft.js"; result = Array.from(new PowerSpectrum(value.length).power(value));'
    )
    np.testing.assert_allclose(evaluate(code, frame.tolist()), np.abs(np.fft.rfft(frame)) ** 2, rtol=1e-9, atol=1e-9)
