"""How good are the candidates of a search, by the share of them that is proposed by prediction, or by the way in which?

python experiments/search/guided.py measure RUN... > rows.json
python experiments/search/guided.py measure --ways WAY/RUN... > rows.json     # with the name of each run's folder
python experiments/search/guided.py table rows.json
python experiments/search/guided.py seconds BUDGET...
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path
from typing import Any

import numpy as np

from hwasc.cost.limits import resolve
from hwasc.nas.guided import CHILDREN, PARENTS, children
from hwasc.nas.problem import Problem
from hwasc.nas.trial import TRIALS, read_trials
from hwasc.records.budget import Budget
from hwasc.records.earlier_run import read_run
from hwasc.records.space import SearchSpace

BEST = 12  # as many are trained further
LEAST, COSTS = 1 / 16, 60  # the front is looked at from this share of the most MACs on, at so many costs
FIRST_RUNG = "rescored_1_of_4.jsonl"


def measured(run: Path, ways: bool) -> dict[str, Any]:
    """First scores and MACs of all candidates of a search, and second scores of its finalists after a quarter of the epochs."""
    search = read_run(run)
    trials, finalists = (read_trials(run / name).values() for name in (TRIALS, FIRST_RUNG))
    return {
        **({"way": run.parent.name} if ways else {}),
        "budget": search.budget.name,
        "guided": search.config["settings"]["search"].get("guided", 0.0),  # a search before this setting has none
        "macs_limit": max(t.macs for t in trials),
        "scores": [round(t.score, 4) for t in trials],
        "macs": [t.macs for t in trials],
        "second": sorted((round(t.score, 4) for t in finalists), reverse=True),
        "second_accuracy": sorted((round(t.accuracy, 4) for t in finalists), reverse=True),
    }


def best(row: dict[str, Any], share: float = 1.0) -> float:
    """Mean of the best first scores of candidates that need at most a share of the most MACs."""
    scores = [s for s, macs in zip(row["scores"], row["macs"], strict=True) if macs <= share * row["macs_limit"]]
    return float(np.mean(sorted(scores)[-BEST:]))


def front(row: dict[str, Any]) -> float:
    """Mean, over costs up to the most MACs, of the best three first scores of candidates that need no more."""
    scores, macs = np.array(row["scores"]), np.array(row["macs"])
    most = row["macs_limit"] * np.geomspace(LEAST, 1, COSTS)
    return float(np.mean([np.sort(scores[macs <= m])[-3:].sum() / 3 for m in most]))


def table(rows: list[dict[str, Any]]) -> list[str]:
    """A line for each search."""
    columns = (
        "budget", "by prediction", "best first scores", "the same up to half of the MACs", "up to a quarter",
        "at all costs", "candidates above half", "second scores of the finalists", "of the better six",
    )  # fmt: skip
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for row in sorted(rows, key=lambda row: (row["budget"], row["guided"])):
        above = np.mean(np.array(row["macs"]) > 0.5 * row["macs_limit"])
        firsts = [f"{best(row, share):.3f}" for share in (1.0, 0.5, 0.25)]
        second, accuracy = row["second"], row["second_accuracy"]
        seconds = [
            f"{np.mean(second[:n]):.3f} ({100 * np.mean(accuracy[:n]):.1f} %)" if second else ""
            for n in (BEST, BEST // 2)
        ]
        way = row.get("way", f"{row['guided']:.0%}")
        cells = [row["budget"], way, *firsts, f"{front(row):.3f}", f"{above:.0%}", *seconds]
        lines.append(f"| {' | '.join(cells)} |")
    for row in rows:
        for without in (r for r in rows if r["budget"] == row["budget"] and r["guided"] == 0 < row["guided"]):
            curve = [
                float(np.mean(sorted(row["scores"][:n])[-BEST:])) for n in range(len(row["scores"]) + 1) if n >= BEST
            ]
            reached = next((n for n, value in enumerate(curve, BEST) if value >= best(without)), None)
            lines.append(
                f"{row['budget']}: the best first scores of the search without predictions after {reached} candidates"
            )
    return lines


def seconds(name: str) -> str:
    """Processor time to count what a child costs within a budget, over as many children as a group of twenty candidates takes."""
    problem = Problem(space=SearchSpace.load("plain"), budget=resolve(Budget.load(name)), classes=10)
    parents = problem.starting_points(PARENTS, seed=0)
    began = time.process_time()
    for point in children(problem.space.choices(), parents, 10 * CHILDREN, random.Random(0)):
        problem.budget.violation(problem.costs(point))
    return f"{name}: {1e3 * (time.process_time() - began) / (10 * CHILDREN):.1f} ms a child"


def main() -> None:
    """Measure searches, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("do", choices=("measure", "table", "seconds"))
    parser.add_argument("paths", type=Path, nargs="+")
    parser.add_argument("--ways", action="store_true", help="rows have the name of each run's folder")
    args = parser.parse_args()
    if args.do == "measure":
        print(json.dumps([measured(run, args.ways) for run in args.paths]))
    elif args.do == "seconds":
        print("\n".join(seconds(str(name)) for name in args.paths))
    else:
        print("\n".join(table([row for path in args.paths for row in json.loads(path.read_text())])))


if __name__ == "__main__":
    main()
