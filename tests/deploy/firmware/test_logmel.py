"""The log-mel in C gives the values of the project's own, in every size, at a clip's edges and wherever the ring begins."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from hwasc.audio.frontend import LogMel
from hwasc.cost.firmware_front_end import Arithmetic, front_end_bytes, front_end_flash
from hwasc.deploy.firmware.front_end_tables import front_end_tables
from hwasc.errors import UsageError
from hwasc.records.front_end import FrontEnd
from tests.audio.slow_log_mel import slow_log_mel
from tests.deploy.firmware.logmel_in_c import STRICT, LogMelInC, write_folder

gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
SCALE, ZERO_POINT = 0.0173, -7


RANDOM_FRAMES = r"""
#include "scene_logmel.h"

int main(void) {
    static int16_t ring[SCENE_SPAN];
    static uint64_t memory[SCENE_FRONT_END_BYTES / 8];
    int8_t out[SCENE_MELS];
    uint32_t seed = 1;
    for (uint32_t frame = 0; frame < 64; frame++) {
        for (uint32_t i = 0; i < SCENE_SPAN; i++) {
            seed = seed * 1664525u + 1013904223u;
            const int32_t sample = (int32_t)(seed >> 16) - 32768;
            ring[i] = (int16_t)(frame % 4 == 3 ? (sample < 0 ? -32768 : 32767) : sample / (1 << frame % 16));
        }
        const uint32_t most = SCENE_MIRRORED ? SCENE_BEFORE + 1 : SCENE_WINDOW;
        const uint32_t first = frame % 3 ? 0 : seed % most;
        const uint32_t least = SCENE_MIRRORED ? SCENE_WINDOW / 2 : SCENE_EMPHASIS == 1;
        const uint32_t end = frame % 5 || first > 0 ? SCENE_WINDOW : least + seed / 3 % (SCENE_WINDOW - least);
        scene_logmel_frame(ring, seed / 7 % SCENE_SPAN, first, end, memory, out);
    }
    return 0;
}
"""


def front_end(mels: int, n_fft: int, window: int, rate: int = 32_000) -> FrontEnd:
    """Twelve frames of half a second."""
    return FrontEnd.for_clip(mels, 12, 0.5, rate, n_fft=n_fft, window=window)


FRONT_ENDS = {
    "256": front_end(40, 256, 256),
    "512": front_end(64, 512, 512, 16_000),
    "1024": front_end(40, 1024, 1024),
    "2048": front_end(128, 2048, 2048),
    "4096": front_end(40, 4096, 3072),
    "8192": front_end(256, 8192, 7000),
    "half a window": front_end(256, 4096, 2048, 16_000),
    "odd window": front_end(33, 512, 401, 16_000),
    "empty bands": front_end(256, 512, 512, 16_000),
    "low offset": replace(front_end(40, 1024, 1024), log_offset=1e-10, mean=-12.0, std=4.0),
    "band": FrontEnd(44_100, 0.5, 2048, 2000, 1001, 64, 21, 50.0, 14_000.0, 1e-4, 0.0, 1.0),
}
HTK: dict[str, Any] = {"mel_scale": "htk", "area_norm": False}
KALDI: dict[str, Any] = {**HTK, "triangles": "mel"}
PARTS = {  # those of published nets, then one part after the other
    "cp_mobile": replace(
        front_end(256, 4096, 3072),
        **{
            "hop": 500,
            "frames": 32,
            "f_max": 15_000.0,
            "pre_emphasis": 0.97,
            "window_shape": "symmetric",
            "edges": "reflect",
        },
        **KALDI,
    ),
    "baseline": replace(front_end(256, 4096, 3072), hop=500, frames=32, edges="reflect", **HTK),
    "yamnet": FrontEnd(
        16_000, 0.5, 512, 400, 160, 64, 48, 125.0, 7500.0, 1e-3, 0.0, 1.0, edges="none", power=1, **KALDI
    ),
    "kaldi": FrontEnd(
        *(16_000, 0.5, 512, 400, 160, 128, 48, 20.0, 8000.0, 0.0, 15.0, 6.5),
        **{
            "pre_emphasis": 0.97,
            "pre_emphasis_of": "frame",
            "remove_mean": True,
            "window_shape": "povey",
            "edges": "none",
        },
        **{"gain": 2.0**30, "log_floor": 1.19e-7},
        **KALDI,
    ),
    "decibel": FrontEnd(
        *(32_000, 0.5, 1024, 1024, 320, 64, 51, 50.0, 14_000.0, 0.0, -40.0, 20.0),
        **{"edges": "reflect", "log_floor": 1e-8, "log": "decibel"},
    ),
    "emphasis": replace(FRONT_ENDS["1024"], pre_emphasis=0.9),
    "emphasis of frames": replace(FRONT_ENDS["1024"], pre_emphasis=0.9, pre_emphasis_of="frame"),
    "mean": replace(FRONT_ENDS["1024"], remove_mean=True),
    "mean, emphasis": replace(FRONT_ENDS["1024"], remove_mean=True, pre_emphasis=0.95),
    "mean, emphasis, mirrored": replace(FRONT_ENDS["odd window"], remove_mean=True, pre_emphasis=0.95, edges="reflect"),
    "odd, mirrored": replace(
        FRONT_ENDS["odd window"],
        **{
            "remove_mean": True,
            "pre_emphasis": 0.95,
            "pre_emphasis_of": "frame",
            "edges": "reflect",
            "log_floor": 1e-4,
        },
        window_shape="povey",
    ),
    "symmetric": replace(FRONT_ENDS["odd window"], window_shape="symmetric"),
    "magnitude": replace(FRONT_ENDS["1024"], power=1, gain=3.0),
    "magnitude, slopes": replace(FRONT_ENDS["1024"], power=1, triangles="mel", log_floor=1e-2),
    "floor": replace(FRONT_ENDS["1024"], log_floor=1e-4),
    "mirrored at both ends": FrontEnd(
        16_000, 0.03, 512, 500, 77, 20, 6, f_max=8000.0, edges="reflect", pre_emphasis=0.97
    ),
}
FRONT_ENDS |= PARTS
FEW = ["odd window", "cp_mobile", "yamnet", "odd, mirrored", "mean, emphasis, mirrored"]  # with every part in one


def sounds(fe: FrontEnd) -> dict[str, npt.NDArray[np.int16]]:
    """Noise loud and low, a tone with silence, full scale, clicks, noise with less of high frequencies."""
    rng, t = np.random.default_rng(0), np.arange(fe.samples)
    clicks = np.zeros(fe.samples)
    clicks[::1777] = 30_000
    waves = {
        "noise": rng.normal(0, 3000, fe.samples),
        "low noise": rng.normal(0, 3, fe.samples),
        "tone": 20_000 * np.sin(0.1234 * t) * (t > fe.samples // 3),
        "full scale": np.where(rng.random(fe.samples) < 0.5, -32_768, 32_767),
        "clicks": clicks,
        "least": (t % 3 == 0) * 1.0,
        "brown": 5 * rng.normal(0, 1, fe.samples).cumsum(),
    }
    return {name: np.clip(np.rint(wave), -32_768, 32_767).astype(np.int16) for name, wave in waves.items()}


def expected(fe: FrontEnd, samples: npt.NDArray[np.int16]) -> npt.NDArray[np.float32]:
    """The project's own log-mel, (mels, frames)."""
    return np.asarray(LogMel(fe)(torch.from_numpy(samples / np.float32(32_768))[None])[0])


