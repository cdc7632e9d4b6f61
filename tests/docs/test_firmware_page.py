"""docs/firmware.md: its commands run as they stand, from a finished run to scenes that an emulated chip prints."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.students.test_remembered_splits import RATE, SETTINGS, recordings

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "firmware.md"
TOOLS = ("sh", "cc", "cmake", "arm-none-eabi-gcc", "qemu-system-arm")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the page begins with: a finished run, recordings, one of them as a WAV file."""
    import hwasc
    from hwasc.records.architecture import Architecture
    from hwasc.records.blocks import InvertedResidual
    from hwasc.records.front_end import FrontEnd

    folder = tmp_path_factory.mktemp("page")
    data = recordings(folder / "my_recordings", "abc", 6)
    front_end = FrontEnd.for_clip(20, 9, n_fft=512, window=512, sample_rate=RATE)
    net = Architecture(front_end, (4, 8), (InvertedResidual(3, 16, 8, shortcut=True),), 3)
    ws = hwasc.open(data, overrides=SETTINGS, cache=folder / "cache", progress=False)
    hwasc.distill(ws, net, run=folder / "runs" / "distill")
    wave = 0.3 * np.random.default_rng(0).standard_normal(2 * RATE)
    soundfile.write(folder / "recording.wav", wave, RATE, subtype="PCM_16")
    (folder / "bin").mkdir()
    command = folder / "bin" / "hwasc"
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m hwasc "$@"\n')
    command.chmod(0o755)
    return folder


@pytest.mark.long
def test_the_commands_run_one_after_the_other(place: Path) -> None:
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    blocks = re.findall(r"(?ms)^```sh\n(.*?)^```$", PAGE.read_text())
    assert len(blocks) == 4
    env = {**os.environ, "PATH": f"{place / 'bin'}:{os.environ['PATH']}", "HWASC_CACHE": str(place / "cache")}
    stated = []
    for block in blocks:
        done = subprocess.run(
            ["sh", "-ex", "-c", block], cwd=place, env=env, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
        stated.append(done.stdout)
    assert re.search(r"RAM [\d,]+ B from microphone to class", stated[0]) and "each 250 ms" in stated[0]
    assert "100% tests passed" in stated[1] and "100% tests passed" in stated[3]
    assert "macro accuracy" in stated[2] and "from waveforms" in stated[2]
    host, chip = (re.findall(r"^(\d\.\d{3})\t([abc])\b", text, re.M) for text in (stated[1], stated[3]))
    assert [time for time, _ in host] == ["1.000", "1.250", "1.500", "1.750", "2.000"]
    assert chip == host, "the emulated chip decides as this machine does"
