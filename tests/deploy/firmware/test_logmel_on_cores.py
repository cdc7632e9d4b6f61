"""The log-mel on emulated cores: the features of this machine, within the instructions that the documentation states."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from hwasc.cost.firmware_front_end import Arithmetic
from hwasc.cost.firmware_state import samples_of_frame
from hwasc.deploy.firmware import toolchain
from hwasc.deploy.firmware.emulator import EMULATOR, count
from hwasc.records.front_end import FrontEnd
from tests.deploy.firmware.logmel_in_c import LogMelInC, write_folder

pytestmark = [
    pytest.mark.skipif(shutil.which(tool) is None, reason=toolchain.INSTALL)
    for tool in ("arm-none-eabi-gcc", EMULATOR, "gcc")
]
SCALE, ZERO_POINT = 0.0173, -7
EVERY_PART = {
    "pre_emphasis": 0.97,
    "remove_mean": True,
    "edges": "reflect",
    "power": 1,
    "triangles": "mel",
    "log_floor": 1e-4,
}
RUNS = 4  # of the counting program; its last frame begins at three quarters of the ring


def ring_of(length: int) -> npt.NDArray[np.int16]:
    """The samples of the counting program."""
    state, out = 1, np.zeros(length, np.int16)
    for i in range(length):
        state = (state * 1_664_525 + 1_013_904_223) % 2**32
        out[i] = (state - (state >> 31 << 32)) >> (16 + i % 8)
    return out


@pytest.mark.parametrize(
    ("core", "arithmetic", "n_fft", "window", "most", "rest"),
    [
        ("cortex-m4", "float", 4096, 3072, 242_000, {}),
        ("cortex-m4", "float", 1024, 1024, 75_000, {}),
        ("cortex-m55", "float", 1024, 1024, 75_000, {}),
        ("cortex-m3", "integer", 4096, 3072, 340_000, {}),
        ("cortex-m0+", "integer", 4096, 3072, 1_250_000, {}),
        ("cortex-m0+", "integer", 512, 512, 160_000, {}),
        ("cortex-m4", "float", 1024, 1024, 90_000, EVERY_PART),
        ("cortex-m3", "integer", 1024, 1024, 180_000, EVERY_PART),
        ("cortex-m0+", "integer", 1024, 1024, 600_000, EVERY_PART),
    ],
)
@pytest.mark.slow
def test_features_and_instructions(
    core: str, arithmetic: Arithmetic, n_fft: int, window: int, most: int, rest: dict[str, Any], tmp_path: Path
) -> None:
    fe = FrontEnd.for_clip(40, 32 if rest else 33, n_fft=n_fft, window=window, **rest)
    span = samples_of_frame(fe)
    sources = write_folder(tmp_path / "src", fe, arithmetic, scale=SCALE, zero_point=ZERO_POINT)
    found = count("frame", sources, toolchain.core(core), tmp_path / "build", include=[tmp_path / "src"])
    in_c = LogMelInC(tmp_path / "host", fe, arithmetic, scale=SCALE, zero_point=ZERO_POINT)
    expected = in_c.frame(ring_of(span), (RUNS - 1) * span // RUNS, 0, window)
    assert list(found.values) == expected.tolist()
    assert 0.5 * most < found.instructions["frame"] <= most
    assert found.numbers["stack"] < 1100
