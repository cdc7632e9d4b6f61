"""The main way on tiny data: search, distill, profile, evaluate, export; what each leaves; the test split stays closed."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hwasc.audio.reading import read_clips

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str, str]]
TABLE = "predictions.csv"


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of all files of which clips are decoded."""
    names: set[str] = set()

    def recorded(path: Path, *arguments: Any) -> Iterator[Any]:
        names.add(path.name)
        return read_clips(path, *arguments)

    monkeypatch.setattr("hwasc.data.waveforms.read_clips", recorded)
    return names


@pytest.fixture(scope="module")
def sealed(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, set[str]]:
    """A copy of the data whose test clips are noise to any reader, and their names."""
    root = tmp_path_factory.mktemp("sealed") / "scenes"
    shutil.copytree(tiny_data, root)
    names = {
        line.split("\t")[0] for line in (root / "evaluation_setup" / "fold1_evaluate.csv").read_text().splitlines()[1:]
    }
    assert len(names) == 90
    for name in names:
        (root / name).write_bytes(b"sealed")
    return root, {Path(n).name for n in names}


def test_search_fusion_and_training_never_open_a_test_clip(
    hwasc: Run,
    sealed: tuple[Path, set[str]],
    decoded: set[str],
    tiny_space: Path,
    tmp_path: Path,
    tiny_settings: list[str],
) -> None:
    root, test_clips = sealed
    settings = tiny_settings
    status, _, err = hwasc(
        "search", "--budget", "dcase2024", "--space", tiny_space, "--run", tmp_path / "s", "--out", tmp_path / "best.json",
        "--data", root, "--cache", tmp_path / "cache", *settings,
    )  # fmt: skip
    assert status == 0, err
    assert any(n.endswith("-a.wav") for n in decoded), "the training clips are seen"
    assert not decoded & test_clips
    status, _, err = hwasc(
        "distill",
        "--arch",
        tmp_path / "best.json",
        "--run",
        tmp_path / "d",
        "--data",
        root,
        "--cache",
        tmp_path / "cache",
        *settings,
    )
    # Their files are hashed at the start, so that known ones are left out. They cannot be decoded: only the last step tries to.
    assert status == 1 and "cannot be read" in err
    assert (tmp_path / "d" / "int8.safetensors").is_file(), "training was done before"
    assert (tmp_path / "d" / "student.onnx").is_file(), "and the export"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("made")


def test_search_leaves_what_it_promises(hwasc: Run, tiny_space: Path, made: Path) -> None:
    argv = ("search", "--budget", "dcase2024", "--space", tiny_space, "--run", made / "s", "--out", made / "best.json")
    status, out, err = hwasc(*argv, "--json", tiny=True)
    assert status == 0, err
    assert "limits over the space" in err and "macs.torchinfo" in err
    result = json.loads(out)
    trials = [json.loads(line) for line in (made / "s" / "trials.jsonl").read_text().splitlines()]
    assert len(trials) == result["trials"] == 3 and len({t["id"] for t in trials}) == 3
    best = json.loads((made / "best.json").read_text())
    again = [json.loads(line) for line in (made / "s" / "rescored.jsonl").read_text().splitlines()]
    assert len(again) == 2 == len(result["rescored"])
    assert best["provenance"]["proxy"]["int8_accuracy"] == max(t["accuracy"] for t in again)
    assert best["provenance"]["budget"] == "dcase2024" and best["provenance"]["hwasc"]
    assert all(limit["slack"] >= 0 for limit in best["provenance"]["limits"].values())
    front = list(csv.DictReader((made / "s" / "pareto.csv").open()))
    assert best["id"] in {row["id"] for row in front}
    assert "<svg" in (made / "s" / "report.html").read_text()
    found = json.loads((made / "s" / "teachers.json").read_text())
    assert found["split"] == "validation" and {r["name"] for r in found["leave_one_out"]} == {
        "crnn",
        "patch_transformer",
    }
    assert set(found["mixing"]["device"]) == {"a", "b", "c", "s1", "s2", "s3"} and len(found["mixing"]["scene"]) == 10
    for weights in (w for groups in found["mixing"].values() for w in groups.values()):
        assert set(weights) == {"crnn", "patch_transformer"} and sum(weights.values()) == pytest.approx(1, abs=1e-5)
    before = (made / "s" / "trials.jsonl").read_bytes()
    status, out, _ = hwasc(*argv, "--json", tiny=True)  # the same command again: nothing is scored anew
    assert (
        status == 0
        and (made / "s" / "trials.jsonl").read_bytes() == before
        and json.loads(out)["trial"] == result["trial"]
    )
    status, _, err = hwasc(*argv, "--seed", 1, tiny=True)
    assert status == 2 and "another configuration" in err and "settings.seed was 0, is now 1" in err


