"""The paired table of students and the command of the study of what costs nothing on the chip, on made-up runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from hwasc.records.settings import Settings

FOLDER = Path(__file__).parents[2] / "experiments" / "distillation"


def write(folder: Path, name: str, right: int, of: int = 100) -> None:
    """A run with two classes of `of` test clips each, of which `right` are right."""
    accuracy = right / of
    result = {
        "int8": {"accuracy": accuracy, "confusion": [[right, of - right], [of - right, right]]},
        "validation": {"int8": accuracy},
    }
    (folder / name).mkdir(parents=True)
    (folder / name / "result.json").write_text(json.dumps(result))


def paired(folder: Path, against: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(FOLDER / "paired.py"), str(folder), "--against", against]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_mean_difference_of_pairs_and_two_standard_errors(tmp_path: Path) -> None:
    for seed, (base, average) in enumerate(
        [(60, 61), (70, 73), (50, 55)]
    ):  # differences 1, 3 and 5: mean 3, deviation 2
        write(tmp_path, f"none-{seed}", base)
        write(tmp_path, f"average-{seed}", average)
    write(tmp_path, "average-3", 99)  # has no partner
    write(tmp_path, "other-7", 50)  # neither has this
    rows = paired(tmp_path, "none").stdout.splitlines()
    assert rows[2:] == [
        "| average | 3 | 63.0 | +3.0 ± 2.3 | +3.0 ± 2.3 | +3.0 ± 2.3 |",  # 2 * 2 / sqrt(3) = 2.31
        "| none | 3 | 60.0 | +0.0 ± 0.0 | +0.0 ± 0.0 | +0.0 ± 0.0 |",
    ]


def test_parts_of_unequal_size_are_pooled_by_seed(tmp_path: Path) -> None:
    for seed in range(2):
        write(tmp_path, f"none_1-{seed}", 50)
        write(tmp_path, f"none_2-{seed}", 150, 300)
        write(tmp_path, f"all_1-{seed}", 70)
        write(tmp_path, f"all_2-{seed}", 150, 300)
    row = paired(tmp_path, "none").stdout.splitlines()[2]
    assert row.startswith("| all | 2 | 55.0 | +5.0 ± 0.0 | +10.0 ± 11.5 |")  # 20 of 400; mean of 20 and 0
    assert "has no runs of labels" in paired(tmp_path, "labels").stderr


def test_the_study_gives_each_run_settings_that_are_there(tmp_path: Path) -> None:
    fake = tmp_path / "bin" / "hwasc"
    fake.parent.mkdir()
    fake.write_text('#!/bin/sh\nprintf "%s\\t" "$@" >>"$CALLS"; echo >>"$CALLS"\n')
    fake.chmod(0o755)
    (tmp_path / "out").mkdir()
    for loss in ("labels", "distilled"):
        write(tmp_path / "out" / loss, "none_1-0", 50)
    calls = tmp_path / "calls"
    path = f"{fake.parent}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    own = {"PATH": path, "CALLS": str(calls), "SEEDS": "0", "PARTS": "1", "WORKERS": "1", "WINNER": "best.json"}
    command = [str(FOLDER / "students_side.sh"), "recordings", "my data", "responses", str(tmp_path / "out")]
    done = subprocess.run(command, env=os.environ | own, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    runs = [line.split("\t") for line in calls.read_text().splitlines()]
    names = [re.sub(r".*/out/", "", run[run.index("--run") + 1]) for run in runs]
    assert len(names) == len(set(names)) == 9 + 12 and "distilled/start-both_1-0" in names
    for run in runs:
        assert run[run.index("--data") + 1] == "my data"
        sets = [run[i + 1] for i, word in enumerate(run) if word == "--set"]
        sets += [word.removeprefix("--set=") for word in run if word.startswith("--set=")]
        Settings.load(FOLDER.parent / "city_scenes" / "settings.yaml", sets)
