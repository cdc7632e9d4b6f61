"""Students side by side: which runs are one student, means with their spread, paired differences, settings that differ."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import hwasc
from hwasc.errors import UsageError
from hwasc.records import architecture as architectures
from hwasc.records.run import open_run
from hwasc.records.settings import Settings

Run = Callable[..., tuple[int, str, str]]


def finished(folder: Path, accuracy: float, *, seed: int = 0, preset: str = "cp_mobile", found: bool = False, net: str = "n",
             **settings: Any) -> Path:  # fmt: skip
    """A run folder as a distillation leaves it, with the figures that are compared."""
    changed = Settings().changed({"distill.seed": seed, **settings})
    open_run(folder, {"verb": "distill", "data": "synthetic", "dataset": f"d{seed}", "settings": changed})
    metrics = {
        "accuracy": accuracy,
        "by_location": accuracy,
        "groups": {"real": accuracy},
        "log_loss": 1 - accuracy,
        "ece": 0.1,
    }
    result = {
        "id": net, "data": "synthetic", "seed": 0, "student_seed": seed, "int8": metrics, "float": metrics,
        "validation": {"int8": accuracy + 0.1}, "fusion": [{"name": "mean", "accuracy": 0.9}],
        "costs": {"parameters": 100 + len(net), "macs": {"torchinfo": 1000}, "arena": 2048, "ram": 4096, "model_file": 999},
    }  # fmt: skip
    (folder / "result.json").write_text(json.dumps(result))
    about = {"proxy": {}, "budget": preset, "space": "full"} if found else {"preset": preset}
    architectures.save(folder / "architecture.json", hwasc.cp_mobile(), about)
    return folder


def test_seeds_are_one_student_and_settings_make_another(tmp_path: Path) -> None:
    for seed, (a, b) in enumerate([(0.70, 0.74), (0.72, 0.75), (0.68, 0.70)]):
        finished(tmp_path / f"plain-{seed}", a, seed=seed)
        finished(tmp_path / f"mixed-{seed}", b, seed=seed, **{"distill.label_smoothing": 0.1})
    c = hwasc.compare([tmp_path], against="plain")
    mixed, plain = c.students
    assert (mixed.name, plain.name, c.reference) == ("mixed", "plain", "plain")
    assert plain.measures["int8"].values == [0.70, 0.72, 0.68]
    assert plain.measures["int8"].mean == pytest.approx(0.70)
    assert plain.measures["int8"].deviation == pytest.approx(0.02)
    assert c.settings == ["distill.label_smoothing"]
    assert [s.settings["distill.label_smoothing"] for s in c.students] == [0.1, 0.0]
    (d,) = c.differences
    gains = [0.04, 0.03, 0.02]
    assert (d.student, d.against, d.runs) == ("mixed", "plain", 3)
    assert d.mean["int8"] == pytest.approx(0.03) and d.mean["log loss"] == pytest.approx(-0.03)
    error = math.sqrt(sum((g - 0.03) ** 2 for g in gains) / 2 / 3)
    assert d.standard_error["int8"] == pytest.approx(error)


def test_pairs_are_of_equal_seeds_in_whatever_order(tmp_path: Path) -> None:
    runs = [finished(tmp_path / "a-1", 0.6, seed=1), finished(tmp_path / "a-0", 0.5, seed=0)]
    others = {"distill.alpha": 0.1}
    runs += [finished(tmp_path / "b-0", 0.6, seed=0, **others), finished(tmp_path / "b-7", 0.9, seed=7, **others)]
    (d,) = hwasc.compare(runs).differences
    assert (d.student, d.runs, d.standard_error["int8"]) == ("b", 1, None) and d.mean["int8"] == pytest.approx(0.1)


def test_nets_of_searches_with_other_seeds_are_one_student_and_of_one_seed_two(tmp_path: Path) -> None:
    for seed in (0, 1):
        finished(tmp_path / f"small-{seed}", 0.6, seed=seed, found=True, net="n" * (seed + 1))
    finished(tmp_path / "large-0", 0.7, found=True, preset="dcase2024", net="n" * 3)
    large, small = hwasc.compare([tmp_path]).students
    assert (large.name, len(large.runs)) == ("large", 1) and (small.name, len(small.runs)) == ("small", 2)
    assert small.costs["parameters"].values == [101, 102]
    finished(tmp_path / "small-2", 0.8, seed=0, found=True, net="n" * 4)
    names = [s.name for s in hwasc.compare([tmp_path]).students]
    assert names == ["large", "small-0", "small-1", "small-2"], "two nets of one seed are two students"


def test_parts_of_cross_validation_are_repetitions(tmp_path: Path) -> None:
    for part in (1, 2):
        finished(tmp_path / f"labels_{part}-0", 0.5 + part / 10, **{"data.fold": f"{part}/4"})
    (student,) = hwasc.compare([tmp_path]).students
    assert student.name == "labels" and [r.fold for r in student.repetitions] == ["1/4", "2/4"]


def test_results_without_configuration_go_by_their_names(tmp_path: Path) -> None:
    for seed in (0, 1, 10, 2):
        (finished(tmp_path / f"alpha_0-{seed}", 0.5, seed=seed) / "config.yaml").unlink()
    finished(tmp_path / "other-0", 0.6)
    alpha, other = hwasc.compare([tmp_path]).students
    assert alpha.name == "alpha_0" and [Path(r).name[8:] for r in alpha.runs] == ["0", "1", "2", "10"]
    assert other.name == "other"


def test_the_committed_results_of_experiments_can_be_compared() -> None:
    results = Path(__file__).parents[2] / "experiments" / "distillation" / "results"
    c = hwasc.compare([results], against="default")
    assert {"alpha_0", "none", "default"} <= {s.name for s in c.students}
    assert all(len(s.runs) == 3 for s in c.students) and len(c.differences) == len(c.students) - 1


def test_noise_is_compared_where_it_was_kept(tmp_path: Path) -> None:
    run = finished(tmp_path / "a-0", 0.6)
    (run / "noise.json").write_text(
        json.dumps({"noisy": [{"noise": "pink", "snr": 10.0, "metrics": {"accuracy": 0.4}}]})
    )
    (student,) = hwasc.compare([run]).students
    assert student.noise["pink 10 dB"].mean == 0.4 and student.ensemble["mean"].mean == 0.9


def test_the_command_prints_and_the_page_shows_all(hwasc: Run, tmp_path: Path) -> None:
    for seed in (0, 1):
        finished(tmp_path / f"a-{seed}", 0.7 + seed / 100, seed=seed)
        finished(tmp_path / f"b-{seed}", 0.75, seed=seed, **{"distill.alpha": 0.25})
    status, out, err = hwasc("compare", tmp_path, "--html", tmp_path / "c.html")
    assert status == 0, err
    assert "70.5 % ± 0.7" in out and "b against a, over 2 pairs of equal seeds: int8 +4.5 ± 0.5 points" in out
    assert "b, settings (of a): distill.alpha 0.25 (0.7)" in out
    page = (tmp_path / "c.html").read_text()
    assert "+4.5 ± 0.5 points" in page and "distill.alpha" in page and str(tmp_path / "a-0") in page
    status, out, _ = hwasc("compare", tmp_path, "--json")
    assert status == 0 and json.loads(out)["students"][0]["measures"]["int8"]["values"] == [0.7, 0.71]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: None, "no run folder of a distillation, and it holds no finished one"),
        (lambda p: open_run(p / "s", {"verb": "search"}), r"s: is a search; .*hwasc distill --arch"),
        (lambda p: open_run(p / "s", {"verb": "distill"}), "s: has not ended"),
        (
            lambda p: ((p / "s").mkdir(), (p / "s" / "result.json").write_text("{}")),
            "is not the result of a distillation",
        ),
        (lambda p: ((p / "s").mkdir(), (p / "s" / "result.json").write_text("[")), "s/result.json"),
    ],
    ids=["nothing", "search", "unfinished", "foreign", "broken"],
)
def test_what_is_no_finished_student_is_said(make: Callable[[Path], Any], message: str, tmp_path: Path) -> None:
    make(tmp_path)
    with pytest.raises(UsageError, match=message):
        hwasc.compare([tmp_path / "s" if (tmp_path / "s").exists() else tmp_path])


def test_an_unknown_reference_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="b: no such student; there are a"):
        hwasc.compare([finished(tmp_path / "a-0", 0.5)], against="b")
