"""How proxies rank the fully trained candidates, from the `scores.jsonl` of `hwasc bench proxy`, finished or not.

python experiments/search/rank.py experiments/search/scores.jsonl [--by-accuracy]
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np

from hwasc.bench.proxies import TRUTH, table
from hwasc.records.lines import read_lines


def main() -> None:
    """Print a Markdown table, best first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scores", type=Path)
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap")
    parser.add_argument("--by-accuracy", action="store_true", help="rank by the int8 accuracy where a score has both")
    args = parser.parse_args()
    known: dict[str, dict[str, float]] = defaultdict(dict)
    seconds: dict[str, list[float]] = defaultdict(list)
    for line in read_lines(args.scores):
        by_accuracy = args.by_accuracy or line["proxy"] == TRUTH
        value = line.get("accuracy", line["value"]) if by_accuracy else line["value"]
        known[line["proxy"]][line["id"]] = value
        seconds[line["proxy"]].append(line["seconds"])
    ids = [i for i in known[TRUTH] if all(i in v for v in known.values())]
    rows = table({n: [v[i] for i in ids] for n, v in known.items()}, args.seed)
    print(f"{len(ids)} candidates, truth {min(known[TRUTH].values()):.1%} to {max(known[TRUTH].values()):.1%}\n")
    print("| proxy | tau, 95 % | rho, 95 % | ahead of MACs, tau | s a candidate |\n|---|---|---|---|---|")
    for name, (r, ahead) in sorted(rows.items(), key=lambda row: -row[1][0].tau):
        lead = "{:+.2f} to {:+.2f}".format(*ahead["macs"]) if "macs" in ahead else ""
        print(
            f"| {name} | {r.tau:.2f} ({r.tau_interval[0]:.2f} to {r.tau_interval[1]:.2f}) | {r.rho:.2f} "
            f"({r.rho_interval[0]:.2f} to {r.rho_interval[1]:.2f}) | {lead} | {np.mean(seconds[name]):.1f} |"
        )


if __name__ == "__main__":
    main()
