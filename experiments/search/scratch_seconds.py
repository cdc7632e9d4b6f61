"""How long ten epochs from scratch take here.

python experiments/search/scratch_seconds.py experiments/search/scores_48.jsonl --which 4 8 16 24 32 40
python experiments/search/scratch_seconds.py runs/search/trials.jsonl --parts 10

The first form compares with the times that `hwasc bench proxy` left in a file from another machine. The second one trains
some candidates of a search: the middle one of each of so many equal parts, by MACs. Their mean is about that of all.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from hwasc.bench.proxies import stratified
from hwasc.cost.limits import resolve
from hwasc.ensemble.fusion import fuse, target_file
from hwasc.nas.job import Proposal
from hwasc.nas.problem import Problem
from hwasc.nas.proxies import score
from hwasc.nas.scoring import candidates, scoring_from_settings
from hwasc.records.budget import Budget
from hwasc.records.lines import read_lines
from hwasc.records.settings import Settings
from hwasc.records.space import SearchSpace
from hwasc.workspace import open_workspace


def of_trials(problem: Problem, path: Path, parts: int) -> tuple[list[Proposal], int]:
    """The middle candidate of each of so many parts of a search's trials, by MACs, and how many trials there are."""
    trials = sorted(read_lines(path), key=lambda line: int(line["macs"]))
    middle = [len(trials) * (2 * i + 1) // (2 * parts) for i in range(parts)]
    return [problem.proposal(trials[i]["point"]) for i in middle], len(trials)


def main() -> None:
    """Print a line for each candidate, and the ratio of the sums, or the time that all trials would take."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="scores of another machine, or with --parts the trials of a search")
    parser.add_argument("--which", type=int, nargs="+", default=[4, 8, 16, 24, 32, 40], help="by rising MACs")
    parser.add_argument("--parts", type=int, help="so many candidates of a search")
    args = parser.parse_args()
    ws = open_workspace("synthetic", Settings())
    s = ws.settings
    problem = Problem(space=SearchSpace.load("full"), budget=resolve(Budget.load("dcase2024")), classes=10)
    there: dict[str, float] = {}
    if args.parts:
        proposals, count = of_trials(problem, args.file, args.parts)
    else:
        there = {x["id"]: x["seconds"] for x in read_lines(args.file) if x["proxy"] == "distillation"}
        points = stratified(problem.feasible_points(s.search.supernet.points, seed=s.seed), len(there), s.seed)
        proposals = [problem.proposal(points[i]) for i in args.which]
    job = candidates(ws, scoring_from_settings(s, target_file(fuse(ws)), "distillation"))
    here: dict[str, float] = {}
    for proposal in proposals:
        name = proposal.architecture.id
        here[name] = score(job(proposal)).seconds
        macs = problem.costs(proposal.point).macs.torchinfo
        elsewhere = f", {there[name]:.1f} s there" if there else ""
        print(f"{name} {macs:,} MACs: {here[name]:.1f} s here{elsewhere}", flush=True)
    if there:
        print(f"{sum(here.values()) / sum(there[name] for name in here):.2f} times as long")
        return
    mean = sum(here.values()) / len(here)
    all_macs = [int(line["macs"]) for line in read_lines(args.file)]
    print(
        f"{mean:.1f} s a candidate, {count * mean:,.0f} s for {count} of {sum(all_macs) / count / 1e6:.1f} M MACs in the mean"
    )


if __name__ == "__main__":
    main()
