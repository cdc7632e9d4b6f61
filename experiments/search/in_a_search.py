"""How a search ranks candidates, its predictor included, against training from scratch; both against the truth.

    python experiments/search/in_a_search.py FOLDER TRIALS --truth scores.jsonl [scores.jsonl ...]

FOLDER has the first scores of `first_scores.py`, TRIALS is the `trials.jsonl` of a search in the space `full`. The scores are
smoothed by the search's predictor, which is fitted to the trials without the candidates. Kendall's tau is its mean over the files
of the truth, by pairs; its intervals are over resampled candidates, the same for all.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from first_scores import by_net, right_value, tau

from hwasc.bench.proxies import TRUTH, smoothed, stratified
from hwasc.cost.limits import resolve
from hwasc.nas.problem import Problem
from hwasc.records.budget import Budget
from hwasc.records.lines import read_lines
from hwasc.records.settings import Settings
from hwasc.records.space import SearchSpace

SCRATCH = ("distillation", "distillation, 10 epochs")  # as files name it
RESAMPLES = 2_000
SHARE = 0.4  # of the MACs' logarithm, added to a score to see whether short trainings underrate large nets


def standardized(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Logarithms with mean 0 and standard deviation 1 in each group."""
    out = np.log(values)
    for g in np.unique(groups):
        part = out[groups == g]
        out[groups == g] = (part - part.mean()) / part.std()
    return out


def main() -> None:
    """Print a line for each way of ranking, and for their difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("trials", type=Path)
    parser.add_argument("--truth", type=Path, nargs="+", required=True)
    parser.add_argument("--net", default="float", choices=("int8", "float"))
    args = parser.parse_args()
    space, s = SearchSpace.load("full"), Settings()
    problem = Problem(space=space, budget=resolve(Budget.load("dcase2024")), classes=10)
    points = problem.feasible_points(s.search.supernet.points, seed=s.seed)
    losses = {i: np.mean(x["losses"]) for i, x in by_net(args.folder)[args.net].items()}
    columns: dict[str, list[float]] = {name: [] for name in ("own", "search", "scratch", "macs", "truth", "file")}
    for number, path in enumerate(args.truth):
        lines = list(read_lines(path))
        truth = {x["id"]: right_value(x) for x in lines if x["proxy"] == TRUTH}
        scratch = {x["id"]: x["value"] for x in lines if x["proxy"] in SCRATCH}
        candidates = [problem.proposal(p) for p in stratified(points, len(scratch), s.seed)]
        own = [float(np.exp(-losses[c.architecture.id])) for c in candidates]
        for c, score, ranked in zip(candidates, own, smoothed(space, candidates, own, args.trials), strict=True):
            if (name := c.architecture.id) in truth:
                row = (score, ranked, scratch[name], problem.costs(c.point).macs.torchinfo, truth[name], number)
                for column, value in zip(columns.values(), row, strict=True):
                    column.append(float(value))
    own, search, scratch, macs, truth, file = (np.array(x) for x in columns.values())
    rng = np.random.default_rng(0)
    parts = [np.flatnonzero(file == f) for f in np.unique(file)]
    who = np.concatenate([rng.choice(p, (RESAMPLES, len(p))) for p in parts], axis=1)
    print(f"{len(truth)} candidates with truth: {', '.join(str(len(p)) for p in parts)}")
    drawn = {}
    for name, values in (
        ("first scores alone", own),
        ("as a search ranks", search),
        ("from scratch", scratch),
        ("MACs", macs),
    ):
        drawn[name] = np.array([tau(values[w], truth[w], file[w]) for w in who])
        low, high = np.nanpercentile(drawn[name], (2.5, 97.5))
        each = ", ".join(f"{tau(values[p], truth[p]):.2f}" for p in parts)
        print(f"{name}: tau {tau(values, truth, file):.2f} ({low:.2f} to {high:.2f}); by file {each}")
    for name, values in (("first scores alone", own), ("as a search ranks", search), ("from scratch", scratch)):
        raised = standardized(values, file) + SHARE * standardized(macs, np.zeros_like(file))
        print(f"{name}, with {SHARE} of log MACs: tau {tau(raised, truth, file):.2f}")
    low, high = np.nanpercentile(drawn["as a search ranks"] - drawn["from scratch"], (2.5, 97.5))
    print(f"as a search ranks, minus from scratch: {low:+.2f} to {high:+.2f}")


if __name__ == "__main__":
    main()
