"""First scores of the same slices, measured in several ways: int8 or float, on all validation clips or on some.

    python experiments/search/first_scores.py measure FOLDER [--count 48] [--config FILE] [--set a.b=c] [--supernet-seed 1]
    python experiments/search/first_scores.py table FOLDER [FOLDER ...] [--truth scores.jsonl ...]
    python experiments/search/first_scores.py keep FOLDER [FOLDER ...] TO     # compressed, losses in hundredths; for `table`, too
    python experiments/search/first_scores.py slopes FOLDER            # what the choices change in float scores, by least squares

`table` compares each way with int8 scores on all clips (of the first folder), and with the truth of `hwasc bench proxy` for the
same candidates (--count 48 there, too), by Kendall's tau. Its intervals are over resampled candidates and clips. Candidates of
several files of the truth are compared within each file only.
"""

from __future__ import annotations

import argparse
import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import kendalltau

from hwasc.bench.proxies import TRUTH, stratified
from hwasc.cost.limits import resolve
from hwasc.data import logits as logit_files
from hwasc.ensemble.fusion import fuse, target_file
from hwasc.nas.problem import Problem
from hwasc.nas.proxies import score
from hwasc.nas.scoring import candidates, representative_clips, scoring_from_settings
from hwasc.nas.train_supernet import train_supernet
from hwasc.records.budget import Budget
from hwasc.records.lines import append_line, read_lines
from hwasc.records.settings import Settings
from hwasc.records.space import SearchSpace
from hwasc.workspace import open_workspace

SCORES, CLIPS = "first_scores.jsonl", "clips.json"
NETS = ("int8", "float")
SOME = (300, 150, 75)  # clips


def measure(
    folder: Path, count: int, *, config: Path | None, changes: list[str], nets: list[str], supernet_seed: int | None
) -> None:
    """Score each candidate as an int8 or a float net, or both, with the loss of each clip."""
    folder.mkdir(parents=True, exist_ok=True)
    ws = open_workspace("synthetic", Settings.load(config, changes))
    s = ws.settings
    problem = Problem(space=SearchSpace.load("full"), budget=resolve(Budget.load("dcase2024")), classes=10)
    # the same candidates whatever points the supernet is trained on
    points = problem.feasible_points(Settings().search.supernet.points, seed=s.seed)
    targets = target_file(fuse(ws))
    drawn = ws if supernet_seed is None else replace(ws, settings=replace(s, seed=supernet_seed))
    shared = train_supernet(drawn, problem, targets)
    validation = ws.dataset.validation
    number = {scene: i for i, scene in enumerate(ws.dataset.classes)}
    job = candidates(
        ws,
        replace(scoring_from_settings(s, targets, "supernet"), clips=0, supernet=shared),
    )
    done = {(line["id"], line["net"]) for line in read_lines(folder / SCORES)}
    for point in stratified(points, count, s.seed):
        candidate = replace(job(problem.proposal(point)), by_clip=True)
        if not (folder / CLIPS).exists():
            ensemble = logit_files.load(targets, [c.id for c in validation], candidate.validation.hashes)
            about = {"labels": [number[c.scene] for c in validation], "ensemble": ensemble.round(4).tolist()}
            (folder / CLIPS).write_text(json.dumps(about))
        for net in nets:
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
    found = {x["id"]: np.mean(x["losses"]) for x in _lines(folder) if x["net"] == "float"}
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


def tau(a: np.ndarray, b: np.ndarray, groups: np.ndarray | None = None) -> float:
    """Kendall's tau-b, or where there are groups, its mean over them by pairs: accuracies by other teachers are not compared."""
    parts = [np.arange(len(a))] if groups is None else [np.flatnonzero(groups == g) for g in np.unique(groups)]
    weights = [len(p) * (len(p) - 1) for p in parts]
    return float(np.average([kendalltau(a[p], b[p]).statistic for p in parts], weights=weights))


def _lines(folder: Path) -> list[dict[str, Any]]:
    """Scores as they were measured, or as `keep` left them."""
    kept = folder / f"{SCORES}.gz"
    if kept.exists():
        with gzip.open(kept, "rt") as file:
            return [json.loads(line) for line in file]
    return list(read_lines(folder / SCORES))