def ends(fe: FrontEnd) -> tuple[float, int]:
    """Scale and zero point of an input that holds the features of all sounds."""
    wanted = np.concatenate([expected(fe, samples).ravel() for samples in sounds(fe).values()])
    scale = float(wanted.max() - wanted.min()) / 255
    return scale, round(-128 - float(wanted.min()) / scale)


@gcc
@pytest.mark.filterwarnings("ignore:Empty filters")
@pytest.mark.parametrize(
    ("name", "arithmetic"),
    [
        (name, arithmetic)
        for i, name in enumerate(FRONT_ENDS)
        for k, arithmetic in enumerate(("float", "integer"))
        if name not in PARTS or name in FEW or (i + k) % 2  # each part in one of the two, and all together in both
    ],
)
@pytest.mark.slow
def test_int8_features_are_those_of_the_project(name: str, arithmetic: Arithmetic, tmp_path: Path) -> None:
    fe = FRONT_ENDS[name]
    scale, zero_point = ends(fe) if name in PARTS else (SCALE, ZERO_POINT)
    in_c = LogMelInC(tmp_path, fe, arithmetic, scale=scale, zero_point=zero_point)
    equal = []
    for sound, samples in sounds(fe).items():
        wanted = np.clip(np.round(expected(fe, samples) / np.float32(scale)) + zero_point, -128, 127)
        steps = np.abs(in_c.clip(samples, turn=321) - wanted)
        assert steps.max() <= 1, sound
        equal.append(steps == 0)
    assert np.mean(equal) >= (0.999 if arithmetic == "float" else 0.998)


