"""Settings and the run folder."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import replace
from pathlib import Path

import pytest

from hwasc.errors import UsageError
from hwasc.records import schema
from hwasc.records.run import open_run
from hwasc.records.settings import Settings
from hwasc.records.teacher_settings import Member
from hwasc.records.train_settings import TrainSettings


def test_defaults_file_overrides_and_seed(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("distill: {alpha: 0.5, train: {epochs: 3}}\nsearch: {train: {lr: 1e-3}}\n")
    s = Settings.load(path, ["distill.train.batch=16", "teachers=[crnn,bc_resnet]"], seed=7)
    assert (s.distill.alpha, s.distill.train.epochs, s.distill.train.batch, s.seed) == (0.5, 3, 16, 7)
    assert s.search.train.lr == 1e-3 and [m.family for m in s.teachers.members] == ["crnn", "bc_resnet"]
    assert s.distill.temperature == Settings().distill.temperature  # what is not named keeps its default


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("distil.alpha=0.5", "did you mean 'distill'"),
        ("distill.alpa=0.5", "did you mean 'alpha'"),
        ("distill.alpha=2", "alpha"),
        ("distill.alpha", "expected name.name=value"),
        ("data.fold=5/4", "fold: expected k/n"),
        ("data.fold=1", "fold: expected k/n"),
        ("fusion.z2_ridge=0", "z2_ridge and lr > 0"),
        ("search.trials=0", "trials"),
        ("search.strategy=grid", "strategy"),
        ("teachers.folds=1", "folds"),
        ("teachers.members=[crnn]", "at least two teachers"),
        ("teachers=[crnn, crn]", r"members\.1: .*did you mean 'crnn'"),
        ("teachers=[crnn, {name: crnn, logits: a.csv}]", "a name of its own, found crnn twice"),
        ("teachers=[crnn, {name: mean, logits: a.csv}]", "none of weighted mean, mean, z1, z2"),
        ("teachers=[crnn, {name: a}]", "'a' needs exactly one of family, embedding, hf, model, logits, found none"),
        ("teachers=[crnn, {name: a, family: crnn, model: a.onnx}]", "found family and model"),
        ("teachers=[crnn, {name: a, logits: a.csv, width: 8, seed: 0}]", "'logits', which width, seed cannot go with"),
        ("teachers=[crnn, {name: a, model: a.onnx, front_end: paper}]", "only a family has a front end 'paper'"),
        ("teachers=[crnn, {name: a, family: crnn, front_end: {mel: 3}}]", "did you mean 'mels'"),
        ("teachers=[crnn, {name: a, family: crnn, weights: {fil: a.pt}}]", "did you mean 'file'"),
        ("teachers=[crnn, {name: a, family: crnn, width: 0}]", "width must be at least 1"),
        ("teachers=[crnn, {family: crnn}]", r"'teachers\.members\.1\.name' is missing"),
        ("teachers=[crnn, 3]", r"members\.1: expected a mapping"),
        ("teachers=3", "teachers: expected a mapping"),
        ("teachers.families=[crnn]", r"teachers\.families is now teachers\.members=\["),
        ("teachers.widths.crnn=8", r"teachers\.widths is now teachers\.members=\[\{name: crnn, family: crnn, width"),
        ("seed.a=1", "'seed"),
        ("augment.noise_snr=[20, 5]", "lowest <= highest"),
        ("augment.mixup_p=2", "mixup_p"),
        ("distill.augment.noise=1", "did you mean 'noise_p'"),
        ("distill.qat_frozen_epochs=9", "qat_frozen_epochs <= qat.epochs"),
        ("distill.reduction=sum", "reduction"),
    ],
)
def test_wrong_overrides_name_the_key(override: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Settings.load(None, ["seed=1", override])


def test_teachers_are_a_list_in_a_file_and_on_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("teachers: [crnn, {name: wide, family: crnn, width: 32, seed: 5, train: {epochs: 2}}]\n")
    s = Settings.load(path, ["teachers.folds=4"])
    assert s.teachers.folds == 4 and s.teachers.members[0] == Member.of_family("crnn")
    assert s.teachers.members[1] == Member(
        name="wide", family="crnn", width=32, seed=5, train=replace(TrainSettings(), epochs=2)
    )
    short = s.changed(["teachers=[crnn,cp_resnet]"])
    assert (
        short
        == s.changed({"teachers": ["crnn", "cp_resnet"]})
        == s.changed({"teachers.members": ["crnn", "cp_resnet"]})
    )
    assert short.teachers.folds == 4 and [m.name for m in short.teachers.members] == ["crnn", "cp_resnet"]
    assert schema.parse(Settings, schema.plain(s), "run.json") == s


def test_a_run_folder_refuses_another_configuration_and_shows_the_difference(tmp_path: Path) -> None:
    open_run(tmp_path / "r", {"a": {"b": 1}, "c": (1, 2)})
    open_run(tmp_path / "r", {"a": {"b": 1}, "c": (1, 2)})
    with pytest.raises(UsageError, match="a.b was 1, is now 2"):
        open_run(tmp_path / "r", {"a": {"b": 2}, "c": (1, 2)})
    assert (tmp_path / "r" / "environment.json").is_file()


def test_a_changed_setting_is_named_where_a_run_folder_is_used_again(tmp_path: Path) -> None:
    changed = Settings.load(None, ["augment.noise_p=0.3", "distill.augment.mixup_p=0.5", "distill.reduction=mean"])
    assert changed.distill.augment is not None and changed.distill.augment.mixup_p == 0.5
    assert schema.parse(Settings, schema.plain(changed), "again") == changed
    open_run(tmp_path / "r", {"settings": Settings()})
    with pytest.raises(UsageError, match=r"settings\.augment\.noise_p was 0\.0, is now 0\.3"):
        open_run(tmp_path / "r", {"settings": changed})


def test_students_augmentation_is_laid_over_the_runs() -> None:
    given = ["augment.response_folder=mics", "augment.gain=3", "distill.augment.mixup_p=0.5", "distill.augment.gain=0"]
    s = Settings.load(None, given)
    assert s.distill.augment == dataclasses.replace(s.augment, mixup_p=0.5, gain=0.0)
    assert s.augment.response_folder == "mics" and s.augment.mixup_p == 0 and s.augment.gain == 3
    for wrong in ("distill=3", "augment=3", "distill.augment=3"):
        with pytest.raises(UsageError):
            Settings.load(None, ["distill.augment.gain=0", wrong] if wrong == "augment=3" else [wrong])


def test_files_appear_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.json"
    schema.write_whole(path, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError):
        schema.write_whole(path, "new")
    assert path.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["x.json"]


def test_numbers_as_people_write_them() -> None:
    assert schema.parse_yaml("[1e-5, 30_000_000, 2.5e3, 1E2, .5]") == [1e-5, 30_000_000, 2500.0, 100.0, 0.5]
    with pytest.raises(UsageError, match="tags"):
        schema.parse_yaml("!!python/object/apply:os.system ['true']")


def test_a_subset_may_be_given_as_a_number() -> None:
    assert Settings.load(None, ["data.subset=25"]).data.subset == "25"


def test_every_flipped_byte_of_a_journal_is_noticed(tmp_path: Path) -> None:
    from hwasc.records.lines import append_line, read_lines

    path = tmp_path / "trials.jsonl"
    records = [{"number": k, "score": 0.125 * k, "name": "bus"} for k in range(3)]
    for record in records:
        append_line(path, record, "trial")
    content = path.read_bytes()
    assert read_lines(path) == records
    key = content.index(b'"checksum"')  # without its key, a checksum is only one more entry
    for position in range(0, content.index(b"\n")):
        if key <= position < key + 10:
            continue
        path.write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
        with pytest.raises(UsageError):
            read_lines(path)
