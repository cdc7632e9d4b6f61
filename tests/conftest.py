"""Shared: a tiny simulated data set, settings that finish in seconds, and a workspace over them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from hwasc.pipelines.workspace import Workspace

TINY = [
    "teachers.families=[crnn,patch_transformer]", "teachers.folds=2", "teachers.mels=40", "teachers.frames=17",
    "teachers.train.epochs=1", "teachers.train.batch=32", "fusion.epochs=1", "search.trials=3", "search.population=2",
    "search.at_a_time=2", "search.train.epochs=1", "search.train.batch=32", "distill.train.epochs=2", "distill.train.batch=32",
    "distill.qat.epochs=1", "distill.qat.batch=32", "search.rescore=2", "search.rescore_train.epochs=1",
    "search.refine_train.epochs=2",
    "search.supernet.points=12", "search.supernet.train.epochs=1", "search.supernet.train.batch=32",
]  # fmt: skip

TINY_SPACE = """
name: tiny
front_end: {mels: [40], frames: [17], n_fft: 1024, window: 1024, sample_rate: 16000}
stem: [4]
stages:
  - {depth: [1], width: [8, 16], expansion: [2], kernel: [3], stride: ["1x1"], grn: [none, scalar]}
  - {depth: [1], width: [16, 24], expansion: [2], kernel: [3, 5], stride: ["2x1"], grn: [none, channel]}
"""


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """About 120 training and 90 test clips in TAU's layout."""
    from hwasc.data.synthetic import SyntheticSpec, generate

    spec = SyntheticSpec(train_locations=3, test_locations=1, clips_per_location=4, test_clips_per_location=9)
    return generate(tmp_path_factory.mktemp("tiny") / "scenes", spec, workers=1)


@pytest.fixture(scope="session")
def tiny_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all: teachers and features are made once a test process."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def tiny_space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search space of sixteen small nets."""
    path = tmp_path_factory.mktemp("space") / "tiny.yaml"
    path.write_text(TINY_SPACE)
    return path


@pytest.fixture(scope="session")
def tiny_settings() -> list[str]:
    """The tiny settings as arguments."""
    return [x for s in TINY for x in ("--set", s)]


@pytest.fixture(scope="session")
def tiny_workspace(tiny_data: Path, tiny_cache: Path) -> Workspace:
    """A workspace over the tiny data."""
    from hwasc.pipelines.workspace import open_workspace
    from hwasc.records.settings import Settings

    return open_workspace(tiny_data, Settings.load(None, TINY), cache=tiny_cache)


@pytest.fixture
def hwasc(
    tiny_data: Path, tiny_cache: Path, tiny_settings: list[str], capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run a command in this process: (exit status, standard output, standard error). `tiny=True` adds the tiny settings."""
    from hwasc.cli import main

    def run(*argv: object, tiny: bool = False) -> tuple[int, str, str]:
        arguments = [str(a) for a in argv]
        if tiny:
            arguments[1:1] = ["--data", str(tiny_data), "--cache", str(tiny_cache), *tiny_settings]
        try:
            status = main(arguments)
        except SystemExit as e:  # argparse
            status = int(e.code or 0)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run
