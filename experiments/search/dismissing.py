"""How many scores does a search save that dismisses hopeless candidates, or that proposes some by prediction?

Searches of the table of scored candidates.

The last column: after how many scores a search has the hypervolume that one which dismisses nothing has after 100, 150, 200.

python experiments/search/dismissing.py [--strategy NAME] [--seeds N] [--guided SHARE ...]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from hwasc.bench.comparison import compare
from hwasc.cost.limits import resolve
from hwasc.nas.job import Score
from hwasc.nas.problem import Problem
from hwasc.records.budget import Budget
from hwasc.records.lines import read_lines
from hwasc.records.space import SearchSpace

HERE = Path(__file__).parent
TRIALS = 200
SHOWN = (50, 75, 100, 150, 200)  # scores


def main() -> None:
    """Print a Markdown table: share of the hypervolume, best score, and the scores for an equal hypervolume."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strategy", default="local", help="default local, which proposes a point in 0.1 ms")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--guided", type=float, nargs="+", metavar="SHARE", help="compare these shares, not dismissing")
    args = parser.parse_args()
    budget = resolve(Budget.load(str(HERE / "half_24.yaml")))
    problem = Problem(space=SearchSpace.load("bench"), budget=budget, classes=10)
    scores = {
        line["id"]: Score(
            line["value"],
            line["seconds"],
            accuracy=line["accuracy"],
            standard_error=line["standard_error"],
            value_error=line["value_error"],
        )
        for line in read_lines(HERE / "table.jsonl")
    }
    ways = [(2.0, share) for share in args.guided or ()] or [(d, 0.0) for d in (None, 3.0, 2.0, 1.5, 1.0, 0.5, 0.0)]
    print(
        f"| {'proposed by prediction' if args.guided else 'dismissed by'} | "
        + " | ".join(f"{n} scores" for n in SHOWN)
        + " | best score, 100 | 200 | equal after |"
    )
    print("|---" * (len(SHOWN) + 4) + "|")
    without: list[float] = []
    for dismiss, guided in ways:
        found = compare(
            problem,
            scores,
            [args.strategy],
            seeds=range(args.seeds),
            trials=TRIALS,
            population=20,
            at_a_time=10,
            on_run=lambda name: None,
            dismiss=dismiss,
            guided=guided,
        )
        (curves,) = found.curves
        volume = [
            f"{100 * curves.volume.mean[n - 1]:.1f} ± {100 * curves.volume.standard_error[n - 1]:.1f}" for n in SHOWN
        ]
        best = [f"{100 * curves.best.mean[n - 1]:.1f}" for n in (100, TRIALS)]
        without = without or curves.volume.mean
        reached = [
            str(next((i for i, v in enumerate(curves.volume.mean, 1) if v >= without[n - 1]), "never"))
            for n in (100, 150, TRIALS)
        ]
        way = f"{guided:.0%}" if args.guided else "nothing" if dismiss is None else f"{dismiss:g}"
        cells = [way, *volume, *best, ", ".join(reached)]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
