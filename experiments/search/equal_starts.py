"""Found nets against the published ones whose cost they were searched at, from the runs of `equal_starts.sh`.

python experiments/search/equal_starts.py FOLDER [--groups]     # with it, int8 validation and test accuracy by groups of devices
"""

from __future__ import annotations

import argparse
import json
import math
import re
import statistics
from collections import defaultdict
from pathlib import Path
from typing import Any

from hwasc.api.inputs import as_architecture
from hwasc.cost import measure

Key = tuple[str, str, str]  # published net, share of its cost ("" for itself), epochs


def read(folder: Path) -> dict[Key, dict[str, dict[str, Any]]]:
    """The finished runs by key and seed."""
    runs: dict[Key, dict[str, dict[str, Any]]] = defaultdict(dict)
    for path in sorted(folder.glob("*-*/result.json")):
        if match := re.fullmatch(r"(\w+?)(?:@(\d+))?\.(\d+)-(\d+)", path.parent.name):
            name, share, epochs, seed = match.groups()
            runs[name, share or "", epochs][seed] = json.loads(path.read_text())
    return runs


def accuracy(result: dict[str, Any]) -> float:
    """Int8, macro, on test clips, in percent."""
    return 100 * float(result["int8"]["accuracy"])


def with_error(values: list[float], form: str) -> str:
    """Mean ± two standard errors; the value alone where there is one."""
    mean = format(statistics.mean(values), form)
    return mean if len(values) == 1 else f"{mean} ± {2 * statistics.stdev(values) / math.sqrt(len(values)):.1f}"


def row(folder: Path, key: Key, found: dict[str, dict[str, Any]], published: dict[str, dict[str, Any]]) -> str:
    """One line of the table: accuracy, the gain over the seeds that both have, costs."""
    name, share, epochs = key
    costs: dict[str, Any] = next(iter(found.values()))["costs"]
    net = as_architecture(folder / f"search-{name}-{share}" / "best.json" if share else name).architecture
    seeds = [s for s in found if s in published]
    gains = [accuracy(found[s]) - accuracy(published[s]) for s in seeds]
    cells = (
        f"found at {share} % of {name}" if share else name,
        epochs,
        str(len(found)),
        with_error([accuracy(r) for r in found.values()], ".1f"),
        with_error(gains, "+.1f") if share and gains else "",
        f"{costs['macs']['torchinfo']:,}",
        f"{costs['parameters']:,}",
        f"{costs['arena']:,}",
        f"{measure(net, runtime='c').ram:,}",
    )
    return "| " + " | ".join(cells) + " |"


def by_group(runs: dict[Key, dict[str, dict[str, Any]]], order: list[Key]) -> list[str]:
    """Lines of int8 accuracy in %, means over seeds: on validation clips, and on test clips of each group of devices."""
    lines = ["| net | validation | test, real | seen | unseen |", "|---" * 5 + "|"]
    for key in order:
        results = runs[key].values()
        groups = [
            [r["validation"]["int8"], *(r["int8"]["groups"][g] for g in ("real", "seen", "unseen"))] for r in results
        ]
        means = [f"{100 * statistics.mean(values):.1f}" for values in zip(*groups, strict=True)]
        name = f"found at {key[1]} % of {key[0]}" if key[1] else key[0]
        lines.append(f"| {name} | {' | '.join(means)} |")
    return lines


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--groups", action="store_true", help="validation and test accuracy by groups of devices")
    args = parser.parse_args()
    folder: Path = args.folder
    runs = read(folder)
    order = sorted(runs, key=lambda k: (int(k[2]), k[0], -int(k[1] or 1000)))
    if args.groups:
        print("\n".join(by_group(runs, order)))
        return
    print("| net | epochs | seeds | int8 test % | gain, points | MACs | parameters | arena B | RAM in C, B |")
    print("|---" * 9 + "|")
    for key in order:
        print(row(folder, key, runs[key], runs.get((key[0], "", key[2]), {})))


if __name__ == "__main__":
    main()
