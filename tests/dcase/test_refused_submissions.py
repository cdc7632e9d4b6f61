"""Hand-ins to DCASE Task 1 that are refused: each in a line that says why, before anything is written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from hwasc.dcase.rules import About

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize(
    ("year", "runs", "changes", "status", "message"),
    [
        (2025, ["s25"], {"label": "Doe_INST_task1_5"}, 2, "Surname_INST_task1_N"),
        (2025, ["s25"], {"label": "Doe-Roe_INST_task1_1"}, 2, "names a Python module"),
        (2025, ["s25"], {"label": "Doe_task1_1"}, 2, "Surname_INST_task1_N"),
        (2025, ["s50"], {}, 2, "2025 allows only the 25 % subset, but trained on subset 50 %"),
        (2025, ["s100"], {}, 2, "trained on subset none, which is 100 %; distill with --set data.subset=25"),
        (2025, ["25=s25"], {}, 2, "--run FOLDER for all devices"),
        (2025, ["a=s25"], {}, 2, "needs a student for unknown devices"),
        (2024, ["s25"], {}, 2, "name the subset: --run 25="),
        (2024, ["10=s25"], {}, 2, "given for the 10 % subset, but trained on subset 25 %"),
        (2024, ["25=s25", "25=s25"], {}, 2, "two runs for 25"),
        (2024, ["25=gone"], {}, 2, "no such run folder"),
        (2024, ["25=cache"], {}, 2, "is no finished run"),
        (2024, ["25=s25"], {"evaluation": "nowhere"}, 1, "no such evaluation set"),
        (2024, ["25=s25"], {"evaluation": "cache"}, 1, "no list of the clips"),
        (2024, ["25=s25"], {"about": "nobody.yaml"}, 2, "nobody.yaml"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_a_line(submit: Run, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        year: int, runs: list[str], changes: dict[str, str], status: int, message: str) -> None:  # fmt: skip
    monkeypatch.chdir(made)
    found, _, err = submit(year, tmp_path / "o", *runs, **changes)
    assert (found, message in err) == (status, True), err
    assert "Traceback" not in err and "unexpected" not in err and not (tmp_path / "o").exists()


def test_a_model_beyond_the_limits_is_refused(
    submit: Run, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hwasc.records.budget import Budget, Limits, MacsLimit

    tight = Budget("dcase2024", Limits(macs=MacsLimit(max=10_000, count="torchinfo")))
    monkeypatch.setattr("hwasc.dcase.submission_runs.Budget.load", lambda name: tight)
    status, _, err = submit(2024, tmp_path / "o", f"25={made / 's25'}")
    assert status == 2 and "must not be submitted: macs.torchinfo is" in err and "the limit 10,000" in err
    assert not (tmp_path / "o").exists()


def test_other_classes_are_refused(submit: Run, made: Path, tmp_path: Path) -> None:
    run = tmp_path / "cafe"
    shutil.copytree(made / "s25", run)
    result = json.loads((run / "result.json").read_text())
    names = ["cafe", *result["classes"][1:]]
    (run / "result.json").write_text(json.dumps({**result, "classes": names}))
    status, _, err = submit(2024, tmp_path / "o", f"25={run}")
    assert status == 2 and "different students" in err
    import safetensors
    import safetensors.torch

    path = run / "int8.safetensors"
    with safetensors.safe_open(str(path), "pt") as f:
        meta = {k: v for k, v in f.metadata().items() if k != "checksum"}
    path.write_bytes(safetensors.torch.save(safetensors.torch.load_file(path), {**meta, "classes": json.dumps(names)}))
    status, _, err = submit(2024, tmp_path / "o", f"25={run}")
    assert status == 2 and "names 10 classes (cafe, bus, metro, ...)" in err


def test_absent_and_broken_evaluation_clips(submit: Run, made: Path, tmp_path: Path) -> None:
    root = tmp_path / "eval"
    shutil.copytree(made / "eval24", root)
    (root / "audio" / "3.wav").write_text("no sound")
    status, _, err = submit(2024, tmp_path / "o", f"25={made / 's25'}", evaluation=root)
    assert status == 1 and "3.wav: is no audio that can be read" in err
    (root / "audio" / "5.wav").unlink()
    status, _, err = submit(2024, tmp_path / "o", f"25={made / 's25'}", evaluation=root)
    assert status == 1 and "1 of 70 clips are absent, first audio/5.wav" in err


def test_a_package_that_differs_is_not_handed_in(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other_student: Path
) -> None:
    from hwasc.dcase import inference_package
    from hwasc.dcase.submission import submit as write
    from hwasc.errors import HwascError

    about = About.load(made / "about.yaml", 2025)
    runs = {"general": made / "s25"}
    options = {"evaluation": made / "eval25", "label": "Doe_INST_task1_1", "about": about, "out": tmp_path / "o"}
    from hwasc.deploy.exporting import load_int8

    real = inference_package.write
    swapped = {"general": load_int8(other_student / "int8.safetensors")[0]}
    monkeypatch.setattr(
        inference_package, "write", lambda folder, **options: real(folder, **{**options, "students": swapped})
    )
    with pytest.raises(HwascError, match="names the evaluated student's scene on only"):
        write(2025, runs, **options, cache=made / "cache")  # type: ignore[arg-type]
    monkeypatch.setattr(inference_package, "_source", lambda module: "import hwasc\n")
    with pytest.raises(HwascError, match="does not run by itself .*without hwasc"):
        write(2025, runs, **options, cache=made / "cache")  # type: ignore[arg-type]


def test_about_is_asked_for_with_an_example(hwasc: Run, made: Path, tmp_path: Path) -> None:
    status, _, err = hwasc(
        "submit", "--year", 2025, "--run", made / "s25", "--evaluation", made / "eval25", "--label", "A_B_task1_1"
    )
    assert status == 2 and "lastname: Doe" in err and "--about is missing" in err.splitlines()[-1]
