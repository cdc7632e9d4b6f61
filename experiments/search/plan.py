"""A large search on paper: bytes that lie and travel, and seconds, by counts; nothing is trained.

    python experiments/search/plan.py                                          # 10,000 candidates, 100 GPUs, TAU 2022 Mobile
    python experiments/search/plan.py --candidates 500 --gpus 1

Bytes are counted: features of every front end of the space, the supernet's weights, and the pickled job, shared data and journal
line of candidates of the embedded scenes; what grows with clips is scaled to so many clips. Seconds follow from MACs as in
../tau2022/expected.py: six operations a MAC in training and two in evaluation, at --tera operations a second, --milliseconds of a
core for each clip that is loaded in training, and --fixed seconds a score for building and calibrating (measured on a CPU).
"""

from __future__ import annotations

import argparse
import json
import pickle
import random
import statistics
from pathlib import Path

from scaling import jobs

from hwasc.cost.limits import resolve
from hwasc.models.supernet import Supernet
from hwasc.nas.declare import random_point
from hwasc.nas.engines.ray import GPU_SHARE
from hwasc.nas.problem import Problem
from hwasc.records.budget import Budget
from hwasc.records.settings import Settings
from hwasc.records.space import SearchSpace
from hwasc.workspace import open_workspace

CLIPS, SHARE = 139_620, 0.2  # of TAU 2022 Mobile's development training split, and the share of it for validation
CALIBRATION = 256 + 64  # clips that a slice is calibrated on


def shown(size: float) -> str:
    """Bytes for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"


def main() -> None:
    """Print the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=10_000)
    parser.add_argument("--gpus", type=int, default=100)
    parser.add_argument("--per-node", type=int, default=8, help="GPUs of a node (default 8)")
    parser.add_argument("--clips", type=int, default=CLIPS)
    parser.add_argument("--space", default="full")
    parser.add_argument("--tera", type=float, default=1.5)
    parser.add_argument("--milliseconds", type=float, default=0.25)
    parser.add_argument("--fixed", type=float, default=2.0)
    parser.add_argument("--journal", type=Path, help="trials.jsonl of a search, for the size of a line")
    args = parser.parse_args()
    space, settings = SearchSpace.load(args.space), Settings()
    problem = Problem(space=space, budget=resolve(Budget.load("dcase2024")), classes=10)
    train, validation = args.clips * (1 - SHARE), args.clips * SHARE

    fe, sizes = space.front_end, []
    for mels in fe.mels:
        for frames in fe.frames:
            sizes += [2 * mels * frames * args.clips] * len(fe.windows)
    nodes = -(-args.gpus // args.per_node)
    weights = 4 * sum(p.numel() for p in Supernet(space, 10).parameters())

    ws = open_workspace("synthetic", settings)
    job = jobs(ws, SearchSpace.load("small"), 1, 1)[0]
    alone = len(pickle.dumps((job.proposal, job.train_settings), pickle.HIGHEST_PROTOCOL))
    lists = len(pickle.dumps((job.data.train, job.validation), pickle.HIGHEST_PROTOCOL))
    each = lists / (len(job.data.train) + len(job.validation)) + 2 * 4 * 10  # names and hashes, two sets of logits
    shared = each * args.clips
    line = 900.0
    if args.journal:
        line = statistics.mean(map(len, args.journal.read_text().splitlines()))

    rng, macs = random.Random(0), []
    while len(macs) < 200:
        costs = problem.costs(random_point(space, rng))
        if problem.budget.feasible(costs):
            macs.append(costs.macs.conv)
    mac = statistics.mean(macs)
    rate, load, s = 1e12 * args.tera, args.milliseconds / 1e3, settings.search
    supernet = s.supernet.train.epochs * train * (6 * mac * s.supernet.candidates / rate + load)
    measured = s.clips_of_first(int(validation))
    own = s.proxy_steps * s.proxy_batch  # clips that a slice is trained on by itself
    first = args.fixed + (6 * own + 2 * CALIBRATION + 2 * measured) * mac / rate
    scratch = args.fixed + s.train.epochs * train * (6 * mac / rate + load) + 2 * validation * mac / rate
    slots = args.gpus / GPU_SHARE
    rows = {
        "front ends": f"{len(sizes)}, {shown(sum(sizes))} on the shared disk; the largest {shown(max(sizes))}",
        "features, one core": f"{len(sizes) * args.clips * 1.5e-3 / 3600:.1f} h",
        "supernet": f"{shown(weights)}, read once a process; {supernet / 3600:.1f} h on one GPU",
        "shared data of a front end": f"{shown(shared)}, once a node: {shown(shared * len(sizes) * nodes)} for {nodes} nodes",
        "a job": f"{shown(alone)}; all {shown(alone * args.candidates)}",
        "journal": f"{shown(line * args.candidates)}",
        "a first score": f"{first:.1f} s of a GPU by the supernet, {scratch:.0f} s from scratch ({s.train.epochs} epochs)",
        "all first scores": (
            f"{args.candidates * first / slots / 60:.1f} min by the supernet, {GPU_SHARE:g} of a GPU each; "
            f"{args.candidates * scratch / args.gpus / 3600:.1f} h from scratch, a GPU each"
        ),
        "proposals": f"{args.candidates / s.at_a_time:,.0f} groups of {s.at_a_time}; {slots:,.0f} places",
    }
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
