"""Train the teachers by cross-fitting, fit the fusion heads z1 and z2 on their out-of-fold logits, and compare all of them on
validation clips, also the ensemble without each teacher. `search` and `distill` do this when they need it; trained teachers are
saved in the cache. The setting teachers.members lists the teachers (docs/teachers.md). With --seeds everything is repeated with
several seeds, splits included, and summarised over them.
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import hwasc
from hwasc.cli import common
from hwasc.cli.next_step import data_options, next_step
from hwasc.cli.teachers_table import print_contributions
from hwasc.cli.verdict_lines import print_verdict

if TYPE_CHECKING:
    from hwasc.ensemble.summary import EnsembleSummary
    from hwasc.ensemble.teacher_summary import TeacherSummary

EXAMPLES = """examples:
  hwasc teach
  hwasc teach --data my_recordings --set teachers=[cp_resnet,bc_resnet,crnn] --set teachers.folds=4 --workers 2
  hwasc teach --set teachers='[crnn, {name: wide, family: crnn, width: 48, front_end: {mels: 128, frames: 65}}]'
  hwasc teach --data many_recordings --weights start
  hwasc teach --data my_recordings --sample-rate 16000
  hwasc teach --data my_recordings \
    --set teachers='[cp_resnet, {name: crnn, family: crnn, weights: start/crnn.safetensors}]'
  hwasc teach --set teachers='[cp_resnet, crnn, {name: beats, logits: beats.csv}]' --out teachers.json --html teachers.html
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
        help="repeat with N seeds: --seed and the following ones (default 1)",
    )
    parser.add_argument("--out", metavar="FILE", type=Path, help="also write the result here, as JSON")
    parser.add_argument("--html", metavar="FILE", type=Path, help="write a self-contained page (of the first seed)")
    parser.add_argument(
        "--weights",
        metavar="DIR",
        type=Path,
        help="save the first fold's weights as DIR/<name>.safetensors, as initial weights for other teachers (first seed)",
    )
    common.add_sample_rate(parser, "of all teachers that are trained here from random weights")
    common.add_unseen(parser)
    common.add_data(parser)


def run(args: argparse.Namespace) -> None:
    """Train the teachers and print what each is, the fusion table, and what each adds."""
    from hwasc.records.outputs import check_output_file
    from hwasc.records.run import environment
    from hwasc.records.schema import write_json

    check_output_file(args.out, "--out")
    summaries = []
    for offset in range(args.seeds):
        first = offset == 0
        ws = common.workspace(args, offset)
        weights, html = (args.weights, args.html) if first else (None, None)
        summaries.append(hwasc.teach(ws, split=args.split, weights=weights, html=html, unseen=args.unseen))
    values = [s.to_json() for s in summaries]
    result = values[0] if len(values) == 1 else {"runs": values}
    if args.out:
        write_json(args.out, {**result, "environment": environment()})
    if args.json:
        common.print_json(result)
        return
    from hwasc.progress import Column

    columns = (
        "teacher",
        Column("what it is", drop=3),
        Column("front end", drop=2),
        Column("receptive field", "field", drop=1),
        "parameters",
        "MACs",
    )
    common.print_table(columns, [_teacher(t) for t in summaries[0].teachers])
    if len(summaries) == 1:
        from hwasc.report.verdicts import teach_verdict

        _print_one(summaries[0])
        print_verdict(teach_verdict(summaries[0]))
    else:
        _print_several(summaries)
    if args.html:
        common.print_text(f"page {args.html}")
    next_step(["search", "--budget", "dcase2024", *data_options(args)])


def _print_one(summary: EnsembleSummary) -> None:
    from hwasc.records.teacher_settings import PAPER

    rows = {r.name: r for r in summary.fusion}
    common.print_table(
        (f"on {summary.split} clips", "accuracy", "log loss", "ECE"),
        [(r.name, f"{r.accuracy:.1%}", f"{r.log_loss:.3f}", f"{r.ece:.3f}") for r in rows.values()],
    )
    single = max(rows[t.name].accuracy for t in summary.teachers)
    mean = rows["mean"]
    for fusion in (rows[name] for name in ("z1+z2", PAPER[-1]) if name in rows):
        common.print_text(
            f"{fusion.name} against the best teacher: {fusion.accuracy - single:+.1%}; "
            f"against the mean logit: {fusion.accuracy - mean.accuracy:+.1%}"
        )
    common.print_text(f"students learn from {summary.view}\n")
    print_contributions(summary.fusion, summary.leave_one_out, summary.mixing, summary.split)


def _print_several(summaries: Sequence[EnsembleSummary]) -> None:
    """Means over seeds with their standard deviation; gains on the mean logit of the same seed, with their standard error."""
    runs = [{r.name: r for r in s.fusion} for s in summaries]

    def over(name: str, key: str) -> str:
        values = [getattr(run[name], key) for run in runs]
        return f"{statistics.mean(values):.4f} ± {statistics.stdev(values):.4f}"

    def gain(name: str, key: str) -> str:
        values = [getattr(run[name], key) - getattr(run["mean"], key) for run in runs]
        return f"{statistics.mean(values):+.4f} ± {statistics.stdev(values) / math.sqrt(len(values)):.4f}"

    from hwasc.progress import Column

    columns = (
        f"on {summaries[0].split} clips",
        "accuracy",
        Column("log loss", drop=3),
        Column("ECE", drop=2),
        Column("more accurate than mean", "over mean"),
        Column("log loss over mean's", "loss over mean", drop=1),
    )
    keys = ("accuracy", "log_loss", "ece")
    rows = [(name, *(over(name, k) for k in keys), *(gain(name, k) for k in keys[:2])) for name in runs[0]]
    common.print_table(columns, rows)
    views = ", ".join(f"{s.view} (seed {s.seed})" for s in summaries)
    common.print_text(
        f"mean ± standard deviation over {len(runs)} seeds, gains ± standard error; students learn from {views}"
    )


def _teacher(t: TeacherSummary) -> tuple[str, ...]:
    fe = t.front_end
    front_end = f"{fe.mels}x{fe.frames}, window {fe.window}, hop {fe.hop}, {fe.sample_rate} Hz" if fe else "-"
    context = f" and {t.global_context}" if t.global_context else ""
    field = f"{t.receptive_field[0]}x{t.receptive_field[1]}{context}" if t.receptive_field else "-"
    costs = ["-" if number is None else f"{number:,}" for number in (t.parameters, t.macs)]
    return (t.name, t.text(), front_end, field, *costs)
