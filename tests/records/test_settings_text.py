"""The settings file that explains every setting: read again it gives the same settings, line by line."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hwasc
from hwasc.errors import UsageError
from hwasc.records.effort import EFFORTS
from hwasc.records.settings import Settings
from hwasc.records.settings_text import WIDTH, settings_text

Run = Callable[..., tuple[int, str, str]]
KEY = re.compile(r"#?([a-z0-9_]+(?:\.[a-z0-9_]+)*): (.*)")


def leaves(record: Any, where: str = "") -> Iterator[str]:
    for field in dataclasses.fields(record):
        key, value = f"{where}.{field.name}".lstrip("."), getattr(record, field.name)
        if dataclasses.is_dataclass(value):
            yield from leaves(value, key)
        else:
            yield key


def uncommented(text: str, keys: set[str] | None = None) -> str:
    """The file with the `#` taken away from its settings, from all or from some."""
    lines = text.splitlines()
    return "\n".join(
        x.removeprefix("#") if (m := KEY.fullmatch(x)) and (keys is None or m[1] in keys) else x for x in lines
    )


def read(tmp_path: Path, text: str) -> Settings:
    (tmp_path / "s.yaml").write_text(text)
    return Settings.load(tmp_path / "s.yaml")


@pytest.mark.parametrize("effort", EFFORTS)
def test_every_setting_stands_there_once_with_its_default_and_its_meaning(effort: str, tmp_path: Path) -> None:
    settings = Settings.load({"effort": effort})
    text = settings_text(settings)
    lines = text.splitlines()
    found = [m[1] for x in lines if (m := KEY.fullmatch(x))]
    assert sorted(found) == sorted(leaves(settings)) and len(found) > 80
    assert read(tmp_path, text) == settings == read(tmp_path, uncommented(text))
    for number, line in enumerate(lines):
        if KEY.fullmatch(line):
            assert lines[number - 1].startswith("# ") and len(lines[number - 1]) > 4, f"{line} is not explained"
        else:
            assert len(line) <= WIDTH


def test_what_is_given_is_in_force(tmp_path: Path) -> None:
    given = Settings().changed({"data.seconds": 2.0, "teachers": ["crnn", "cp_resnet"], "augment.gain": 1e-7})
    text = settings_text(given)
    assert read(tmp_path, text) == given
    assert {"data.seconds: 2.0", "teachers.members: [crnn, cp_resnet]"} <= set(text.splitlines())
    assert "#distill.alpha: 0.7" in text.splitlines()


@given(st.sets(st.sampled_from(sorted(leaves(Settings())))))
def test_any_of_its_lines_can_be_uncommented(keys: set[str]) -> None:
    import yaml

    values = yaml.safe_load(uncommented(settings_text(Settings()), keys)) or {}
    assert set(values) == keys and Settings.load(values) == Settings()


def test_dotted_and_nested_keys_of_a_file_are_the_same(tmp_path: Path) -> None:
    dotted = read(tmp_path, "distill.train.epochs: 7\ndistill: {alpha: 0.2}\nteachers: [crnn, cp_resnet]\n")
    assert dotted == Settings().changed(["distill.train.epochs=7", "distill.alpha=0.2", "teachers=[crnn,cp_resnet]"])
    with pytest.raises(UsageError, match=r"unknown key 'distill\.train\.epoch', did you mean 'epochs'"):
        read(tmp_path, "distill.train.epoch: 7\n")


def test_the_command_writes_a_new_file_only(hwasc: Run, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    status, out, err = hwasc("init", file, "--effort", "quick", "--set", "distill.alpha=0.9")
    assert status == 0, err
    assert f"hwasc search --budget dcase2024 --config {file}" in out
    assert Settings.load(file) == Settings.load(None, ["effort=quick", "distill.alpha=0.9"])
    status, _, err = hwasc("init", file)
    assert status == 2 and "mine.yaml: exists; name another file" in err
    status, _, err = hwasc("init", tmp_path / "other.yaml", "--set", "distill.alhpa=1")
    assert status == 2 and "alpha" in err and not (tmp_path / "other.yaml").exists()


def test_the_same_from_python(tmp_path: Path) -> None:
    file = hwasc.init(tmp_path / "s.yaml", {"data.seconds": 3.0})
    assert Settings.load(file).data.seconds == 3.0
