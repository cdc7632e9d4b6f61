"""A winner's figure in its search against its figure on test clips, from the runs of `selection.sh`.

python experiments/search/selection.py FOLDER
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import statistics
from collections import defaultdict
from pathlib import Path
from typing import Any


def row(folder: Path, kind: str, part: str) -> dict[str, float]:
    """The figures of one search and its distilled winner, in percent."""
    found: dict[str, Any] = json.loads((folder / f"{kind}-search-{part}" / "best.json").read_text())["provenance"]
    tested: dict[str, Any] = json.loads((folder / f"{kind}-{part}" / "result.json").read_text())
    proxy, int8 = found["proxy"], tested["int8"]
    return {
        "search": 100 * proxy["int8_accuracy"],
        "error": 100 * proxy["standard_error"],
        "nested": 100 * proxy.get("nested_accuracy", math.nan),
        "test": 100 * int8["accuracy"],
        "test error": 100 * (int8["standard_error"] or math.nan),
        "million MACs": found["costs"]["macs"]["torchinfo"] / 1e6,
    }


def by_location(folder: Path, parts: list[str]) -> list[tuple[str, float, float]]:
    """Of each location that is test in one of the parts: its scene, and the share of its clips that is right in the folds of the
    winners of the other parts (the mean of the parts), and on test."""
    test: dict[tuple[str, str], list[bool]] = defaultdict(list)
    folds: dict[tuple[str, str], list[float]] = defaultdict(list)
    for part in parts:
        with (folder / f"folds-{part}" / "predictions.csv").open(newline="") as file:
            for clip in csv.DictReader(file):
                test[clip["scene"], clip["location"]].append(clip["predicted"] == clip["scene"])
        search = folder / f"folds-search-{part}"
        winner = json.loads((search / "best.json").read_text())["provenance"]["proxy"]["trial"]
        for trial in map(json.loads, (search / "rescored.jsonl").read_text().splitlines()):
            if trial["number"] == winner:
                for x in trial["locations"]:
                    folds[x["scene"], x["location"]].append(x["right"] / x["clips"])
    both = sorted(set(test) & set(folds))
    return [(place[0], statistics.mean(folds[place]), statistics.mean(test[place])) for place in both]


def paired(rows: list[tuple[str, float, float]]) -> tuple[float, float, float]:
    """Means over scenes of the locations' shares in percent, in folds and on test, and one standard error of the difference."""
    scenes = sorted({scene for scene, _, _ in rows})
    mine = {s: [(100 * a, 100 * b) for scene, a, b in rows if scene == s] for s in scenes}
    means = [statistics.mean(statistics.mean(pair[i] for pair in mine[s]) for s in scenes) for i in (0, 1)]
    errors = [statistics.variance([a - b for a, b in mine[s]]) / len(mine[s]) for s in scenes]
    return means[0], means[1], math.sqrt(sum(errors)) / len(scenes)


def main() -> None:
    """Print a table of all searches, and the mean difference of each kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    print("| finalists scored on | part | in the search, % | nested, % | test, % | search - test | M MACs |")
    print("|---|---|---|---|---|---|---|")
    for kind in ("validation", "folds"):
        parts = sorted(p.parent.name.split("-")[-1] for p in folder.glob(f"{kind}-[0-9]*/result.json"))
        rows = [row(folder, kind, part) for part in parts]
        for part, r in zip(parts, rows, strict=True):
            nested = "" if math.isnan(r["nested"]) else f"{r['nested']:.1f}"
            error = "" if math.isnan(r["test error"]) else f" ± {r['test error']:.1f}"
            print(
                f"| {kind} | {part} | {r['search']:.1f} ± {r['error']:.1f} | {nested} "
                f"| {r['test']:.1f}{error} | {r['search'] - r['test']:+.1f} | {r['million MACs']:.1f} |"
            )
        if len(rows) > 1:
            for name in ("search", "nested"):
                gaps = [r[name] - r["test"] for r in rows]
                if not any(map(math.isnan, gaps)):
                    error = statistics.stdev(gaps) / math.sqrt(len(gaps))
                    print(f"\n{kind}, {name} - test: {statistics.mean(gaps):+.1f} ± {error:.1f} (one standard error)")
        if kind == "folds" and len(parts) > 1:
            places = by_location(folder, parts)
            a, b, error = paired(places)
            print(
                f"\nthe same {len(places)} locations: folds {a:.1f}, test {b:.1f}, difference {a - b:+.1f} ± {error:.1f}"
            )


if __name__ == "__main__":
    main()