def keep(folders: list[Path], to: Path) -> None:
    """Copy what `table` needs, small enough for the repository. It reads the clips of its first folder."""
    for folder in folders:
        rows = [x | {"losses": np.round(x["losses"], 2).tolist()} for x in _lines(folder)]
        text = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
        kept = to / folder.name
        kept.mkdir(parents=True, exist_ok=True)
        (kept / f"{SCORES}.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    about = json.loads((folders[0] / CLIPS).read_text())
    about["ensemble"] = np.round(about["ensemble"], 2).tolist()
    (to / folders[0].name / CLIPS).write_text(json.dumps(about, separators=(",", ":")))


def by_net(folder: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """The scores of a folder by net, as far as it was measured, and by candidate."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for line in _lines(folder):
        found.setdefault(line["net"], {})[line["id"]] = line
    return found


def right_value(line: dict[str, Any]) -> float:
    """What a line says a candidate is worth. The accuracy, for the truth; old files have it as the value."""
    return float(line["value"] if line["proxy"] != TRUTH or line.get("accuracy") is None else line["accuracy"])


def table(folders: list[Path], truth: list[Path], proxy: str, resamples: int) -> None:
    """Print how each way ranks the candidates; the first folder's int8 scores on all clips are what others are compared with."""
    about = json.loads((folders[0] / CLIPS).read_text())
    labels, ensemble = np.array(about["labels"]), np.array(about["ensemble"], np.float32)
    known = {
        x["id"]: (right_value(x), i) for i, file in enumerate(truth) for x in read_lines(file) if x["proxy"] == proxy
    }
    ways: dict[str, tuple[np.ndarray, np.ndarray, float]] = {}  # losses of candidates x clips, which clips, seconds
    read = {folder: by_net(folder) for folder in folders}
    ids = [i for i in read[folders[0]]["float"] if all(i in rows for nets in read.values() for rows in nets.values())]
    for folder, found in read.items():
        name = "" if folder == folders[0] else f"{folder.name}: "
        for net, rows in found.items():
            losses = np.array([rows[i]["losses"] for i in ids])
            seconds = float(np.mean([rows[i]["seconds"] for i in ids]))
            ways[f"{name}{net}, all {len(labels)} clips"] = (losses, np.arange(len(labels)), seconds)
            for n in SOME if folder == folders[0] else ():
                chosen = representative_clips(labels, ensemble, n)
                assert chosen is not None
                ways[f"{net}, {n} clips"] = (losses, np.array(chosen), seconds)
    macs = {x["id"]: x["macs"] for x in _lines(folders[0])}
    base = next(iter(ways.values()))[0].mean(1)
    against = _with_truth(ways, ids, known, resamples)
    having = [i for i in ids if i in known]
    print(f"{len(ids)} candidates, {len(having)} with truth\n")
    print("| first score | s | tau with the first | clips at random | tau with the truth, 95 % | minus the first |")
    print("|---|---|---|---|---|---|")
    rng = np.random.default_rng(0)
    for name, (losses, clips, seconds) in ways.items():
        others = [tau(losses[:, rng.permutation(len(labels))[: len(clips)]].mean(1), base) for _ in range(200)]
        random = "" if len(clips) == len(labels) else f"{np.mean(others):.2f}"
        print(
            f"| {name} | {seconds:.1f} | {tau(losses[:, clips].mean(1), base):.2f} | {random} | {against.get(name, '| ')} |"
        )
    if having:
        right, file = np.array([known[i] for i in having]).T
        print(f"\nMACs with the truth: tau {tau(np.array([macs[i] for i in having]), right, file):.2f}")


def _with_truth(
    ways: dict[str, tuple[np.ndarray, np.ndarray, float]],
    ids: list[str],
    known: dict[str, tuple[float, int]],
    resamples: int,
) -> dict[str, str]:
    """Tau with the truth and its difference from the first way's, over the same resampled candidates and clips for all ways."""
    having = np.array([i for i, name in enumerate(ids) if name in known])
    if len(having) < 3:
        return {}
    right, file = np.array([known[ids[i]] for i in having]).T
    rng = np.random.default_rng(0)
    parts = [np.flatnonzero(file == f) for f in np.unique(file)]
    who = np.concatenate([rng.choice(p, (resamples, len(p))) for p in parts], axis=1)  # as many of each file
    drawn = {}
    for name, (losses, rows, _) in ways.items():
        again = np.random.default_rng(1)  # the same clips for all ways that have all
        drawn[name] = np.array(
            [tau(-losses[having[w]][:, again.choice(rows, len(rows))].mean(1), right[w], file[w]) for w in who]
        )
    first = next(iter(drawn.values()))
    cells = {}
    for name, (losses, rows, _) in ways.items():
        value = tau(-losses[having][:, rows].mean(1), right, file)
        (low, high), (less, more) = (np.nanpercentile(x, (2.5, 97.5)) for x in (drawn[name], drawn[name] - first))
        cells[name] = f"{value:.2f} ({low:.2f} to {high:.2f}) | {less:+.2f} to {more:+.2f}"
    return cells


def main() -> None:
    """Measure, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("measure", "table", "keep", "slopes"))
    parser.add_argument("folders", metavar="FOLDER", type=Path, nargs="+")
    parser.add_argument("--count", type=int, default=48)
    parser.add_argument(
        "--nets", nargs="+", choices=NETS, default=list(NETS), help="measure: which nets (default both)"
    )
    parser.add_argument("--config", type=Path, help="measure: a settings file")
    parser.add_argument("--set", action="append", default=[], metavar="A.B=C", help="measure: a setting; repeatable")
    parser.add_argument(
        "--supernet-seed", type=int, help="measure: seed of the supernet alone (default: of the settings)"
    )
    parser.add_argument("--truth", type=Path, nargs="+", default=[], help="scores.jsonl of `hwasc bench proxy`")
    parser.add_argument(
        "--proxy", default=TRUTH, help="of this file, what counts as the truth: truth (default) or distillation"
    )
    parser.add_argument("--resamples", type=int, default=1_000, help="table: of candidates and clips (default 1000)")
    args = parser.parse_args()
    if args.what == "measure":
        measure(
            args.folders[0],
            args.count,
            config=args.config,
            changes=args.set,
            nets=args.nets,
            supernet_seed=args.supernet_seed,
        )
    elif args.what == "keep":
        keep(args.folders[:-1], args.folders[-1])
    elif args.what == "slopes":
        slopes(args.folders[0])
    else:
        table(args.folders, args.truth, args.proxy, args.resamples)


if __name__ == "__main__":
    main()
