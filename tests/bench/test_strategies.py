"""`hwasc bench strategies` on tiny data: a table is scored once, strategies are compared on it, too few candidates fail."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from hwasc.parts import STRATEGIES

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str, str]]


@pytest.mark.long
def test_a_table_is_scored_once_and_every_strategy_runs_on_it(hwasc: Run, tiny_space: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    argv = ("bench", "strategies", "--budget", "dcase2024", "--space", tiny_space, "--run", run, "--seeds", 2)
    status, out, err = hwasc(*argv, "--trials", 6, "--json", tiny=True)
    assert status == 0, err
    bench, saved = json.loads(out), json.loads((run / "strategies.json").read_text())
    lines = (run / "table.jsonl").read_bytes().splitlines(keepends=True)
    table = {x["id"]: x["value"] for x in map(json.loads, lines)}
    assert len(table) == len(lines) == bench["candidates"] == 32
    assert bench["comparison"] == saved["comparison"] and saved["environment"]["packages"] and saved["seeds"] == [0, 1]
    assert bench["comparison"]["best"] == max(table.values())
    for t, name in zip(bench["comparison"]["curves"], STRATEGIES.names(), strict=True):
        assert t["strategy"] == name and len(t["best"]["mean"]) == len(t["volume"]["mean"]) == 6
        assert min(table.values()) <= t["best"]["mean"][0] <= t["best"]["mean"][-1] <= max(table.values())
        assert 0 < t["volume"]["mean"][0] <= t["volume"]["mean"][-1] <= 1
    ET.fromstring((run / "strategies.svg").read_text())

    (run / "table.jsonl").write_bytes(b"".join(lines[:-2]) + lines[-2][:20])  # as a crash leaves it
    status, out, err = hwasc(*argv, "--trials", 5, tiny=True)
    assert status == 0, err
    again = (run / "table.jsonl").read_bytes().splitlines(keepends=True)
    assert again[:-2] == lines[:-2] and {x["id"]: x["value"] for x in map(json.loads, again)} == table
    assert all(f"\n{name} " in out for name in STRATEGIES.names()) and "32 candidates of tiny" in out
    assert (run / "strategies.svg").read_text().count("of all") >= 1

    status, _, err = hwasc(*argv, "--trials", 33, tiny=True)
    assert status == 2 and "only 32 candidates of the space tiny meet the budget dcase2024" in err
