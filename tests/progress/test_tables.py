"""Tables of results: whole in every width, aligned where there is no terminal."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from hwasc.cli.common import print_table as print_result
from hwasc.progress import Column, Reporter, print_table, show, wrapped

COLUMNS = ("a layer", "live memory B", "note")
ROWS = [("blocks.0.depthwise [/x]", 1_234_567, "a note of several words"), ("stem", 89, "公園")]


def printed(width: int, terminal: bool) -> list[str]:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=terminal, color_system=None, highlight=False)
    print_table(console, COLUMNS, ROWS, "a title [b]")
    return out.getvalue().splitlines()


@pytest.mark.parametrize("width", [20, 80, 500])
def test_without_a_terminal_rows_are_plain_aligned_lines_at_any_width(width: int) -> None:
    assert printed(width, terminal=False) == [
        "a title [b]",
        "a layer                  live memory B  note",
        "blocks.0.depthwise [/x]      1,234,567  a note of several words",
        "stem                                89  公園",
    ]


@pytest.mark.parametrize("width", range(10, 90, 5))
def test_in_a_terminal_nothing_is_cut(width: int) -> None:
    lines = printed(width, terminal=True)
    ruled = [re.split("[│┃]", line)[1:-1] for line in lines if line[0] in "│┃"]
    if ruled:
        columns = ["".join(cells).replace(" ", "") for cells in zip(*ruled, strict=True)]
        whole = ["".join(map(show, cells)).replace(" ", "") for cells in zip(COLUMNS, *ROWS, strict=True)]
        assert columns == whole and any("1,234,567" in line for line in lines)
    else:
        assert lines == printed(width, terminal=False)


def test_in_a_terminal_a_table_that_fits_has_rules() -> None:
    lines = printed(80, terminal=True)
    assert any(line.startswith("│ stem ") for line in lines) and max(map(len, lines)) <= 80


NAMES = ["[bold]park", "bus [/x]", "[red]tram[/red]", ":bus:", "street\\[/]", "[link=x]"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("terminal", [False, True])
def test_names_with_markup_are_printed_as_they_are(name: str, terminal: bool) -> None:
    reporter, out = Reporter(), io.StringIO()
    options = {"highlight": False, "emoji": reporter.console._emoji, "soft_wrap": True}
    reporter.console = Console(file=out, width=200, force_terminal=terminal, color_system=None, **options)
    reporter.say(f"scene {name}")
    reporter.table(f"of {name}", ["scene", name], [[name, 1], ["x", 2]])
    with reporter.track(f"reading {name}", 3) as update:
        update(3, f"at {name}")
    text = out.getvalue()
    assert f"scene {name}" in text and f"of {name}" in text
    assert text.count(name) >= (6 if terminal else 4)


def test_tables_of_results_print_names_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    print_result(["scene", "share"], [[name, 0.5] for name in NAMES])
    assert [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()[1:-1]] == NAMES


def test_a_line_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = Reporter()
    for front_end in range(3):
        reporter.say_once(f"2 of 30 clips cannot be read: a.wav (silent); all in cache/{front_end}/unreadable.txt")
    reporter.say_once("2 of 10 clips cannot be read: b.wav (silent); all in cache/3/unreadable.txt")
    assert capsys.readouterr().err.count("cannot be read") == 2


NARROWING = (Column("layer"), Column("kind of it", "kind", drop=2), Column("a long number", "number", drop=1), "memory")


@pytest.mark.parametrize(
    ("width", "head"),
    [
        (60, "layer    kind of it  a long number  memory"),
        (40, "layer    kind  number  memory"),
        (26, "layer    kind  memory"),
        (20, "layer    memory"),
        (5, "layer    memory"),
    ],
)
def test_columns_become_shorter_then_go_in_their_order(width: int, head: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    out = io.StringIO()
    console = Console(file=out, highlight=False)
    print_table(console, NARROWING, [("blocks0", "conv", 1, 20), ("b", "dw", 3, 4)])
    lines = out.getvalue().splitlines()
    assert lines[0] == head
    left_out = [
        name for name in ("kind of it", "a long number") if width < {"kind of it": 22, "a long number": 28}[name]
    ]
    assert " ".join(" ".join(lines[3:]).split()).startswith(f"(no room for: {', '.join(left_out)};") or not left_out


def test_a_file_gets_all_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    out = io.StringIO()
    print_table(Console(file=out, width=10), NARROWING, [("a", "b", 1, 2)])
    assert out.getvalue().splitlines()[0] == "layer  kind of it  a long number  memory"


def test_long_lines_are_broken_between_words(monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(file=io.StringIO())
    monkeypatch.setenv("COLUMNS", "30")
    console = Console(file=io.StringIO())
    text = "  a line of several words, and a/path-that-is-longer-than-a-line"
    assert wrapped(console, text) == "  a line of several words, and\n    a/path-that-is-longer-than-a-line"
    monkeypatch.delenv("COLUMNS")
    assert wrapped(console, text) == text, "in a file they stay whole"
