"""`hwasc predict` as a person uses it: files, folders, pipes; lines, JSON, CSV and a page; one line for every mistake."""

from __future__ import annotations

import csv
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hwasc.students.prediction import Predictions
from hwasc.testing import examples

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder."""
    root = tmp_path_factory.mktemp("model")
    student = examples.int8_student(examples.features(root / "features", examples.FRONT_END))
    examples.write_weights(student, root / "run" / "int8.safetensors")
    return root / "run"


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root, rng = tmp_path_factory.mktemp("sounds"), np.random.default_rng(0)
    (root / "inside").mkdir()
    for name, seconds in (("a.wav", 3.0), ("inside/b.flac", 2.0), ("short.wav", 0.4)):
        soundfile.write(root / name, 0.1 * rng.standard_normal(round(seconds * 16_000)), 16_000)
    (root / "broken.wav").write_bytes(b"no sound")
    (root / "notes.txt").write_text("none")
    return root


def test_a_folder_is_classified_and_what_cannot_be_read_is_named(hwasc: Run, model: Path, sounds: Path) -> None:
    status, out, err = hwasc("predict", model, sounds)
    assert status == 0
    lines, verdict = (text.splitlines() for text in out.split("\n\n"))
    assert [line.split(":")[0] for line in lines] == [str(sounds / "a.wav"), str(sounds / "inside" / "b.flac")]
    assert "of 3 windows)" in lines[0] and "of 2 windows)" in lines[1] and "%" in lines[0]
    assert f"not classified: {sounds / 'short.wav'} (too short: 0.40 s of 1 s)" in err
    assert f"not classified: {sounds / 'broken.wav'} (" in err and "notes" not in err
    assert verdict[1].startswith("found      2 recordings: ") and "left out: 2." in verdict[1]
    assert verdict[-1] == f"next         hwasc predict {model} {sounds} --html scenes.html"


def test_json_csv_and_page_say_the_same(hwasc: Run, model: Path, sounds: Path, tmp_path: Path) -> None:
    table, page = tmp_path / "t.csv", tmp_path / "p.html"
    status, out, _ = hwasc("predict", model, sounds, "--every", 0.5, "--json", "--csv", table, "--html", page)
    assert status == 0
    found = Predictions.from_json(json.loads(out), "out")
    assert (found.seconds, found.every, found.classes) == (1.0, 0.5, examples.CLASSES) and len(found.skipped) == 2
    rows = list(csv.DictReader(table.open()))
    windows = [(f.file, w) for f in found.files for w in f.windows]
    assert len(rows) == len(windows) == 5 + 3
    for row, (file, window) in zip(rows, windows, strict=True):
        assert (row["file"], row["scene"]) == (file, window.scene) and float(row["start"]) == window.start
        assert [float(row[c]) for c in found.classes] == pytest.approx(window.probabilities, abs=1e-4)
        assert sum(window.probabilities) == pytest.approx(1)
    text = page.read_text()
    assert text.count("<svg") == 2 and "a.wav" in text and "too short: 0.40 s of 1 s" in text
    assert "<script" not in text and "http" not in text.replace("http://www.w3.org", "").replace("http-equiv", "")


def test_neighbouring_windows_of_a_scene_are_one_line(hwasc: Run, model: Path, sounds: Path) -> None:
    _, out, _ = hwasc("predict", model, sounds / "a.wav", "--every", 0.25)
    spans = [line.split() for line in out.splitlines()[1:-1]]
    assert spans[0][0] == "0.00" and spans[-1][2] == "3.00"
    assert all(before[2] == after[0] and before[4] != after[4] for before, after in itertools.pairwise(spans))


@pytest.mark.slow
def test_raw_samples_are_classified_as_they_come(model: Path, sounds: Path) -> None:
    samples, rate = soundfile.read(sounds / "a.wav", dtype="int16")
    command = [sys.executable, "-m", "hwasc", "predict", str(model), "-", "--rate", str(rate), "--json"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ) as process:
        assert process.stdin and process.stdout
        raw = samples.astype("<i2").tobytes()
        process.stdin.write(raw[: 2 * rate + 501])  # half a sample, too
        process.stdin.flush()
        first = json.loads(process.stdout.readline())  # while the pipe is open
        process.stdin.write(raw[2 * rate + 501 :])
        process.stdin.close()
        decided = [first, *(json.loads(line) for line in process.stdout)]
    assert process.returncode == 0 and [d["start"] for d in decided] == [0, 1, 2]
    whole = subprocess.run([*command[:5], str(sounds / "a.wav"), "--json"], capture_output=True, check=True)
    expected = json.loads(whole.stdout)["files"][0]["windows"]
    assert [d["scene"] for d in decided] == [w["scene"] for w in expected]
    np.testing.assert_allclose([d["probabilities"] for d in decided], [w["probabilities"] for w in expected], atol=1e-6)


def test_a_microphone_is_listened_to_until_ctrl_c(
    hwasc: Run, model: Path, sounds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples, _ = soundfile.read(sounds / "a.wav", dtype="float32")

    def heard(rate: int, device: str | None) -> Iterator[np.ndarray]:
        assert (rate, device) == (16_000, "usb")
        yield samples[:, None]
        raise KeyboardInterrupt

    monkeypatch.setattr("hwasc.audio.microphone.microphone", heard)
    status, out, err = hwasc("predict", model, "--mic", "usb", "--rate", 16_000)
    assert status == 0 and err == "" and [line.split()[0] for line in out.splitlines()] == ["0.00", "1.00", "2.00"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent.wav"], "absent.wav: there is no such file or folder"),
        ([], "name a recording, a folder, - for raw samples, or --mic"),
        (["-", "a.wav"], "- goes with no other SOURCE"),
        (["a.wav", "--mic"], "--mic goes with no SOURCE"),
        (["-", "--csv", "t.csv"], "--csv and --html need recordings"),
        (["a.wav", "--rate", "8000"], "recordings have their own"),
        (["a.wav", "--every", "0"], "every: expected seconds"),
    ],
)
def test_wrong_use_is_one_line(
    hwasc: Run, model: Path, sounds: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(sounds)
    status, _, err = hwasc("predict", model, *arguments)
    assert status == 2 and message in err and "Traceback" not in err


def test_nothing_that_can_be_classified_is_a_failure(hwasc: Run, model: Path, sounds: Path) -> None:
    status, _, err = hwasc("predict", model, sounds / "broken.wav", sounds / "short.wav")
    assert status == 1 and "nothing could be classified" in err and "and 1 more" in err
    status, _, err = hwasc("predict", sounds / "a.wav", sounds / "a.wav")
    assert status == 2 and "unknown kind of model" in err
