"""The tables of equal starts are those of the kept results, and the kept nets can be read."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from hwasc.cost import measure
from hwasc.records import architecture as architectures

FOLDER = Path(__file__).parents[2] / "experiments" / "search"
STUDIES = pytest.mark.parametrize("study", ["equal_starts", "more_places", "weighed_devices", "guided", "whole_front"])


@STUDIES
def test_the_page_says_what_the_kept_results_say(study: str) -> None:
    kept = FOLDER / f"results_{study}"
    done = subprocess.run(
        [sys.executable, FOLDER / "equal_starts.py", kept], capture_output=True, text=True, check=True
    )
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.stdout.splitlines()[2:]]
    page = re.sub(r"\*\*", "", (FOLDER / f"{study}.md").read_text())
    assert len(rows) >= 2
    for _, _, seeds, test, gain, macs, parameters, arena, ram in rows:
        shown = [seeds, test, gain, macs, parameters, arena, ram]
        assert re.search(r"\|\s*".join(re.escape(cell) + r"\s*" for cell in shown), page), shown


def test_the_groups_of_devices_are_those_of_the_kept_results() -> None:
    kept = FOLDER / "results_whole_front"
    done = subprocess.run(
        [sys.executable, FOLDER / "equal_starts.py", kept, "--groups"], capture_output=True, text=True, check=True
    )
    page = (FOLDER / "whole_front.md").read_text()
    rows = done.stdout.splitlines()[2:]
    assert len(rows) == 6
    for row in rows:
        assert f"| {row.split(' | ', 1)[1]}" in page, row


@STUDIES
def test_each_kept_net_has_the_costs_that_it_was_found_with(study: str) -> None:
    found = sorted((FOLDER / f"results_{study}").glob("search-*/best.json"))
    assert found
    for path in found:
        record = architectures.load(path)
        costs = measure(record.architecture)
        assert costs.macs.torchinfo == record.provenance["costs"]["macs"]["torchinfo"]
        assert costs.arena == record.provenance["costs"]["arena"] and record.weights is None


def test_the_figures_by_device_are_those_of_the_kept_results() -> None:
    kept = FOLDER / "results_weighed_devices" / "by_device.json"
    done = subprocess.run(
        [sys.executable, FOLDER / "by_device.py", "table", kept], capture_output=True, text=True, check=True
    )
    page = " ".join((FOLDER / "weighed_devices.md").read_text().split())
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines()[2:] if line.startswith("|")]
    assert len(rows) == 8
    for _, *cells in rows:
        assert f"| {' | '.join(cells)} |" in page, cells
    figures = re.findall(r"(\w+), (\w+): r = \+?(-?0\.\d\d) with (\w+)", done.stdout)
    r = {(split, figure, of): value for split, figure, value, of in figures}
    clips, devices = (
        (r["validation", f"accuracy_{way}", "test"], r["validation", f"loss_{way}", "test"])
        for way in ("clips", "devices")
    )
    other, unseen = (r["equalised", f"{figure}_devices", "test"] for figure in ("accuracy", "loss")), "unseen"
    said = (
        f"r = {clips[0]} where clips count alike and {devices[0]} where devices do (losses: {clips[1]} and {devices[1]})",
        "({}, losses {})".format(*other),
        f"({r['equalised', 'accuracy_devices', unseen]}; validation clips {r['validation', 'accuracy_devices', unseen]})",
    )
    for words in said:
        assert words in page, words


@pytest.mark.parametrize("study", ["guided", "whole_front"])
def test_the_table_of_candidates_is_that_of_the_kept_searches(study: str) -> None:
    kept = FOLDER / f"results_{study}" / "candidates.json"
    done = subprocess.run(
        [sys.executable, FOLDER / "guided.py", "table", kept], capture_output=True, text=True, check=True
    )
    page = (FOLDER / f"{study}.md").read_text()
    rows = [line for line in done.stdout.splitlines()[2:] if line.startswith("|")]
    assert rows
    for row in rows:
        assert row in page, row
    after = re.findall(r"after (\d+) candidates", done.stdout)
    assert study != "guided" or f"as good after {' and '.join(after)} candidates as without after 300" in page
