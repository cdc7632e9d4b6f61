"""Tables of `cross_validation.sh`: every recording tested once a seed, by the part that did not train on it.

python experiments/city_scenes/folds.py runs/city_folds
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from pathlib import Path
from typing import Any

import numpy as np

PARTS = (1, 2, 3, 4)
ALONE = ("labels", "labels-uniform", "labels-unmixed")  # the students without teachers


def pooled(results: list[dict[str, Any]], kind: str) -> float:
    """Macro accuracy over the clips of all parts: the mean over scenes of each one's share of clips named right."""
    if kind == "int8":
        matrix = sum(np.array(r["confusion"], float) for r in results)
        return float(np.mean(np.diag(matrix) / matrix.sum(1)))
    return statistics.mean(r[kind]["accuracy"] for r in results)


def main() -> None:
    """Print two Markdown tables: fusion over the parts, students over parts and seeds with the paired difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    told = [json.loads(p.read_text()) for p in sorted(folder.glob("teachers_*.json"))]
    print("| fused, mean over parts (test clips) | macro accuracy % | log loss | ECE |\n|---|---|---|---|")
    for i, row in enumerate(told[0]["fusion"]):
        over = {k: statistics.mean(t["fusion"][i][k] for t in told) for k in ("accuracy", "log_loss", "ece")}
        print(f"| {row['name']} | {100 * over['accuracy']:.1f} | {over['log_loss']:.3f} | {over['ece']:.3f} |")
    runs = {p.parent.name: json.loads(p.read_text()) for p in folder.glob("*-*/result.json")}
    seeds = sorted({name.rsplit("-", 1)[1] for name in runs})
    by_name: dict[str, list[float]] = {}
    print("\n| student | seeds | int8 %, all parts together | float %, mean over parts |\n|---|---|---|---|")
    for name in ("distilled", *ALONE):
        each = [[r for n, r in runs.items() if n.startswith(f"{name}_") and n.endswith(f"-{seed}")] for seed in seeds]
        by_name[name] = [100 * pooled(e, "int8") for e in each]
        plain = [100 * pooled(e, "float") for e in each]
        cells = (f"{statistics.mean(v):.1f} ± {statistics.stdev(v):.1f}" for v in (by_name[name], plain))
        print(f"| {name} | {len(seeds)} | {' | '.join(cells)} |")
    for name in ALONE:
        gain = [d - lab for d, lab in zip(by_name["distilled"], by_name[name], strict=True)]
        by_part = [
            statistics.mean(100 * (accuracy(runs, "distilled", part, s) - accuracy(runs, name, part, s)) for s in seeds)
            for part in PARTS
        ]
        told = f"{statistics.mean(gain):+.1f} ± {error(gain):.1f} points (standard error over seeds)"
        parts = f"{', '.join(f'{g:+.1f}' for g in by_part)} (± {error(by_part):.1f} over parts)"
        print(f"\nDistilled minus {name}, int8: {told}; by part {parts}")


def accuracy(runs: dict[str, dict[str, Any]], name: str, part: int, seed: str) -> float:
    """Macro accuracy of one run's int8 student."""
    return float(runs[f"{name}_{part}-{seed}"]["int8"]["accuracy"])


def error(values: list[float]) -> float:
    """Standard error of the mean."""
    return statistics.stdev(values) / math.sqrt(len(values))


if __name__ == "__main__":
    main()
