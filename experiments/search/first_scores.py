"""First scores of the same slices, measured in several ways: int8 or float, on all validation clips or on some.

    python experiments/search/first_scores.py measure FOLDER [--count 48]                 # an hour; resumable
    python experiments/search/first_scores.py table FOLDER [--truth scores.jsonl]
    python experiments/search/first_scores.py slopes FOLDER            # what the choices change in float scores, by least squares

`table` compares each way with int8 scores on all clips, and with the truth of `hwasc bench proxy` for the same candidates
(--count 48 there, too), by Kendall's tau. Its intervals are over resampled candidates and clips.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.stats import kendalltau

from hwasc.bench.proxies import TRUTH, stratified
from hwasc.cost.limits import resolve
from hwasc.data import logits as logit_files
from hwasc.ensemble.fusion import fuse, target_file
from hwasc.nas.problem import Problem
from hwasc.nas.proxies import score
from hwasc.nas.scoring import Scoring, candidates, representative_clips
from hwasc.nas.train_supernet import train_supernet
from hwasc.records.budget import Budget
from hwasc.records.lines import append_line, read_lines
from hwasc.records.settings import Settings
from hwasc.records.space import SearchSpace
from hwasc.workspace import open_workspace

SCORES, CLIPS = "first_scores.jsonl", "clips.json"
RESAMPLES = 1_000
SOME = (300, 150, 75)  # clips


def measure(folder: Path, count: int) -> None:
    """Score each candidate as an int8 and as a float net, with the loss of each clip."""
    folder.mkdir(parents=True, exist_ok=True)
    ws = open_workspace("synthetic", Settings())
    s = ws.settings
    problem = Problem(space=SearchSpace.load("full"), budget=resolve(Budget.load("dcase2024")), classes=10)
    points = problem.feasible_points(s.search.supernet.points, seed=s.seed)
    targets = target_file(fuse(ws))
    shared = train_supernet(ws, problem, targets)
    validation = ws.dataset.validation
    number = {scene: i for i, scene in enumerate(ws.dataset.classes)}
    job = candidates(
        ws,
        Scoring(proxy="supernet", targets=targets, train=s.search.train, supernet=shared, steps=s.search.proxy_steps),
    )
    done = {(line["id"], line["net"]) for line in read_lines(folder / SCORES)}
    for point in stratified(points, count, s.seed):
        candidate = replace(job(problem.proposal(point)), by_clip=True)
        if not (folder / CLIPS).exists():
            ensemble = logit_files.load(targets, [c.id for c in validation], candidate.validation.hashes)
            about = {"labels": [number[c.scene] for c in validation], "ensemble": ensemble.round(4).tolist()}
            (folder / CLIPS).write_text(json.dumps(about))
        for net in ("int8", "float"):
            if (problem.architecture(point).id, net) in done:
                continue
            found = score(replace(candidate, quantized=net == "int8"))
            assert found.losses is not None
            line = {
                "id": problem.architecture(point).id,
                "net": net,
                "macs": problem.costs(point).macs.torchinfo,
                "accuracy": found.accuracy,
                "seconds": found.seconds,
                "losses": [round(loss, 4) for loss in found.losses],
            }
            append_line(folder / SCORES, line, "a score")
            print(f"{line['id'][:8]} {net} {line['macs']:,} MACs {found.value:.3f} {found.seconds:.1f} s", flush=True)


def slopes(folder: Path) -> None:
    """Print how much each of some choices changes the mean loss of the float nets, with standard errors."""
    found = {x["id"]: np.mean(x["losses"]) for x in read_lines(folder / SCORES) if x["net"] == "float"}
    problem = Problem(space=SearchSpace.load("full"), budget=resolve(Budget.load("dcase2024")), classes=10)
    points = problem.feasible_points(Settings().search.supernet.points, seed=Settings().seed)
    names = ("log MACs", "share of blocks with GRN", "log frames", "log mel bands", "GRN at the sum")
    rows, losses = [], []
    for point in stratified(points, len(found), Settings().seed):
        a = problem.architecture(point)
        share = np.mean([getattr(b, "grn", None) is not None for b in a.blocks])
        macs = problem.costs(point).macs.torchinfo
        rows.append([np.log(macs), share, np.log(point["frames"]), np.log(point["mels"]), point["grn_at"] == "sum"])
        losses.append(found[a.id])
    x = np.c_[np.array(rows, float) - np.mean(np.array(rows, float), 0), np.ones(len(rows))]
    weights = np.linalg.lstsq(x, np.array(losses), rcond=None)[0]
    variance = np.sum((np.array(losses) - x @ weights) ** 2) / (len(x) - x.shape[1])
    errors = np.sqrt(variance * np.diag(np.linalg.inv(x.T @ x)))
    for name, weight, error in zip(names, weights, errors, strict=False):
        print(f"{name}: {weight:+.3f} ± {error:.3f} (one standard error)")


def tau(a: np.ndarray, b: np.ndarray) -> float:
    """Kendall's tau-b."""
    return float(kendalltau(a, b).statistic)


