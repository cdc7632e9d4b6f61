"""YAML and JSON to plain values: what no record may have is refused in one line that names file and key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hwasc.errors import UsageError
from hwasc.records import architecture, bounded, bundled, plain_values, schema
from hwasc.records.budget import Budget
from hwasc.records.lines import read_lines
from hwasc.records.plain_values import parse_json, parse_yaml
from hwasc.records.run import open_run, read_config
from hwasc.records.settings import Settings
from hwasc.records.space import SearchSpace


def line_of(read: Callable[[], object]) -> str:
    """The line that reading is refused in."""
    with pytest.raises(UsageError) as refusal:
        read()
    line = str(refusal.value)
    assert "\n" not in line and len(line) < 700
    return line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: {c: 2, c: 3}", "b.c' is given twice, again in line 2"),
        ("a: 1\nb: 2\na: 1", "'a' is given twice, again in line 3"),
        ("[{x: 1, 'x': 1}]", "'0.x' is given twice"),
        ("a: {b: .nan}", "a.b: expected a finite number, found .nan"),
        ("a: [1, -.INF]", "a.1: expected a finite number, found -.INF"),
        ("a: 1e999", "a: expected a finite number, found 1e999"),
        ("a: " + "9" * 5000, "a: expected a number of at most 100 characters, found 5,000"),
        ("a: " + "9" * 30, "a: expected a whole number of 64 bits, found one of 101"),
        ("a: !!int x", "tags (!) are not read"),
        ("a: !!binary eHg=", "tags (!) are not read"),
        ("a: !!python/object/apply:os.system [x]", "tags (!) are not read"),
        ("! a: 1", "tags (!) are not read"),
        ("a: &x 1\nb: *x", "anchors (&) and aliases (*) are not read"),
        ("a: *x", "anchors (&) and aliases (*) are not read"),
        ("a: {<<: {b: 1}}", "merge keys (<<) are not read"),
        ("1: 2", "key 1 is not text; put it in quotes"),
        ("a: {on: 2}", "a: key True is not text"),
        ("? [a]\n: 1", "a key must be text"),
        ("a:\n\t- 1", "line 2, column 1"),
        ("a: [b", "not valid YAML (line 1"),
        ("a: 1\n---\nb: 1", "not valid YAML"),
        ('a: "\\U99999999"', "not valid YAML"),
        ('a: "\\ud800"', "a: the text holds half a character"),
        ('a: "\\0"', "a: the text holds a null character"),
        ("a: \x07", "not valid YAML"),
        ("- " * 40 + "1", "nested deeper than 32 levels"),
        ("[" * 5000, "nested deeper than 32 levels"),
        ("a: '" + "x" * (1 << 20) + "'", "is too long"),
    ],
)
def test_yaml_that_is_refused(text: str, said: str) -> None:
    assert (
        said in line_of(lambda: parse_yaml(text, "b.yaml"))
        and line_of(lambda: parse_yaml(text, "b.yaml"))[:6] == "b.yaml"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1, "b": {"c": 2, "c": 2}}', "key 'c' is given twice"),
        ('{"a": NaN}', "a: expected a finite number, found nan"),
        ('{"a": [0, -Infinity]}', "a.1: expected a finite number"),
        ('{"a": 1e999}', "a: expected a finite number, found inf"),
        ('{"a": ' + "9" * 5000 + "}", "a: expected a finite number"),
        ('{"a": ' + "9" * 20 + "}", "whole number of 64 bits"),
        ('{"a": "\\ud800"}', "a: the text holds half a character"),
        ('{"\\u0000": 1}', "a key holds a null character"),
        ("[" * 40 + "]" * 40, "nested deeper than 32 levels"),
        ("[" * 100_000 + "]" * 100_000, "nested deeper than 32 levels"),
        ('{"a": 1', "not valid JSON"),
        ("", "not valid JSON"),
        (b"\xff\xfe\x00", "not valid JSON"),
    ],
)
def test_json_that_is_refused(text: str | bytes, said: str) -> None:
    line = line_of(lambda: parse_json(text, "b.json"))
    assert said in line and line.startswith("b.json")


def test_a_billion_laughs_are_refused_at_once() -> None:
    rows = ["a0: &a0 [x, x]", *(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 40))]
    assert "anchors" in line_of(lambda: parse_yaml("\n".join(rows)))


def test_scalars_are_those_that_people_mean() -> None:
    given = (
        "{a: yes, b: off, c: ~, d: 2024-01-31, e: 2001-99-99, f: 1:30, g: 0x1F, h: 010, i: 1_000, j: '1', k: =, l: 1., "
    )
    assert parse_yaml(f"{given}m: +.5e-1}}") == {
        "a": True, "b": False, "c": None, "d": "2024-01-31", "e": "2001-99-99", "f": "1:30", "g": 31, "h": 8, "i": 1000,
        "j": "1", "k": "=", "l": 1.0, "m": 0.05,
    }  # fmt: skip
    assert parse_yaml("") is None and parse_yaml("# nothing") is None
    assert parse_json('{"a": "caf\\u00e9 \\udcff", "b": [1, 2.5, null, true]}') == {
        "a": "café \udcff",  # the byte of a file name that is no UTF-8
        "b": [1, 2.5, None, True],
    }


BUDGET = "name: x\nlimits: {flash: {max: 1, max: 2}}\n"
TWICE = '{"architecture": {}, "architecture": {}}'


@pytest.mark.parametrize(
    ("name", "text", "read"),
    [
        ("b.yaml", BUDGET, Budget.load),
        ("s.yaml", "name: x\nname: y\n", SearchSpace.load),
        ("t.yaml", "distill: {alpha: 1}\ndistill: {}\n", Settings.load),
        ("config.yaml", "verb: a\nverb: b\n", lambda p: read_config(p.parent)),
        ("config.yaml", "verb: a\nverb: b\n", lambda p: open_run(p.parent, {"verb": "a"})),
        ("best.json", TWICE, architecture.load),
        ("trials.jsonl", TWICE + "\n", read_lines),
        ("names.json", '{"a": "b", "a": "c"}', lambda p: schema.read_yaml(p, "mapping")),
    ],
)
def test_a_repeated_key_is_refused_in_every_file(
    tmp_path: Path, name: str, text: str, read: Callable[[Path], object]
) -> None:
    path = tmp_path / name
    path.write_text(text)
    line = line_of(lambda: read(path))
    assert "is given twice" in line and name in line


def test_what_is_no_text_file_is_refused(tmp_path: Path) -> None:
    for content, said in ((b"\xff\xfe1", "no UTF-8 text"), (b"a: \xe9", "no UTF-8 text")):
        (tmp_path / "a.yaml").write_bytes(content)
        assert said in line_of(lambda: schema.read_yaml(tmp_path / "a.yaml", "budget"))
    assert "it is a folder" in line_of(lambda: schema.read_json(tmp_path, "result"))
    assert "there is no such budget" in line_of(lambda: schema.read_json(tmp_path / "b", "budget"))
    assert "cannot be read" in line_of(lambda: schema.read_json(Path("/dev/zero"), "result"))
    assert "cannot be read" in line_of(lambda: schema.read_json(tmp_path / "a\0b", "result"))


def test_large_files_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    for read, limit in ((schema.read_yaml, bounded.YAML_BYTES), (schema.read_json, bounded.JSON_BYTES)):
        with path.open("wb") as file:
            file.truncate(limit + 1)  # zeros that take no space
        assert "is too large" in line_of(lambda read=read: read(path, "budget"))  # type: ignore[misc]
    lines = tmp_path / "trials.jsonl"
    lines.write_bytes(b'{"a": "' + b"x" * bounded.LINE_BYTES + b'"}\n')
    assert "line 1: is too long" in line_of(lambda: read_lines(lines))


def test_too_many_values_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_values, "VALUES", 10)
    assert "holds more than 10 values" in line_of(lambda: parse_json(str(list(range(20)))))


@pytest.mark.parametrize("given", ["{}", "[1]\n", '{"a": 1}\n3\n', "\n", "{}\n{]\n{}\n", '{"a": NaN}\n'])
def test_lines_of_another_shape_are_refused_unless_a_crash_cut_them_short(tmp_path: Path, given: str) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(given)
    if given == "{}":  # whole, but for the end of its line
        assert read_lines(path) == [{}] and path.read_text() == "{}\n"
        return
    assert "correct the line or delete it" in line_of(lambda: read_lines(path))
    path.write_text('{"a": 1}\n{"a": 2, "b')
    assert read_lines(path) == [{"a": 1}] and path.read_text() == '{"a": 1}\n'


def test_bundled_files_are_read() -> None:
    for kind in ("budgets", "search_spaces"):
        for name in bundled.names(kind):
            assert schema.read_yaml(bundled.find(kind, name), kind)["name"] == name