def test_teach_compares_over_seeds_on_the_split_that_is_named(hwasc: Run, made: Path) -> None:
    out, page = made / "seeds.json", made / "seeds.html"
    argv = ("teach", "--seeds", 2, "--split", "test", "--out", out, "--html", page)
    status, printed, err = hwasc(*argv, tiny=True)
    assert status == 0, err
    found = json.loads(out.read_text())
    assert [r["seed"] for r in found["runs"]] == [0, 1] and found["environment"]["hwasc"]
    assert {r["clips"] for r in found["runs"]} == {90} and {r["split"] for r in found["runs"]} == {"test"}
    first, second = ({r["name"]: r["accuracy"] for r in run["fusion"]} for run in found["runs"])
    assert first != second  # other teachers
    line = next(x for x in printed.splitlines() if x.startswith("z1+z2"))
    gains = [first["z1+z2"] - first["mean"], second["z1+z2"] - second["mean"]]
    assert f"{sum(gains) / 2:+.4f} ± {abs(gains[0] - gains[1]) / 2:.4f}" in line
    assert "gains ± standard error" in printed and "mean weight of each teacher by device" in page.read_text()
    alone = json.loads(hwasc("teach", "--split", "test", "--json", tiny=True)[1])
    assert alone == found["runs"][0]


def test_distill_leaves_a_measured_int8_student(hwasc: Run, made: Path) -> None:
    status, out, err = hwasc("distill", "--arch", made / "best.json", "--run", made / "d", "--json", tiny=True)
    assert status == 0, err
    result = json.loads(out)
    assert result == json.loads((made / "d" / "result.json").read_text())
    assert result["int8"]["clips"] == 90 == sum(map(sum, result["int8"]["confusion"]))
    assert result["onnx"]["agreement"] >= 0.99
    assert (made / "d" / "student.tflite").stat().st_size == result["tflite"]["bytes"]
    assert set(result["int8"]["per_device"]) == {"a", "b", "c", "s1", "s2", "s3", "s4", "s5", "s6"}
    assert set(result["int8"]["groups"]) == {"real", "seen", "unseen"}
    assert [r["name"] for r in result["fusion"]] == [
        "crnn", "patch_transformer", "weighted mean", "mean", "z1", "z2", "z1+z2", "z1 (paper)", "z2 (paper)", "z1+z2 (paper)",
    ]  # fmt: skip
    assert [r["name"] for r in result["leave_one_out"]] == ["crnn", "patch_transformer"]
    assert [t["front_end"]["mels"] for t in result["teachers"]] == [40, 40]
    assert len(result["losses"]["float"]) == 2 and len(result["losses"]["qat"]) == 1
    page = (made / "d" / "report.html").read_text()
    assert "<svg" in page and "Fits dcase2024" in page and page.count("<audio") == len(wrong_of(made / "d" / TABLE))
    assert result["fit"]["budget"] == "dcase2024" and result["fit"]["ram"] == result["costs"]["ram"]
    card = (made / "d" / "model_card.md").read_text()
    assert f"value: {round(result['int8']['accuracy'], 4)}\n" in card and "`dcase2024`" in card
    with (made / "d" / TABLE).open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 90 and str(made) not in (made / "d" / TABLE).read_text()
    confusion = [[0] * 10 for _ in range(10)]
    for row in rows:
        confusion[result["classes"].index(row["scene"])][result["classes"].index(row["predicted"])] += 1
    assert confusion == result["int8"]["confusion"]