def table(folder: Path, truth: Path | None) -> None:
    """Print how each way ranks the candidates."""
    lines = list(read_lines(folder / SCORES))
    ids = [line["id"] for line in lines if line["net"] == "float"]
    losses = {
        net: np.array([{x["id"]: x["losses"] for x in lines if x["net"] == net}[i] for i in ids])
        for net in ("int8", "float")
    }
    seconds = {net: np.mean([x["seconds"] for x in lines if x["net"] == net]) for net in losses}
    about = json.loads((folder / CLIPS).read_text())
    labels, ensemble = np.array(about["labels"]), np.array(about["ensemble"], np.float32)
    everything, rng = np.arange(len(labels)), np.random.default_rng(0)
    chosen = {n: representative_clips(labels, ensemble, n) for n in SOME}
    ways = {f"{net}, all {len(labels)} clips": (net, everything) for net in losses}
    for n, rows in chosen.items():
        assert rows is not None
        ways |= {f"{net}, {n} clips": (net, rows) for net in losses}
    known = {x["id"]: x["value"] for x in read_lines(truth) if x["proxy"] == TRUTH} if truth else {}
    with_truth = [i for i, name in enumerate(ids) if name in known]
    right = np.array([known[ids[i]] for i in with_truth])
    print(f"{len(ids)} candidates, {len(with_truth)} with truth")
    print(f"seconds of a score: int8 {seconds['int8']:.1f}, float {seconds['float']:.1f}\n")
    print(
        "| first score | tau with int8 on all clips | clips at random instead | tau with the truth, 95 % |\n|---|---|---|---|"
    )
    base = losses["int8"].mean(1)
    for name, (net, rows) in ways.items():
        values = losses[net][:, rows].mean(1)
        others = [tau(losses[net][:, rng.permutation(len(labels))[: len(rows)]].mean(1), base) for _ in range(200)]
        random = "" if len(rows) == len(labels) else f"{np.mean(others):.2f}"
        against = ""
        if len(with_truth) > 2:
            drawn = []
            for _ in range(RESAMPLES):
                who, clips = rng.integers(0, len(with_truth), len(with_truth)), rng.choice(rows, len(rows))
                drawn.append(tau(-losses[net][np.array(with_truth)[who]][:, clips].mean(1), right[who]))
            low, high = np.percentile(drawn, (2.5, 97.5))
            against = f"{tau(-values[with_truth], right):.2f} ({low:.2f} to {high:.2f})"
        print(f"| {name} | {tau(values, base):.2f} | {random} | {against} |")


def main() -> None:
    """Measure, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("measure", "table", "slopes"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=48)
    parser.add_argument("--truth", type=Path, help="scores.jsonl of `hwasc bench proxy`")
    args = parser.parse_args()
    if args.what == "measure":
        measure(args.folder, args.count)
    elif args.what == "slopes":
        slopes(args.folder)
    else:
        table(args.folder, args.truth)


if __name__ == "__main__":
    main()
