"""What the search page's script reads: every trial with its costs and its command, whatever the texts in it."""

from __future__ import annotations

import dataclasses
import json
import random
import re
import shlex
from pathlib import Path

import pytest

from hwasc.cost import measure
from hwasc.cost.limits import ResolvedBudget
from hwasc.nas.declare import random_point
from hwasc.nas.problem import Problem
from hwasc.nas.trial import best, by_score
from hwasc.records.space import SearchSpace
from hwasc.report.points import command, inherited
from hwasc.report.script import Script
from tests.report.test_report import search, trials

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
    at = data["labels"].index("second accuracy")
    assert first["number"] == worst.number and first["figures"][at] == "77.7 % ± 1.2"
    assert {t["figures"][at] for t in data["trials"] if t["rank"]} == {None}


SEARCH = "hwasc search --data 'my scenes' --set a=1 --budget b --set=c=2 --seed 3 --run runs/search"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (SEARCH, ["--data", "my scenes", "--set", "a=1", "--set=c=2", "--seed", "3"]),
        (SEARCH.replace("hwasc", "__main__.py"), ["--data", "my scenes", "--set", "a=1", "--set=c=2", "--seed", "3"]),
        ("notebook.py search --data x", []),
        ("hwasc", []),
        ("hwasc search --data 'open", []),
        ("", []),
    ],
)
def test_a_distillation_inherits_the_words_of_its_search(given: str, words: list[str]) -> None:
    assert inherited({"command": given}) == words


def test_the_command_names_the_run_folder_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "my runs" / "search"
    line = "7".join(command(run, {"command": "hwasc search --data x"}))
    words = ["--arch", "my runs/search:7", "--data", "x", "--run", "my runs/search-trial7"]
    assert shlex.split(line) == ["hwasc", "distill", *words]
    assert shlex.split("7".join(command(Path("/elsewhere/s"), {})))[3:] == [
        "/elsewhere/s:7",
        "--run",
        "/elsewhere/s-trial7",
    ]


def test_no_text_ends_the_block_of_data() -> None:
    nasty = "</script><script>alert(1)</script><!-- & \u2028 \udce4 \x00"
    text = str(Script("search", {"text": nasty}).data)
    assert not re.search("[<>&\u2028]", text)
    assert json.loads(text)["text"] == nasty.replace("\udce4", "\ufffd")
    text.encode()


def test_a_search_without_limits_can_be_narrowed_too() -> None:
    rng = random.Random(3)
    points = [random_point(SPACE, rng) for _ in range(3)]
    found = [dataclasses.replace(t, point=p) for t, p in zip(trials(3), points, strict=True)]
    problem = Problem(space=SPACE, budget=ResolvedBudget(name="none", limits={}), classes=10)
    data = data_of(search(found, {}, problem=problem))
    assert [c["name"] for c in data["costs"]] == ["MACs", "parameters"]
