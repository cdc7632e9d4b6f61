"""Int8 accuracy on validation clips of the same candidates, trained in full at two learning rates.

python experiments/search/learning_rate.py experiments/search/scores_0.003.jsonl experiments/search/scores.jsonl
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

from hwasc.bench.proxies import TRUTH
from hwasc.records.lines import read_lines


def main() -> None:
    """Print a Markdown table, cheapest first, and the mean difference with its standard error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", type=Path, help="scores.jsonl of `hwasc bench proxy`")
    parser.add_argument("second", type=Path, help="the same at the other rate, with the MACs of every candidate")
    args = parser.parse_args()
    lines = {path: list(read_lines(path)) for path in (args.first, args.second)}
    first, second = ({x["id"]: x["value"] for x in lines[p] if x["proxy"] == TRUTH} for p in lines)
    macs = {x["id"]: x["value"] for x in lines[args.second] if x["proxy"] == "macs"}
    both = sorted(first.keys() & second.keys(), key=macs.__getitem__)
    print("| candidate | MACs | first % | second % | difference, points |\n|---|---|---|---|---|")
    gains = [100 * (second[i] - first[i]) for i in both]
    for i, gain in zip(both, gains, strict=True):
        print(f"| {i[:8]} | {macs[i]:,.0f} | {100 * first[i]:.1f} | {100 * second[i]:.1f} | {gain:+.1f} |")
    error = statistics.stdev(gains) / len(gains) ** 0.5
    print(f"\n{len(both)} candidates, mean difference {statistics.mean(gains):+.1f} ± {error:.1f} points")


if __name__ == "__main__":
    main()
