"""What the verbs accept: data, settings, budgets, spaces and architectures as names, paths, mappings and objects."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import hwasc
from hwasc.api.inputs import as_architecture, as_budget, as_space
from hwasc.api.teachers import with_teachers


def test_open_without_data_is_the_embedded_scenes_which_nothing_simulates_yet(tmp_path: Path) -> None:
    ws = hwasc.open(cache=tmp_path / "c", progress=False)
    assert ws.data == "synthetic" and len(ws.classes) == 10 and not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    "settings",
    [
        {"distill": {"train": {"epochs": 7}}},
        {"distill.train.epochs": 7},
        {"distill.train.epochs": 7, "distill": {"train": {"batch": 16}}},
        {"distill": {"train": {"batch": 16}}, "distill.train.epochs": 7},
    ],
    ids=["nested", "dotted", "dotted_first", "dotted_last"],
)
def test_settings_as_a_mapping(settings: dict[str, Any], tmp_path: Path) -> None:
    given = copy.deepcopy(settings)
    ws = hwasc.open(settings=settings, overrides=["seed=2"], cache=tmp_path, progress=False)
    batch = ["distill.train.batch=16"] if len(settings) == 2 else []
    expected = hwasc.Settings().changed(["distill.train.epochs=7", *batch], seed=2)
    assert replace(ws.settings, teachers=expected.teachers) == expected
    assert [m.name for m in ws.settings.teachers.members] == ["cp_resnet", "crnn", "tf_sepnet"], (
        "YAMNet was not fetched"
    )
    assert settings == given, "the caller's own mapping stays as it is"


def test_settings_as_a_file_and_as_an_object(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("distill: {train: {epochs: 7}}\n")
    read = hwasc.open(settings=tmp_path / "s.yaml", cache=tmp_path, progress=False).settings
    assert read.distill.train.epochs == 7
    again = hwasc.open(settings=read, overrides=["search.trials=5"], seed=1, cache=tmp_path, progress=False).settings
    assert again == replace(read, seed=1, search=replace(read.search, trials=5))


def test_budgets_and_spaces_as_names_paths_and_objects(tmp_path: Path) -> None:
    budget = hwasc.Budget.load("nrf52840")
    assert as_budget(budget) is budget and as_budget("nrf52840") == budget
    (tmp_path / "b.yaml").write_text("name: b\nlimits: {parameters: {max: 9000}}\n")
    assert as_budget(tmp_path / "b.yaml") == as_budget(str(tmp_path / "b.yaml"))
    space = hwasc.SearchSpace.load("small")
    assert as_space(space) is space and as_space("small") == space


def test_architectures_as_names_objects_and_files(tmp_path: Path) -> None:
    from hwasc.records.architecture import save

    net = hwasc.cp_mobile()
    record = save(tmp_path / "best.json", net)
    assert as_architecture(net).architecture == net and as_architecture(record) is record
    for given in (tmp_path, tmp_path / "best.json", str(tmp_path / "best.json")):
        assert as_architecture(given) == record
    assert as_architecture("cp_mobile", classes=4).architecture.classes == 4


def test_teachers_as_names_and_objects(tmp_path: Path) -> None:
    mine, wide = hwasc.Member(name="mine", logits="mine.csv"), hwasc.Member(name="wide", family="crnn", width=32)
    ws = hwasc.open(settings={"teachers": [wide, "cp_resnet"]}, cache=tmp_path, progress=False)
    assert with_teachers(ws, None) is ws
    chosen = with_teachers(ws, ["crnn", mine, "wide"])
    assert chosen.settings.teachers.members == (hwasc.Member.of_family("crnn"), mine, wide), "by the settings' name"
    with pytest.raises(hwasc.UsageError, match="at least two teachers"):
        with_teachers(ws, ["crnn"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: hwasc.open(settings={"distil": {}}), "unknown key 'distil', did you mean 'distill'?"),
        (lambda: hwasc.open(settings={"distill.train.epoch": 1}), "unknown key 'distill.train.epoch', did you mean 'epochs'?"),
        (lambda: hwasc.open(settings={"distill.alpha": "x"}), "distill.alpha: "),
        (lambda: hwasc.open(settings={"seed.x": 1}), "settings: seed: "),
        (lambda: hwasc.open(settings="absent.yaml"), "absent.yaml: there is no such settings file"),
        (lambda: hwasc.open(device="warp"), "warp"),
        (lambda: hwasc.profile("cp_mobil"), "cp_mobil: neither a file nor a preset, did you mean 'cp_mobile'?"),
        (lambda: hwasc.profile("cp_mobile", budget="nrf5284"), "nrf5284"),
        (lambda: hwasc.profile(), "an architecture, or a model"),
        (lambda: hwasc.profile("cp_mobile", npu="ethos-u55-64"), "needs a .tflite file"),
        (lambda: hwasc.SearchResult.read("absent"), "there is no such result"),
        (lambda: hwasc.DistillResult.read("absent"), "there is no such result"),
        (lambda: hwasc.export("absent", "s.onnx"), "absent"),
        (lambda: hwasc.fetch("tau2019", "x"), "no data set of this name"),
    ],
)  # fmt: skip
def test_mistakes_are_errors_of_one_line(
    call: Callable[[], object], message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(hwasc.HwascError) as raised:
        call()
    assert message in str(raised.value) and "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_recordings_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(hwasc.DataError) as raised:
        hwasc.open(tmp_path / "none", cache=tmp_path, progress=False)
    assert "\n" not in str(raised.value)
    with pytest.raises(hwasc.DataError):
        hwasc.check(tmp_path / "none", progress=False)