@gcc
@pytest.mark.parametrize("name", ["256", "1024", "4096", "band", "cp_mobile", "baseline", "odd, mirrored"])
@pytest.mark.slow
def test_logarithms_are_within_a_thousandth(name: str, tmp_path: Path) -> None:
    """Each band is measured in steps of 1e-5 around what it should be."""
    fe = FRONT_ENDS[name]
    in_c = LogMelInC(tmp_path, fe, scale=SCALE, zero_point=ZERO_POINT)
    for sound, samples in sounds(fe).items():
        wanted = slow_log_mel(samples / 32_768, fe) * fe.std + fe.mean  # the log-mel in float32 differs by processor
        for t in (0, 1, fe.frames // 2):
            for band, value in enumerate(wanted[:, t]):
                in_c.scaling.factor, in_c.scaling.addend = 1e5, -1e5 * value
                assert abs(in_c.window(samples, t, 0)[band]) <= 100, (sound, t, band)


@gcc
@pytest.mark.parametrize("name", ["256", "1024", "4096", "band", "emphasis", "mean, emphasis, mirrored", "magnitude"])
@pytest.mark.slow
def test_logarithms_in_integers_are_within_a_thousandth(name: str, tmp_path: Path) -> None:
    """Each feature is moved to just below and just above where it is rounded up.

    Magnitudes of bands that are 90 dB below a loud tone are within a hundredth: there rounding in the FFT counts.
    """
    fe = FRONT_ENDS[name]
    in_c = LogMelInC(tmp_path, fe, "integer", scale=SCALE, zero_point=ZERO_POINT)
    addends, most = np.array(in_c.addends), (1e-3 if fe.power == 2 else 1e-2) / fe.std / SCALE
    for sound, samples in sounds(fe).items():
        wanted = slow_log_mel(samples / 32_768, fe) / SCALE + ZERO_POINT  # the log-mel in float32 may be as far off
        for t in (0, 1, fe.frames // 2):
            for side, rounded in ((-most, 0), (most, 1)):
                moved = addends - np.rint((wanted[:, t] - 0.5 - side) * 2**16).astype(int)
                in_c.addends[:] = moved.tolist()
                assert (in_c.window(samples, t, 0) == rounded).all(), (sound, t, side)


@gcc
@pytest.mark.parametrize("name", ["1024", "kaldi", "magnitude"])
def test_cores_without_long_products_give_the_same(name: str, tmp_path: Path) -> None:
    fe = FRONT_ENDS[name]
    long, short = (
        LogMelInC(tmp_path / define, fe, "integer", scale=SCALE, zero_point=ZERO_POINT, flags=("-O2", f"-D{define}"))
        for define in ("LONG", "SCENE_SHORT_PRODUCTS")
    )
    for samples in sounds(fe).values():
        assert (long.clip(samples) == short.clip(samples)).all()


@gcc
@pytest.mark.parametrize("arithmetic", ["float", "integer"])
@pytest.mark.parametrize("name", FEW)
@pytest.mark.long
def test_sanitizers_find_nothing(name: str, arithmetic: Arithmetic, tmp_path: Path) -> None:
    """A program of its own, because the address sanitizer must come before the interpreter's memory."""
    sources = write_folder(tmp_path, FRONT_ENDS[name], arithmetic, scale=SCALE, zero_point=ZERO_POINT)
    main = tmp_path / "main.c"
    main.write_text(RANDOM_FRAMES)
    flags = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    for define in ("LONG", "SCENE_SHORT_PRODUCTS")[: 2 if arithmetic == "integer" else 1]:
        command = ["gcc", *STRICT, *flags, f"-D{define}", "-o", tmp_path / "program", main, *sources]
        subprocess.run(command, check=True, timeout=120)
        subprocess.run([tmp_path / "program"], check=True, timeout=120)


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="needs arm-none-eabi-gcc")
@pytest.mark.parametrize("name", ["4096", "odd, mirrored", "magnitude, slopes"])
@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m3"])
@pytest.mark.slow
def test_no_float_in_integers(core: str, name: str, tmp_path: Path) -> None:
    for source in write_folder(tmp_path, FRONT_ENDS[name], "integer", scale=SCALE, zero_point=ZERO_POINT):
        target = source.with_suffix(".o")
        command = ["arm-none-eabi-gcc", *STRICT, "-O2", f"-mcpu={core}", "-mthumb", "-c", source, "-o", target]
        subprocess.run(command, check=True, timeout=60)
        found = subprocess.run(["arm-none-eabi-nm", target], check=True, capture_output=True, text=True, timeout=60)
        assert not re.search(r"__aeabi_(f|d|[a-z]+2[fd])|sf[23]|df[23]|logf?\b", found.stdout), found.stdout


@gcc
def test_where_the_window_begins_in_the_ring_changes_nothing(tmp_path: Path) -> None:
    fe = FRONT_ENDS["4096"]
    in_c = LogMelInC(tmp_path, fe, scale=SCALE, zero_point=ZERO_POINT)
    ring = sounds(fe)["noise"][: fe.window]
    edges = [(0, fe.window), (1, fe.window), (513, fe.window), (0, fe.window - 1), (700, 2001), (5, 5)]
    for first, end in edges:
        zeroed = np.zeros_like(ring)
        zeroed[first:end] = ring[first:end]
        plain = in_c.frame(zeroed, 0, 0, fe.window)
        for start in (0, 1, 2, 17, 1023, 1024, fe.window - 1):
            assert (in_c.frame(np.roll(ring, start), start, first, end) == plain).all(), (first, end, start)


@pytest.mark.parametrize("compiler", ["gcc", pytest.param("clang", marks=pytest.mark.long)])
@pytest.mark.parametrize("arithmetic", ["float", "integer"])
@pytest.mark.parametrize("name", FEW)
@pytest.mark.slow
def test_compiles_without_a_warning(compiler: str, name: str, arithmetic: Arithmetic, tmp_path: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"needs {compiler}")
    sources = write_folder(tmp_path, FRONT_ENDS[name], arithmetic, scale=SCALE, zero_point=ZERO_POINT)
    for source in sources:
        for standard in (STRICT, ("-x", "c++", *STRICT[1:])):
            command = [compiler, *standard, "-O2", "-c", source, "-o", tmp_path / "object.o"]
            subprocess.run(command, check=True, timeout=60)


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="needs arm-none-eabi-gcc")
@pytest.mark.parametrize("arithmetic", ["float", "integer"])
@pytest.mark.parametrize("name", ["1024", "4096", *FEW])
def test_tables_are_as_large_as_counted(name: str, arithmetic: Arithmetic, tmp_path: Path) -> None:
    fe = FRONT_ENDS[name]
    tables = write_folder(tmp_path, fe, arithmetic, scale=SCALE, zero_point=ZERO_POINT)[0]
    target = tmp_path / "tables.o"
    subprocess.run(
        ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-c", tables, "-o", target], check=True, timeout=60
    )
    command = ["arm-none-eabi-nm", "--print-size", "--radix=d", target]
    found = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    assert sum(int(line.split()[1]) for line in found.splitlines()) == front_end_flash(fe, arithmetic)