def wrong_of(table: Path) -> list[dict[str, str]]:
    with table.open() as file:
        return [row for row in csv.DictReader(file) if row["scene"] != row["predicted"]]


def test_evaluate_writes_the_same_predictions_and_a_page_that_can_be_sent(hwasc: Run, made: Path) -> None:
    page = made / "sent.html"
    argv = ("--model", made / "d" / "student.onnx", "--html", page, "--embed", 2)
    status, out, err = hwasc("evaluate", *argv, tiny=True)
    assert status == 0, err
    assert "Fits dcase2024" in out and f"table {made / 'sent.predictions.csv'}" in out, "the budget of the run folder"
    wrong, text = wrong_of(made / "sent.predictions.csv"), page.read_text()
    assert {r["clip"] for r in wrong} == {r["clip"] for r in wrong_of(made / "d" / TABLE)}
    assert text.count("<audio") == len(wrong) and text.count('src="data:audio/flac') == min(2, len(wrong))
    first = min(wrong, key=lambda r: text.index(r["file"]))
    assert first["probability"] == max(r["probability"] for r in wrong), "the surest is first"
    status, out, _ = hwasc("evaluate", "--model", made / "d" / "student.onnx", "--csv", made / "own.csv", tiny=True)
    assert status == 0 and (made / "own.csv").read_text() == (made / "sent.predictions.csv").read_text()


def test_distill_resumes_and_repeats_itself(hwasc: Run, made: Path) -> None:
    """Interrupted after a stage, it goes on; from nothing, it gives the same bits."""
    first = json.loads((made / "d" / "result.json").read_text())
    (made / "d" / "int8.safetensors").unlink()
    assert hwasc("distill", "--arch", made / "best.json", "--run", made / "d", tiny=True)[0] == 0
    resumed = json.loads((made / "d" / "result.json").read_text())
    assert hwasc("distill", "--arch", made / "best.json", "--run", made / "e", tiny=True)[0] == 0
    again = json.loads((made / "e" / "result.json").read_text())
    for key in ("float", "int8", "losses", "fusion", "onnx"):
        assert first[key] == resumed[key] == again[key], key


@pytest.mark.parametrize("file", ["student.onnx", "int8.safetensors", "float.safetensors"])
def test_evaluate_measures_what_distill_measured(hwasc: Run, made: Path, file: str) -> None:
    status, out, err = hwasc("evaluate", "--model", made / "d" / file, "--json", tiny=True)
    assert status == 0, err
    result = json.loads((made / "d" / "result.json").read_text())
    metrics = json.loads(out)["metrics"]
    if file == "student.onnx":
        assert metrics["accuracy"] == pytest.approx(result["onnx"]["accuracy"])
        return
    expected = result[file.removesuffix(".safetensors")]
    if file == "float.safetensors":
        assert metrics == expected
        return
    # memory formats differ, so sums do in their last bit: a value between two steps of a scale may take either
    assert metrics["accuracy"] == pytest.approx(expected["accuracy"], abs=0.012)
    assert metrics["log_loss"] == pytest.approx(expected["log_loss"], rel=1e-3) and set(metrics) == set(expected)


def test_export_writes_the_same_file_again(hwasc: Run, made: Path) -> None:
    status, _, err = hwasc("export", "--weights", made / "d" / "int8.safetensors", "--out", made / "again.onnx")
    assert status == 0, err
    assert (made / "again.onnx").read_bytes() == (made / "d" / "student.onnx").read_bytes()


