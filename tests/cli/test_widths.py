"""No line of a command is longer than the terminal is wide: tables lose columns, and text is broken between words."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from hwasc.cli import VERBS
from hwasc.cli.help_text import EXAMPLES

Run = Callable[..., tuple[int, str, str]]
WIDTHS = [80, 160]


def longest(text: str) -> str:
    """The longest line that has two words at least: a word is not broken, nor the next command, which can be pasted."""
    lines = (line for line in text.splitlines() if len(line.split()) > 1 and not line.startswith("next "))
    return max(lines, key=len, default="")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    "argv",
    [
        ("profile", "--arch", "cp_mobile", "--budget", "dcase2024"),
        ("profile", "--arch", "edp_60k", "--budget", "nrf52840", "--patches", "2"),
        ("budgets",),
        ("spaces",),
    ],
)
def test_tables(hwasc: Run, monkeypatch: pytest.MonkeyPatch, width: int, argv: tuple[str, ...]) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    status, out, err = hwasc(*argv)
    assert status == 0, err
    assert len(longest(out)) <= width, longest(out)


def test_a_pipe_gets_every_column(hwasc: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    _, out, _ = hwasc("profile", "--arch", "cp_mobile", "--budget", "dcase2024")
    head = next(line for line in out.splitlines() if line.startswith("layer"))
    assert all(name in head for name in ("kind", "output CxFxT", "kernel", "parameters", "weights B", "live memory B"))


def test_the_summary_comes_before_the_layers(hwasc: Run) -> None:
    _, out, _ = hwasc("profile", "--arch", "cp_mobile", "--budget", "dcase2024")
    lines = out.splitlines()
    table = next(i for i, line in enumerate(lines) if line.startswith("layer"))
    for start in ("parameters 126,952", "int8 memory", "front end:", "  within  macs.torchinfo"):
        assert next(i for i, line in enumerate(lines) if line.startswith(start)) < table


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("verb", VERBS)
def test_help_of_every_verb(hwasc: Run, monkeypatch: pytest.MonkeyPatch, width: int, verb: str) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    _, out, _ = hwasc(verb, "--help")
    before = itertools.takewhile(lambda line: line != EXAMPLES, out.splitlines())
    assert len(longest("\n".join(before))) <= width


@pytest.mark.slow
@pytest.mark.parametrize("width", [80, pytest.param(160, marks=pytest.mark.long)])
def test_the_main_way(
    hwasc: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_space: Path, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "space.yaml").write_text(tiny_space.read_text())
    for argv in (
        ("search", "--budget", "dcase2024", "--space", "space.yaml", "--run", "s"),
        ("distill", "--arch", "s", "--run", "d"),
        ("teach",),
        ("teach", "--seeds", "2"),
        ("evaluate", "--model", "d/student.onnx", "--snr", "10"),
    ):
        status, out, err = hwasc(*argv, tiny=True)
        assert status == 0, err
        for text in (out, err):
            assert len(longest(text)) <= width, longest(text)
