"""The command that a verb prints as the next one can be run as it is printed."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from hwasc.cli import parser
from hwasc.cli.next_step import data_options, next_step

Run = Callable[..., tuple[int, str, str]]


def next_command(out: str) -> list[str]:
    (line,) = (x for x in out.splitlines() if x.startswith("next "))
    program, *words = shlex.split(line.removeprefix("next"))
    assert program == "hwasc"
    return words


def test_words_with_blanks_are_quoted(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["search", "--data", Path("my recordings"), "--set", "teachers=[{name: a b}]"]
    next_step(words)
    assert next_command(capsys.readouterr().out) == [str(w) for w in words]


def test_options_are_passed_on_as_they_were_given() -> None:
    given = ["--data", "d", "--effort", "quick", "--set", "a.b=1", "--set", "c.d=2", "--seed", "3", "--cache", "c"]
    args = parser().parse_args(["teach", *given])
    assert data_options(args) == given
    assert data_options(argparse.Namespace(**{**vars(args), "data": None, "overrides": []})) == [
        "--effort", "quick", "--seed", "3", "--cache", "c"
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.long
def test_the_way_from_a_preset_to_predictions_by_next_steps_alone(
    hwasc: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Profile, distil, export and evaluate; the last command measures what distill measured."""
    monkeypatch.chdir(tmp_path)
    status, out, err = hwasc("profile", "--arch", "cp_mobile")
    assert status == 0, err
    words = next_command(out)
    assert words == ["distill", "--arch", "cp_mobile"]
    status, out, err = hwasc(*words, "--set", "distill.alpha=0", "--set", "distill.train.epochs=1", tiny=True)
    assert status == 0, err
    measured = json.loads(Path("runs/distill/result.json").read_text())["int8"]["accuracy"]
    for verb in ("export", "evaluate"):
        words = next_command(out)
        assert words[0] == verb
        status, out, err = hwasc(*words)
        assert status == 0, err
    assert f"{measured:.1%} macro accuracy" in out and "on 90 clips" in out
