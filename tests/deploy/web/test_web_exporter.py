"""The folder of the export as a page: complete, confined to itself, written whole, and honest about where its parts come from."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import hwasc
from hwasc.audio.frontend import mel_filters, window_of
from hwasc.deploy.exporting import export
from hwasc.deploy.web.folder import SITE
from hwasc.deploy.web.front_end_tables import front_end_tables
from hwasc.deploy.web.runtime_files import FILES, PACKAGE, TESTED, runtime_files
from hwasc.errors import DataError, UsageError
from hwasc.records.front_end import FrontEnd
from hwasc.records.front_ends import FRONT_ENDS
from hwasc.testing import examples
from hwasc.training.metrics import Metrics

ROOT = Path(__file__).parents[3]
PARTS = {"export.json", "front_end.bin", "model.json", "student.onnx", "README.md", *(p.name for p in SITE.iterdir())}


def package(folder: Path, version: str = "9.9.9", name: str = PACKAGE) -> Path:
    """A stand-in for the npm package."""
    (folder / "dist").mkdir(parents=True)
    (folder / "package.json").write_text(json.dumps({"name": name, "version": version}))
    for file in FILES:
        (folder / "dist" / file).write_text(f"the content of {file}")
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("student")
    student = examples.int8_student(examples.features(folder / "features", examples.FRONT_END))
    return examples.write_weights(student, folder / "int8.safetensors")


@pytest.fixture(scope="module")
def page(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    copy = package(folder / "copy")
    return export(weights, folder / "page", format="web", onnxruntime_web=copy)


@pytest.mark.slow
def test_the_folder_is_complete_and_its_record_true(page: Path) -> None:
    found = {p.relative_to(page).as_posix() for p in page.rglob("*") if p.is_file()}
    assert found == PARTS | {f"onnxruntime/{name}" for name in FILES}
    about = json.loads((page / "export.json").read_text())
    assert about["files"] == {n: hashlib.sha256((page / n).read_bytes()).hexdigest() for n in found - {"export.json"}}
    assert about["onnxruntime_web"] == "9.9.9"
    model = json.loads((page / "model.json").read_text())
    assert tuple(model["classes"]) == examples.CLASSES and model["accuracy"] is None and not model["card"]
    assert hwasc.load(page / "student.onnx").classes == examples.CLASSES
    for name in found - {"README.md", "export.json", "model.json"} - {f"onnxruntime/{n}" for n in FILES}:
        assert f"`{name}`" in (page / "README.md").read_text()


@pytest.mark.parametrize("path", sorted(SITE.iterdir()), ids=lambda p: p.name)
def test_the_page_names_nothing_from_elsewhere(path: Path) -> None:
    text = path.read_text().replace("http://www.w3.org/2000/svg", "")  # the name of a format, which nobody asks for
    assert not re.search(r"https?://|//\w+\.\w", text)
    for name in re.findall(r"""(?:from |import |import\(|src=|href=|new URL\()["']([^"']+)["']""", text):
        assert (SITE / name).is_file() or name == "model_card.md" or Path(name).name in FILES, name


def test_the_page_allows_itself_alone() -> None:
    html = (SITE / "index.html").read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)
    assert policy
    allowed = dict(part.strip().split(" ", 1) for part in policy[1].split(";"))
    assert allowed.pop("default-src") == "'none'"
    assert set(" ".join(allowed.values()).split()) == {"'self'", "'none'", "'wasm-unsafe-eval'"}
    assert not re.search(r"\son\w+=|style=|<style|<script(?![^>]*src=)", html)  # nothing inline


@pytest.mark.slow
def test_a_later_export_replaces_an_unchanged_one_alone(weights: Path, page: Path, tmp_path: Path) -> None:
    out = shutil.copytree(page, tmp_path / "page")
    copy = package(tmp_path / "copy", "8.8.8")
    export(weights, out, format="web", onnxruntime_web=copy)
    assert json.loads((out / "model.json").read_text())["onnxruntime_web"] == "8.8.8"
    (out / "style.css").write_text("body {}")
    with pytest.raises(UsageError, match=r"style\.css was changed"):
        export(weights, out, format="web", onnxruntime_web=copy)


@pytest.mark.slow
def test_figures_and_card_come_from_the_run_folder(weights: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(weights, run)
    test = Metrics(
        clips=30, accuracy=0.6, log_loss=1.0, ece=0.1, by_location=0.5, locations=3, per_class={}, per_device={}, groups={},
        confusion=[[6, 4, 0], [0, 6, 4], [4, 0, 6]], standard_error=0.089,
    )  # fmt: skip
    measured = {
        "data": "/home/someone/my scenes", "folder": "/home/someone/my scenes", "dataset": "1", "split": "test", "drawn": "",
        "clips": 30, "locations": 3, "missing": [], "left_out": 0, "left_out_locations": 0, "training": 1, "validation": 1,
    }  # fmt: skip
    (run / "result.json").write_text(json.dumps({"int8": vars(test), "measured": measured}))
    (run / "model_card.md").write_text("# A card\n")
    out = export(run / weights.name, tmp_path / "page", format="web", onnxruntime_web=package(tmp_path / "copy"))
    about = json.loads((out / "model.json").read_text())
    assert about["accuracy"].startswith("Accuracy 60.0 % ± 8.9 %") and about["accuracy"].endswith(
        "30 test clips of my scenes."
    )
    assert about["card"] and (out / "model_card.md").read_text() == "# A card\n"
    (run / "result.json").write_text('{"int8": {"clips": "many"}, "measured": {}}')
    with pytest.raises(DataError, match=r"result\.json: int8"):
        export(run / weights.name, tmp_path / "other", format="web", onnxruntime_web=tmp_path / "copy")
    assert not (tmp_path / "other").exists()
    (run / "result.json").write_text('{"what": "the result of something else"}')
    out = export(run / weights.name, tmp_path / "other", format="web", onnxruntime_web=tmp_path / "copy")
    assert json.loads((out / "model.json").read_text())["accuracy"] is None


def test_the_package_is_found_in_a_folder_above(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(tmp_path / "node_modules" / PACKAGE)
    (tmp_path / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "er")
    assert runtime_files().version == "9.9.9" and set(runtime_files().files) == set(FILES)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: shutil.rmtree(folder), "no copy of the npm package"),
        (lambda folder: (folder / "dist" / next(iter(FILES))).unlink(), r"npm install onnxruntime-web@"),
        (lambda folder: (folder / "package.json").write_text("{"), r"npm install onnxruntime-web@"),
        (lambda folder: (folder / "package.json").write_text('["name"]'), "another package"),
        (lambda folder: (folder / "package.json").write_text('{"name": "lodash", "version": "1"}'), "another package"),
        (lambda folder: (folder / "package.json").write_text(json.dumps({"name": PACKAGE, "version": TESTED})), "not the file"),
    ],
)  # fmt: skip
def test_what_is_no_copy_of_the_package_is_refused(
    tmp_path: Path, spoil: Callable[[Path], object], message: str
) -> None:
    copy = package(tmp_path / "copy")
    spoil(copy)
    with pytest.raises((UsageError, DataError), match=message):
        runtime_files(copy)


@pytest.mark.slow
def test_without_the_package_one_line_says_what_to_run(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hwasc: Callable[..., tuple[int, str, str]]
) -> None:
    monkeypatch.chdir(tmp_path)
    if any((folder / "node_modules" / PACKAGE).is_dir() for folder in tmp_path.parents):
        pytest.skip("there is a copy above the temporary folder")
    status, out, err = hwasc("export", "--weights", weights, "--format", "web")
    assert (status, out) == (2, "") and f"npm install {PACKAGE}@{TESTED}" in err and len(err.splitlines()) == 1
    assert os.listdir(tmp_path) == []


@pytest.mark.slow
def test_the_command_says_how_to_open_the_page(
    weights: Path, tmp_path: Path, hwasc: Callable[..., tuple[int, str, str]]
) -> None:
    copy = package(tmp_path / "copy")
    out = tmp_path / "page"
    status, said, _ = hwasc("export", "--weights", weights, "--format", "web", "--out", out, "--onnxruntime-web", copy)
    assert status == 0 and f"tested is {TESTED}" in said and f"http.server --bind 127.0.0.1 --directory {out}" in said


def test_the_tested_version_is_the_one_that_npm_installs() -> None:
    assert json.loads((ROOT / "package.json").read_text())["devDependencies"] == {PACKAGE: TESTED}
    lock = (ROOT / "package-lock.json").read_text()
    assert json.loads(lock)["packages"][f"node_modules/{PACKAGE}"]["version"] == TESTED
    assert "://" not in lock  # no address of a registry: npm takes its own


@pytest.mark.parametrize("name", ["default", *FRONT_ENDS])
def test_tables_are_the_filters_and_the_window(name: str) -> None:
    fe = FRONT_ENDS[name](1.0) if name in FRONT_ENDS else FrontEnd(gain=3.0)
    ranges, tables = front_end_tables(fe)
    numbers = np.frombuffer(tables, "<f4")
    np.testing.assert_array_equal(numbers[: fe.window], window_of(fe).numpy())
    dense, at = np.zeros((fe.mels, fe.n_fft // 2 + 1), np.float32), fe.window
    for row, (first, count) in zip(dense, ranges, strict=True):
        row[first : first + count] = numbers[at : at + count]
        at += count
    np.testing.assert_array_equal(dense, mel_filters(fe) * np.float32(fe.gain))
    assert at == len(numbers)
