"""Train the teachers by cross-fitting, fit the fusion heads z1 and z2 on their out-of-fold logits, and compare them on
validation clips, each teacher also by what the ensemble is without it. `search` and `distill` do this on demand; what is
trained is kept in the cache. Which teachers: teachers.families, teachers.pretrained, teachers.external (docs/teachers.md).
With --seeds all of it is done from several seeds, splits included, and compared over them.
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hwasc
from hwasc.cli import common

EXAMPLES = """examples:
  hwasc teach
  hwasc teach --data my_recordings --set teachers.families=[cp_resnet,bc_resnet,crnn] --set teachers.folds=4 --workers 2
  hwasc teach --set teachers.front_ends.bc_resnet=paper --set teachers.front_ends.cp_resnet='{mels: 128, frames: 65}'
  hwasc teach --data many_recordings --weights start
  hwasc teach --data my_recordings --set teachers.pretrained.crnn=start/crnn.safetensors
  hwasc teach --set teachers.external='[{name: beats, logits: beats.csv}]' --out teachers.json --html teachers.html
  hwasc teach --config experiments/teachers/diverse.yaml --seeds 3 --split test"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument(
        "--split", choices=("validation", "test"), default="validation", help="clips to compare on (default validation)"
    )
    parser.add_argument(
        "--seeds",
        type=common.whole(1),
        default=1,
        metavar="N",
        help="do it from so many seeds, --seed and the next ones",
    )
    parser.add_argument("--out", metavar="FILE", type=Path, help="also write the result here, as JSON")
    parser.add_argument("--html", metavar="FILE", type=Path, help="write a self-contained page (of the first seed)")
    parser.add_argument(
        "--weights",
        metavar="DIR",
        type=Path,
        help="keep the first fold's weights as DIR/<family>.safetensors, to start other teachers from (of the first seed)",
    )
    common.add_data(parser)


def run(args: argparse.Namespace) -> None:
    """Teach and print what each teacher is, the fusion table, and what each adds."""
    from hwasc.records.run import environment
    from hwasc.records.schema import plain, write_json

    summaries = []
    for offset in range(args.seeds):
        first = offset == 0
        ws = common.workspace(args, offset)
        weights, html = (args.weights, args.html) if first else (None, None)
        summaries.append(hwasc.teach(ws, split=args.split, weights=weights, html=html))
    results = [plain(s) for s in summaries]
    result = results[0] if len(results) == 1 else {"runs": results}
    if args.out:
        write_json(args.out, {**result, "environment": environment()})
    if args.json:
        common.print_json(result)
        return
    common.print_table(
        ("teacher", "hears", "sees", "parameters", "MACs"), [_teacher(t) for t in results[0]["teachers"]]
    )
    (_one if len(results) == 1 else _several)(results, args.split)
    if args.html:
        print(f"page {args.html}")


def _one(results: Sequence[dict[str, Any]], split: str) -> None:
    result = results[0]
    rows = {r["name"]: r for r in result["fusion"]}
    common.print_table(
        (f"on {split} clips", "accuracy", "log loss", "ECE"),
        [(r["name"], f"{r['accuracy']:.1%}", f"{r['log_loss']:.3f}", f"{r['ece']:.3f}") for r in rows.values()],
    )
    single = max(rows[t["name"]]["accuracy"] for t in result["teachers"])
    fusion, mean = rows["z1+z2"], rows["mean"]
    print(
        f"z1+z2 against the best teacher: {fusion['accuracy'] - single:+.1%}; "
        f"against the mean logit: {fusion['accuracy'] - mean['accuracy']:+.1%}; students learn from {result['view']}\n"
    )
    left = result["leave_one_out"]
    common.print_table(
        ("mean logit without", "accuracy", "log loss", "it adds", "nats"),
        [
            (
                r["name"],
                f"{r['accuracy']:.1%}",
                f"{r['log_loss']:.3f}",
                f"{r['accuracy_gain']:+.1%}",
                f"{r['log_loss_gain']:+.3f} ± {r['standard_error']:.3f}",
            )
            for r in left
        ],
    )
    print(_verdict(left))


def _several(results: Sequence[dict[str, Any]], split: str) -> None:
    """Means over seeds with their standard deviation; what each gains on the mean logit, seed by seed, ± standard error."""
    runs = [{r["name"]: r for r in result["fusion"]} for result in results]

    def over(name: str, key: str) -> str:
        values = [r[name][key] for r in runs]
        return f"{statistics.mean(values):.4f} ± {statistics.stdev(values):.4f}"

    def gained(name: str, key: str) -> str:
        values = [r[name][key] - r["mean"][key] for r in runs]
        return f"{statistics.mean(values):+.4f} ± {statistics.stdev(values) / math.sqrt(len(values)):.4f}"

    columns = (f"on {split} clips", "accuracy", "log loss", "ECE", "more accurate than mean", "log loss over mean's")
    keys = ("accuracy", "log_loss", "ece")
    rows = [(name, *(over(name, k) for k in keys), *(gained(name, k) for k in keys[:2])) for name in runs[0]]
    common.print_table(columns, rows)
    views = ", ".join(f"{r['view']} (seed {r['seed']})" for r in results)
    print(f"mean ± standard deviation over {len(runs)} seeds, gains ± standard error; students learn from {views}")


def _teacher(t: dict[str, Any]) -> tuple[str, ...]:
    fe = t["front_end"]
    hears = (
        f"{fe['mels']}x{fe['frames']}, window {fe['window']}, hop {fe['hop']}, {fe['sample_rate']} Hz" if fe else "-"
    )
    if "parameters" not in t:
        return t["name"], hears, f"from {t['model'] or t['logits']}", "-", "-"
    sees = "x".join(map(str, t["receptive_field"])) + f" and {t['beyond']}" * bool(t["beyond"])
    return t["name"], hears, sees, f"{t['parameters']:,}", f"{t['macs']:,}"


def _verdict(left: Sequence[dict[str, Any]]) -> str:
    idle = [r["name"] for r in left if not r["helps"]]
    if not idle:
        return "every teacher adds to the ensemble, in accuracy or in log loss"
    return f"the ensemble is no worse without {', '.join(idle)} (one left out at a time); more teachers are not always better"