def test_the_chips_file_is_exported_evaluated_and_profiled(hwasc: Run, made: Path) -> None:
    pytest.importorskip("tflite_micro")
    weights, model = made / "d" / "int8.safetensors", made / "student.tflite"
    status, out, err = hwasc("export", "--weights", weights, "--out", model, "--planner", "offline", "--json")
    assert status == 0, err
    assert json.loads(out) == {"model": str(model), "format": "tflite", "bytes": model.stat().st_size}
    results = []
    for workers in (1, 2):
        status, out, err = hwasc("evaluate", "--model", model, "--json", "--workers", workers, tiny=True)
        assert status == 0, err
        results.append(json.loads(out))
    assert results[0] == results[1] and results[0]["runtime"].startswith("tflm 0.dev")
    int8 = json.loads((made / "d" / "result.json").read_text())["int8"]
    assert abs(results[0]["metrics"]["accuracy"] - int8["accuracy"]) <= 1 / 90 + 1e-9
    assert results[0]["metrics"]["log_loss"] == pytest.approx(int8["log_loss"], abs=0.01)
    status, out, err = hwasc("profile", "--model", model, "--json")
    assert status == 0, err
    arena = json.loads(out)["arena"]
    assert arena["head"] == arena["predicted_head"] == arena["offline_head"] <= arena["greedy_head"]
    assert arena["total"] == arena["head"] + arena["tail"] and arena["file"] == model.stat().st_size
    assert arena["total"] - 16 <= arena["smallest"] <= arena["total"] + 8192
    status, out, err = hwasc("evaluate", "--model", model, "--json", "--runtime", "litert-ref", tiny=True)
    assert status == 0 and json.loads(out)["metrics"] == results[0]["metrics"], err
    status, _, err = hwasc("evaluate", "--model", model, "--runtime", "onnx", tiny=True)
    assert status == 2 and "onnx does not run .tflite files (tflm and litert-ref do)" in err
    page = made / "chip.html"
    status, out, err = hwasc("profile", "--model", model, "--npu", "ethos-u55-64", "--html", page)
    assert status == 0 and "as predicted" in out and "ethos-u55-64 at 500 MHz (estimate, vela" in out, err
    assert (
        "smallest arena that the file loads and runs in" in page.read_text() and "On ethos-u55-64" in page.read_text()
    )
    status, _, err = hwasc("profile", "--arch", made / "best.json", "--npu", "ethos-u55-64")
    assert status == 2 and "needs a .tflite file" in err


def test_profile_of_the_winner(hwasc: Run, made: Path) -> None:
    status, out, err = hwasc("profile", "--arch", made / "best.json", "--json", "--html", made / "p.html")
    assert status == 0, err
    profile = json.loads(out)
    assert profile["budget"] == "dcase2024" and all(x["met"] for x in profile["limits"])
    assert profile["macs"]["conv"] > 0 and profile["int8_memory"]["activations"] > 0 and profile["parameters"] > 0
    assert sum(y["parameters"] for y in profile["layers"]) == profile["parameters"]
    assert "<svg" in (made / "p.html").read_text()


@pytest.mark.long
def test_another_number_of_workers_gives_the_same(hwasc: Run, tiny_space: Path, made: Path, tmp_path: Path) -> None:
    if not (made / "s" / "trials.jsonl").is_file():
        pytest.skip("compares with the search of this module, which was not run")
    status, _, err = hwasc(
        "search", "--budget", "dcase2024", "--space", tiny_space, "--run", tmp_path / "s", "--out", tmp_path / "best.json",
        "--workers", 2, "--cache", tmp_path / "cache", tiny=True,
    )  # fmt: skip
    assert status == 0, err

    def scores(folder: Path) -> dict[int, tuple[str, float]]:
        trials = [json.loads(line) for line in (folder / "trials.jsonl").read_text().splitlines()]
        return {t["number"]: (t["id"], t["accuracy"]) for t in trials}

    assert scores(tmp_path / "s") == scores(made / "s")


def test_labels_alone_need_no_teachers(hwasc: Run, made: Path, tmp_path: Path) -> None:
    status, out, err = hwasc(
        "distill",
        "--arch",
        made / "best.json",
        "--run",
        tmp_path / "l",
        "--json",
        "--set",
        "distill.alpha=0",
        tiny=True,
    )
    assert status == 0, err
    assert json.loads(out)["fusion"] == []
    assert (
        json.loads(out)["float"]["log_loss"]
        != json.loads((made / "d" / "result.json").read_text())["float"]["log_loss"]
    )
