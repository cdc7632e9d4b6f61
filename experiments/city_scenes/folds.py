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
LABELS_ONLY = ("labels", "labels-uniform", "labels-unmixed")  # the students without teachers


def pooled(results: list[dict[str, Any]]) -> float:
    """Macro accuracy of int8 over the clips of all parts: the mean over scenes of each one's share of clips named right."""
    matrix = sum(np.array(r["confusion"], float) for r in results)
    return float(np.mean(np.diag(matrix) / matrix.sum(1)))


def main() -> None:
    """Print two Markdown tables: fusion over the parts, students over parts and seeds with the paired difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    fused = [json.loads(p.read_text()) for p in sorted(folder.glob("teachers_*.json"))]
    print("| fused, mean over parts (test clips) | macro accuracy % | log loss | ECE |\n|---|---|---|---|")
    for i, row in enumerate(fused[0]["fusion"]):
        over = {k: statistics.mean(t["fusion"][i][k] for t in fused) for k in ("accuracy", "log_loss", "ece")}
        print(f"| {row['name']} | {100 * over['accuracy']:.1f} | {over['log_loss']:.3f} | {over['ece']:.3f} |")
    runs = {p.parent.name: json.loads(p.read_text()) for p in folder.glob("*-*/result.json")}
    seeds = sorted({name.rsplit("-", 1)[1] for name in runs})
    by_name: dict[str, list[float]] = {}
    print(
        "\n| student | seeds | int8 %, all parts together | int8 %, mean over parts | float %, mean over parts | int8 log loss |"
    )
    print("|---|---|---|---|---|---|")
    for name in ("distilled", *LABELS_ONLY):
        each = [[r for n, r in runs.items() if n.startswith(f"{name}_") and n.endswith(f"-{seed}")] for seed in seeds]
        by_name[name] = [100 * pooled(e) for e in each]
        means = [[100 * statistics.mean(r[kind]["accuracy"] for r in e) for e in each] for kind in ("int8", "float")]
        cells = (f"{statistics.mean(v):.1f} ± {statistics.stdev(v):.1f}" for v in (by_name[name], *means))
        nats = statistics.mean(r["int8"]["log_loss"] for e in each for r in e)
        print(f"| {name} | {len(seeds)} | {' | '.join(cells)} | {nats:.3f} |")
    for name in LABELS_ONLY:
        gain = [d - lab for d, lab in zip(by_name["distilled"], by_name[name], strict=True)]
        print(f"\nDistilled minus {name}: int8, all parts together {shown(gain)} over seeds;")
        print("within parts, over these (their training clips overlap):")
        pairs = [[(runs[f"distilled_{p}-{s}"], runs[f"{name}_{p}-{s}"]) for s in seeds] for p in PARTS]
        for kind, key, scale, digits in (
            ("int8", "accuracy", 100, 1),
            ("float", "accuracy", 100, 1),
            ("int8", "log_loss", 1, 3),
        ):
            by_part = [statistics.mean(scale * (a[kind][key] - b[kind][key]) for a, b in part) for part in pairs]
            each = ", ".join(f"{g:+.{digits}f}" for g in by_part)
            print(
                f"{kind} {key} {shown(by_part, digits)} (without part 1 {shown(by_part[1:], digits)}), by part {each}"
            )
        lower = sum(a["int8"]["log_loss"] < b["int8"]["log_loss"] for part in pairs for a, b in part)
        print(f"int8 log loss lower in {lower} of {len(PARTS) * len(seeds)} pairs")


def shown(values: list[float], digits: int = 1) -> str:
    """Mean and its standard error."""
    return f"{statistics.mean(values):+.{digits}f} ± {statistics.stdev(values) / math.sqrt(len(values)):.{digits}f}"


if __name__ == "__main__":
    main()
