"""How long ten epochs from scratch take here, against the times that `hwasc bench proxy` left in a file from another machine.

python experiments/search/scratch_seconds.py experiments/search/scores_48.jsonl --which 4 8 16 24 32 40
"""

from __future__ import annotations

import argparse
from pathlib import Path

from hwasc.bench.proxies import stratified
from hwasc.cost.limits import resolve
from hwasc.ensemble.fusion import fuse, target_file
from hwasc.nas.problem import Problem
from hwasc.nas.proxies import score
from hwasc.nas.scoring import candidates, scoring_from_settings
from hwasc.records.budget import Budget
from hwasc.records.lines import read_lines
from hwasc.records.settings import Settings
from hwasc.records.space import SearchSpace
from hwasc.workspace import open_workspace


def main() -> None:
    """Print a line for each candidate, and the ratio of the sums."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scores", type=Path)
    parser.add_argument(
        "--which", type=int, nargs="+", default=[4, 8, 16, 24, 32, 40], help="candidates, by rising MACs"
    )
    args = parser.parse_args()
    there = {x["id"]: x["seconds"] for x in read_lines(args.scores) if x["proxy"] == "distillation"}
    ws = open_workspace("synthetic", Settings())
    s = ws.settings
    problem = Problem(space=SearchSpace.load("full"), budget=resolve(Budget.load("dcase2024")), classes=10)
    points = stratified(problem.feasible_points(s.search.supernet.points, seed=s.seed), len(there), s.seed)
    job = candidates(ws, scoring_from_settings(s, target_file(fuse(ws)), "distillation"))
    here: dict[str, float] = {}
    for i in args.which:
        proposal = problem.proposal(points[i])
        name = proposal.architecture.id
        here[name] = score(job(proposal)).seconds
        macs = problem.costs(points[i]).macs.torchinfo
        print(f"{name} {macs:,} MACs: {here[name]:.1f} s here, {there[name]:.1f} s there", flush=True)
    print(f"{sum(here.values()) / sum(there[name] for name in here):.2f} times as long")


if __name__ == "__main__":
    main()
