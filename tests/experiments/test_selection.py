"""The table of selection, on made-up runs: figures in the search against those on test, by part and by location."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "experiments" / "search" / "selection.py"


def write(
    folder: Path, part: int, *, search: float, test: float, folds: dict[str, int], tested: dict[str, int]
) -> None:
    """A part whose winner has so many of ten clips right at each location (`scene-n`), in folds and on test."""
    run, found = folder / f"folds-{part}", folder / f"folds-search-{part}"
    run.mkdir(parents=True)
    found.mkdir()
    (run / "result.json").write_text(json.dumps({"int8": {"accuracy": test, "standard_error": None}}))
    clips = [
        f"{place.split('-')[0]},{place},{place.split('-')[0] if i < right else 'other'}"
        for place, right in tested.items()
        for i in range(10)
    ]
    (run / "predictions.csv").write_text("\n".join(["scene,location,predicted", *clips]))
    proxy = {"int8_accuracy": search, "standard_error": 0.05, "trial": 7}
    best = {"provenance": {"proxy": proxy, "costs": {"macs": {"torchinfo": 10**6}}}}
    (found / "best.json").write_text(json.dumps(best))
    places = [
        {"scene": place.split("-")[0], "location": place, "clips": 10, "right": right} for place, right in folds.items()
    ]
    trials = [{"number": 6, "locations": [{**x, "right": 0} for x in places]}, {"number": 7, "locations": places}]
    (found / "rescored.jsonl").write_text("\n".join(map(json.dumps, trials)))


def test_figures_are_compared_by_part_and_by_location(tmp_path: Path) -> None:
    write(tmp_path, 1, search=0.5, test=0.6, folds={"a-2": 4, "b-2": 6}, tested={"a-1": 10, "b-1": 5})
    write(tmp_path, 2, search=0.5, test=0.2, folds={"a-1": 8, "b-1": 5}, tested={"a-2": 2, "b-2": 6})
    shown = subprocess.run([sys.executable, SCRIPT, tmp_path], capture_output=True, text=True, check=True).stdout
    assert "| folds | 1 | 50.0 ± 5.0 |  | 60.0 | -10.0 | 1.0 |" in shown
    assert "folds, search - test: +10.0 ± 20.0 (one standard error)" in shown
    # a: folds 80 and 40, test 100 and 20; b: 50 and 60 in both. Differences of a are -20 and +20: 800 / 2, over two scenes
    assert "the same 4 locations: folds 57.5, test 57.5, difference +0.0 ± 10.0" in shown
