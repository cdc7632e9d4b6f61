"""What the search page's script reads: every trial with its costs and its command, whatever the texts in it."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
from pathlib import Path

import pytest

from hwasc.cost import measure
from hwasc.nas.trial import best, by_score
from hwasc.records.space import SearchSpace
from hwasc.report.points import command
from tests.report.examples import search, trials

SPACE = SearchSpace.load("small")
LIMITS = {"macs.torchinfo": 30_000_000.0, "arena": 10**6}


def data_of(text: str) -> dict:
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text)
    return json.loads(found)


def test_every_trial_is_there_with_its_costs_and_architecture() -> None:
    found = trials(12)
    data = data_of(search(found, LIMITS))
    assert [t["number"] for t in data["trials"]] == list(range(12)) and data["best"] == best(found).number
    assert [c["name"] for c in data["costs"]] == ["MACs", "arena", "parameters"]
    for t, shown in zip(found, data["trials"], strict=True):
        a = SPACE.architecture(t.point, 10)
        costs = measure(a)
        assert shown["costs"] == [costs.macs.torchinfo, costs.arena, costs.parameters]
        assert shown["architecture"].split(" · ") == a.text().splitlines()
    assert [(c["unit"], c["limit"]) for c in data["costs"]] == [("", 30_000_000), ("B", 10**6), ("", None)]
    ranked = sorted(data["trials"], key=lambda t: t["rank"])
    assert ranked[0]["number"] == best(found).number
    assert [t["number"] for t in ranked] == [t.number for t in by_score(found)]


def test_second_scores_come_before_first_scores() -> None:
    found = trials(6)
    worst = min(found, key=lambda t: t.score)
    again = dataclasses.replace(worst, score=0.7, accuracy=0.777)
    data = data_of(search(found, LIMITS, rescored=[again], trial=again))
    first = next(t for t in data["trials"] if t["rank"] == 0)
    at = data["labels"].index("second accuracy, int8")
    assert first["number"] == worst.number and first["figures"][at] == "77.7 % ± 1.2"
    assert {t["figures"][at] for t in data["trials"] if t["rank"]} == {None}


def test_the_command_names_the_run_folder_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    line = "7".join(command(tmp_path / "my runs" / "search"))
    assert shlex.split(line) == ["hwasc", "distill", "--arch", "my runs/search:7", "--run", "my runs/search-trial7"]
    assert shlex.split("7".join(command(Path("/elsewhere/s"))))[3:] == [
        "/elsewhere/s:7",
        "--run",
        "/elsewhere/s-trial7",
    ]
