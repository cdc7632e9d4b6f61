"""A trained run and an evaluation set, for tests of what is handed in and of what is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.torch
import soundfile
import torch
import yaml

from hwasc.dcase.rules import EXAMPLE
from hwasc.records import architecture
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import GRN, InvertedResidual
from hwasc.records.front_end import FrontEnd
from hwasc.records.settings import Settings
from hwasc.workspace import open_workspace
from tests.dcase.evaluation_set import CLIPS, DEVICES

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="session")
def settings_of_made() -> Settings:
    """The settings that the run was trained with."""
    changes = [
        "distill.alpha=0",
        "distill.train.epochs=30",
        "distill.qat.epochs=1",
        "data.subset=25",
        "distill.device_train.epochs=2",
        "distill.device_clips=6",
    ]
    return Settings.load(None, changes)


@pytest.fixture(scope="session")
def made(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory, settings_of_made: Settings) -> Path:
    """A run trained on the '25 % subset', the same one named as other subsets, and an evaluation set of 44.1 kHz clips."""
    from hwasc.students.distillation import distill

    made = tmp_path_factory.mktemp("submit")
    data = made / "data"
    shutil.copytree(tiny_data, data)
    shutil.copy(data / "evaluation_setup" / "fold1_train.csv", data / "evaluation_setup" / "split25.csv")
    ws = open_workspace(data, settings_of_made, cache=made / "cache")
    a = Architecture(
        FrontEnd.for_clip(40, 17, n_fft=2048, window=2048),
        (4, 12),
        (InvertedResidual(3, 24, 12, (1, 2), True, GRN("channel")), InvertedResidual(5, 24, 16, (2, 1))),
        10,
    )
    distill(ws, architecture.ArchitectureFile(a), run=made / "s25")
    for subset in ("5", "10", "50", "100"):
        shutil.copytree(made / "s25", made / f"s{subset}")
        _set_subset(made / f"s{subset}", None if subset == "100" else subset)
    rng = np.random.default_rng(0)
    for root, columns in (("eval25", ("filename", "device_id")), ("eval24", ("filename",))):
        (made / root / "audio").mkdir(parents=True)
        (made / root / "evaluation_setup").mkdir()
        lines = ["\t".join(columns)]
        clips = sorted((data / "audio").glob("*.wav"))[::3]
        for i in range(CLIPS):
            path = made / root / "audio" / f"{i}.wav"
            if i == 7:
                soundfile.write(path, np.zeros(44_100), 44_100)  # silent clips want a line too
            elif i == 8:
                soundfile.write(path, rng.normal(0, 0.1, (44_100, 2)), 44_100)
            else:
                shutil.copy(clips[i % len(clips)], path)
            lines.append("\t".join((f"audio/{i}.wav", DEVICES[i % 4])[: len(columns)]))
        (made / root / "evaluation_setup" / "fold1_test.csv").write_text("\n".join(lines) + "\n")
    (made / "about.yaml").write_text(EXAMPLE)
    return made


def _set_subset(run: Path, subset: str | None) -> None:
    config = yaml.safe_load((run / "config.yaml").read_text())
    config["settings"]["data"]["subset"] = subset
    (run / "config.yaml").write_text(yaml.safe_dump(config))


@pytest.fixture
def submit(hwasc: Run, made: Path) -> Run:
    """`hwasc submit` of runs for a year into a folder, with changed options: (exit status, standard output, standard error)."""

    def run(year: int, out: Path, *runs: str, **changes: object) -> tuple[int, str, str]:
        options = {
            "--evaluation": made / f"eval{year % 100}",
            "--label": "Doe_INST_task1_1",
            "--about": made / "about.yaml",
            **{f"--{k}": v for k, v in changes.items()},
        }
        argv = [x for pair in options.items() for x in pair]
        argv += [x for r in runs for x in ("--run", r)]
        return hwasc("submit", "--year", year, "--out", out, "--cache", made / "cache", "--json", *argv)

    return run


@pytest.fixture
def other_student(made: Path, tmp_path: Path) -> Path:
    """A copy of the run whose student has other biases in its head."""
    run = tmp_path / "other_student"
    shutil.copytree(made / "s25", run)
    path = run / "int8.safetensors"
    state = safetensors.torch.load_file(path)
    with safetensors.safe_open(str(path), "pt") as f:
        meta = {k: v for k, v in f.metadata().items() if k != "checksum"}
    state["head.conv.bias"] = state["head.conv.bias"] + torch.linspace(-1, 1, 10)
    path.write_bytes(safetensors.torch.save(state, meta))
    return run