@pytest.mark.parametrize("n_fft", [128, 601, 3072, 16_384])
def test_other_ffts_are_refused(n_fft: int) -> None:
    fe = FrontEnd.for_clip(40, 17, n_fft=n_fft, window=100)
    for action in (
        lambda: front_end_tables(fe, SCALE, 0, "float"),
        lambda: front_end_bytes(fe, "float"),
        lambda: front_end_flash(fe, "float"),
    ):
        with pytest.raises(UsageError, match=f"n_fft {n_fft}: .* power of two from 256 to 8192"):
            action()


def test_logarithms_of_next_to_nothing_are_refused() -> None:
    with pytest.raises(UsageError, match="log_offset 1e-40, log_floor 0: the log-mel in C needs one of at least 1e-30"):
        front_end_tables(replace(FRONT_ENDS["1024"], log_offset=1e-40), SCALE, 0, "float")


CMSIS = r"""
typedef struct { unsigned fftLen; } arm_cfft_instance_f32;
#define SIZE(n) static const arm_cfft_instance_f32 arm_cfft_sR_f32_len##n = {n};
SIZE(128) SIZE(256) SIZE(512) SIZE(1024) SIZE(2048) SIZE(4096)
#include <math.h>
static void arm_cfft_f32(const arm_cfft_instance_f32 *S, float *p1, unsigned char ifftFlag, unsigned char bitReverseFlag) {
    static double in[2 * 4096];
    if (ifftFlag != 0 || bitReverseFlag != 1) return;
    for (unsigned i = 0; i < 2 * S->fftLen; i++) in[i] = p1[i];
    for (unsigned k = 0; k < S->fftLen; k++) {
        double re = 0, im = 0;
        for (unsigned i = 0; i < S->fftLen; i++) {
            const double turn = -2 * 3.14159265358979 * (i * k % S->fftLen) / S->fftLen;
            re += in[2 * i] * cos(turn) - in[2 * i + 1] * sin(turn), im += in[2 * i] * sin(turn) + in[2 * i + 1] * cos(turn);
        }
        p1[2 * k] = (float)re, p1[2 * k + 1] = (float)im;
    }
}
"""


@gcc
@pytest.mark.parametrize("name", ["256", "odd window", "1024"])
def test_the_fft_of_cmsis_dsp_gives_the_same(name: str, tmp_path: Path) -> None:
    """Its own source is not here: a plain transform with the documented interface of arm_cfft_f32 stands in."""
    fe = FRONT_ENDS[name]
    (tmp_path / "cmsis").mkdir()
    (tmp_path / "cmsis" / "arm_const_structs.h").write_text(CMSIS)
    flags = ("-O2", "-DSCENE_CMSIS_DSP", f"-I{tmp_path / 'cmsis'}", "-lm")
    own = LogMelInC(tmp_path / "own", fe, scale=SCALE, zero_point=ZERO_POINT)
    cmsis = LogMelInC(tmp_path / "with", fe, scale=SCALE, zero_point=ZERO_POINT, flags=flags)
    samples = sounds(fe)["brown"]
    for t in (0, 5):
        steps = np.abs(own.window(samples, t, 100) - cmsis.window(samples, t, 100).astype(int))
        assert steps.max() <= 1 and steps.mean() < 0.02
