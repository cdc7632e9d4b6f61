"""Exports with the log-mels of published nets: their self-tests pass, the state has its size."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from hwasc.audio.frontend import LogMel
from hwasc.cost import firmware
from hwasc.cost import graph as deployment
from hwasc.cost.firmware_front_end import Arithmetic
from hwasc.deploy.constants import step
from hwasc.deploy.firmware import folder
from hwasc.deploy.firmware.golden import golden_samples, stored_features
from hwasc.deploy.firmware.host import STRICT
from hwasc.deploy.firmware.options import FirmwareOptions
from hwasc.deploy.tflm.front_end import front_end_files
from hwasc.models import student as models
from hwasc.models.student import Student
from hwasc.records.architecture import Architecture
from hwasc.records.front_end import FrontEnd
from hwasc.records.front_ends import FRONT_ENDS
from hwasc.training.quantization import calibrate, quantize

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
SANITIZERS = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
QUICK = {"cp_mobile_2023": "integer", "dcase2024_baseline": "float", "yamnet": "integer", "beats": "float"}
OTHERS = {"panns": "integer", "passt": "float", "ast": "integer", "vggish": "float"}
CLIP = r"""
#include <stdio.h>
#include <stdlib.h>
#include "scene_clip.h"

int main(void) {
    int16_t *const samples = malloc(SCENE_CLIP * sizeof *samples); /* so that a sample beyond it is found */
    static uint64_t memory[SCENE_FRONT_END_BYTES / 8];
    static int8_t out[SCENE_MELS * SCENE_FRAMES];
    if (!samples || fread(samples, sizeof *samples, SCENE_CLIP, stdin) != SCENE_CLIP)
        return 1;
    m_features(samples, memory, out);
    free(samples);
    return fwrite(out, 1, sizeof out, stdout) != sizeof out;
}
"""


def front_end(name: str) -> FrontEnd:
    """A short clip, of a length that no hop divides."""
    return FRONT_ENDS[name](0.3137)


def student(fe: FrontEnd) -> Student:
    """Untrained, calibrated on the features of the golden clip."""
    torch.manual_seed(0)
    waves = torch.from_numpy(golden_samples(fe) / np.float32(32_768))[None]
    model = quantize(models.build(Architecture(fe, (4, 8), (), 3)).eval())
    return calibrate(model, [LogMel(fe)(waves)[:, None]], correct_bias=False)


def build(folder: Path, files: list[Path], *include: Path) -> Path:
    """Compile a program strictly, with the sanitizers."""
    program = folder / "program"
    command = ["gcc", *STRICT, *SANITIZERS, *(f"-I{path}" for path in include), *files, "-lm", "-o", program]
    subprocess.run(command, check=True, timeout=120)
    return program


def test_each_log_mel_is_there() -> None:
    """Two pairs differ in the gain or not at all, and hwasc's own is everywhere else."""
    assert {*QUICK, *OTHERS, "hwasc", "efficientat", "yamnet_coral"} == set(FRONT_ENDS)


@pytest.mark.parametrize(
    ("name", "arithmetic"), [*QUICK.items(), *(pytest.param(*pair, marks=pytest.mark.long) for pair in OTHERS.items())]
)
@pytest.mark.slow
def test_the_self_test_passes(name: str, arithmetic: Arithmetic, tmp_path: Path) -> None:
    """It compares features and logits of a stream with hwasc's own; another size of the state would not compile."""
    model = student(front_end(name))
    a = model.architecture
    options = FirmwareOptions(hop="100ms", arithmetic=arithmetic)
    files = folder.to_files(model, ("a", "b", "c"), options)
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    sources = [*sorted((tmp_path / "src").glob("*.c")), *sorted((tmp_path / "selftest").glob("*.c"))]
    program = build(tmp_path, sources, tmp_path / "src")
    done = subprocess.run([program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout.endswith("pass\n"), done.stdout + done.stderr
    core = "cortex-m4" if arithmetic == "float" else "cortex-m3"
    predicted = firmware.measure(a, deployment.build(a), core, hop_seconds=0.1).ram.total
    assert f"#define SCENE_STATE_BYTES {predicted}\n" in files[folder.HEADER].decode()


@pytest.mark.parametrize(("name", "arithmetic"), QUICK.items())
@pytest.mark.slow
def test_the_copy_for_tensorflow_lite_micro_computes_whole_clips(
    name: str, arithmetic: Arithmetic, tmp_path: Path
) -> None:
    fe = front_end(name)
    samples = golden_samples(fe)
    scale, zero_point = step(student(fe).input)
    for path, text in front_end_files(fe, (scale, zero_point), arithmetic, name="m", tag="1").items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "main.c").write_text(CLIP)
    inside = tmp_path / "front_end"
    program = build(tmp_path, [tmp_path / "main.c", *sorted(inside.glob("*.c"))], inside)
    out = subprocess.run([program], input=samples.tobytes(), capture_output=True, check=True, timeout=60).stdout
    found = np.frombuffer(out, np.int8).reshape(fe.mels, fe.frames).astype(int)
    steps = np.abs(found - stored_features(samples[None], fe, scale, zero_point)[0])
    assert steps.max() <= 1 and (steps == 0).mean() >= 0.998
