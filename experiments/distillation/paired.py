"""Paired comparison of students: runs `NAME-SEED`, or `NAME_PART-SEED` where the recordings are tested in parts.

python experiments/distillation/paired.py FOLDER [--against NAME]
"""

from __future__ import annotations

import argparse
import json
import math
import re
import statistics
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np


def pooled(results: Sequence[dict[str, Any]]) -> float:
    """Macro accuracy of int8 over the test clips of all parts together, in percent."""
    matrix = sum(np.array(r["int8"]["confusion"], float) for r in results)
    return 100 * float(np.mean(np.diag(matrix) / matrix.sum(1)))


def shown(values: Sequence[float]) -> str:
    """Mean ± two standard errors; the value alone where there is one."""
    if len(values) == 1:
        return f"{values[0]:+.1f}"
    return f"{statistics.mean(values):+.1f} ± {2 * statistics.stdev(values) / math.sqrt(len(values)):.1f}"


def read(folder: Path) -> dict[str, dict[tuple[str, str], dict[str, Any]]]:
    """The finished runs in a folder: by name, then by seed and part ("" where there are no parts)."""
    runs: dict[str, dict[tuple[str, str], dict[str, Any]]] = defaultdict(dict)
    for path in sorted(folder.glob("*-*/result.json")):
        match, result = re.fullmatch(r"(.+?)(?:_(\d+))?-(\d+)", path.parent.name), json.loads(path.read_text())
        if match and "int8" in result:  # the results of searches may lie beside them
            runs[match[1]][match[3], match[2] or ""] = result
    return runs


def table(runs: dict[str, dict[tuple[str, str], dict[str, Any]]], against: str) -> list[str]:
    """Lines of a Markdown table; each student is compared by the seeds and parts that `against` has as well."""
    base = runs[against]
    columns = (
        "seeds",
        "int8 %, all parts",
        "gain over seeds, points",
        "gain over seeds and parts, points",
        "validation",
    )
    lines = [
        f"| student (against {against}; ± two standard errors) | {' | '.join(columns)} |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for name, found in runs.items():
        both = [key for key in found if key in base]
        if not both:
            continue
        by_seed = {seed: [key for key in both if key[0] == seed] for seed in sorted({seed for seed, _ in both})}
        own = [pooled([found[key] for key in keys]) for keys in by_seed.values()]
        gains = [value - pooled([base[key] for key in keys]) for value, keys in zip(own, by_seed.values(), strict=True)]
        pairs = [100 * (found[key]["int8"]["accuracy"] - base[key]["int8"]["accuracy"]) for key in both]
        chosen_by = [100 * (found[key]["validation"]["int8"] - base[key]["validation"]["int8"]) for key in both]
        lines.append(
            f"| {name} | {len(by_seed)} | {statistics.mean(own):.1f} | {shown(gains)} | {shown(pairs)} | "
            f"{shown(chosen_by)} |"
        )
    return lines


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--against", default="labels")
    args = parser.parse_args()
    runs = read(args.folder)
    if args.against not in runs:
        parser.error(f"{args.folder}: has no runs of {args.against}")
    print("\n".join(table(runs, args.against)))


if __name__ == "__main__":
    main()
