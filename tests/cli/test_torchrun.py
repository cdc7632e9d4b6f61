"""`torchrun -m hwasc`: two processes give what one gives, and only the first writes and speaks."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from hwasc.records.architecture import Architecture, save
from hwasc.records.blocks import InvertedResidual
from hwasc.records.front_end import FrontEnd

pytestmark = pytest.mark.slow

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "--", "hwasc"]
# nets that draw nothing inside: with dropout two processes differ as two seeds do
SETTINGS = [
    "teachers=[{name: a, family: cp_resnet, width: 8}, {name: b, family: cp_mobile, width: 8}]",
    "distill.train.batch=33",
]


def torchrun(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*TORCHRUN, *map(str, arguments)], capture_output=True, text=True, timeout=300)


@pytest.mark.long
def test_two_processes_distil_what_one_does(
    hwasc: Callable[..., tuple[int, str, str]], tiny_data: Path, tiny_settings: list[str], tmp_path: Path
) -> None:
    blocks = (InvertedResidual(3, 16, 8, (1, 1), False, None), InvertedResidual(3, 16, 8, (2, 1), False, None))
    front_end = FrontEnd.for_clip(40, 17, sample_rate=16_000, n_fft=1024, window=1024)
    save(tmp_path / "tiny.json", Architecture(front_end, (4, 8), blocks, 10))

    def command(name: str, run: str = "run", *settings: str) -> list[object]:
        folders = ["--data", tiny_data, "--cache", tmp_path / name / "cache", "--run", tmp_path / name / run]
        extra = [x for s in (*SETTINGS, *settings) for x in ("--set", s)]
        return [
            "distill",
            "--arch",
            tmp_path / "tiny.json",
            *folders,
            "--json",
            "--device",
            "cpu",
            *tiny_settings,
            *extra,
        ]

    status, out, err = hwasc(*command("one"))
    assert status == 0, err
    done = torchrun(*command("two"))
    assert done.returncode == 0, done.stderr
    cached, one, two = out, json.loads(out), json.loads(done.stdout)  # one record: the second process prints nothing
    for stage in ("float", "qat"):
        assert one["losses"][stage] == pytest.approx(two["losses"][stage], abs=0.01)
    teachers = sorted((tmp_path / "one" / "cache" / "teachers").rglob("fold*.safetensors"))
    assert len(teachers) == 4
    for path in [*teachers, tmp_path / "one" / "run" / "float.safetensors"]:
        alone, shared = load_file(path), load_file(tmp_path / "two" / path.relative_to(tmp_path / "one"))
        apart = torch.cat([(value - shared[key]).abs().flatten().double() for key, value in alone.items()])
        # in single precision Adam makes a whole step of what rounding leaves of a gradient next to zero: no more than a few;
        # the student's rate is higher, and its targets are of teachers that are apart by so much
        assert apart.mean() < (2e-3 if path in teachers else 5e-3), path
    assert sorted(p.name for p in (tmp_path / "one/run").iterdir()) == sorted(
        p.name for p in (tmp_path / "two/run").iterdir()
    )
    # online teachers: every process computes their logits of the whole batch
    same = "distill.teacher_view=augmented"
    status, out, err = hwasc(*command("one", "same", same))
    assert status == 0, err
    done = torchrun(*command("one", "same_by_two", same))
    assert done.returncode == 0, done.stderr
    one, two = json.loads(out)["losses"], json.loads(done.stdout)["losses"]
    assert (
        one["float"] == pytest.approx(two["float"], abs=0.01) and one["float"] != json.loads(cached)["losses"]["float"]
    )


def test_other_verbs_are_refused_by_one_line(tmp_path: Path) -> None:
    done = torchrun("profile", "--arch", "cp_mobile")
    lines = [line for line in done.stderr.splitlines() if line.startswith("hwasc profile")]
    assert done.returncode != 0 and not done.stdout
    assert lines == [
        "hwasc profile: torchrun works with teach and distill only; start hwasc profile as a single process"
    ]
