"""Find the most accurate architecture of a search space within a budget.

Trains the teachers and their fusion once, then one set of weights for all candidates of the space within the budget (the
supernet). Both are saved in the cache. A candidate's slice of the supernet is distilled for a few steps and ranked by its
distillation loss on validation clips; the best few are distilled for longer, from their slices, and quantized to int8 before one
is chosen. Candidates that do not meet the budget are never scored. With --refine the best are widened past the budget and pruned
until they meet it again. Run the same command again to continue a stopped search; with more --trials it goes on to that number.
`hwasc search --run DIR` alone continues the search of a run folder with all that it was given.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import hwasc
from hwasc.cli import common
from hwasc.cli.next_step import next_step
from hwasc.cli.teachers_table import print_contributions
from hwasc.cli.verdict_lines import print_verdict
from hwasc.errors import UsageError
from hwasc.parts import PROXIES, STRATEGIES

if TYPE_CHECKING:
    from hwasc.records.earlier_run import EarlierRun

EXAMPLES = """examples:
  hwasc search --budget dcase2024
  hwasc search --budget budgets/nrf52840.yaml --data my_recordings --workers 2
  hwasc search --budget dcase2024 --data /shared/scenes --cache /shared/cache --engine ray --address auto
  hwasc search --budget dcase2024 --proxy distillation --trials 24 --set search.population=8 --set search.at_a_time=4
  hwasc search --budget dcase2024 --sample-rate 16000
  hwasc search --budget half.yaml --set search.supernet.budget=dcase2024 --strategy tpe --run runs/half
  hwasc search --budget half.yaml --start-from runs/search --run runs/half   # with the supernet and scores of runs/search
  hwasc search --run runs/search --trials 1000              # goes on with a finished search
  hwasc search --run runs/search --prefer memory            # the smallest that is as good, within the error
  hwasc search --run runs/search --pick 7 --out best.json   # another point of the front"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument(
        "--budget",
        metavar="NAME|FILE",
        help="a bundled budget (see 'hwasc budgets') or a file; needed for a new search",
    )
    parser.add_argument("--space", metavar="NAME|FILE", help="a bundled search space or a file (default full)")
    common.add_part(parser, "--strategy", STRATEGIES, help="how points are proposed: %(choices)s (default nsga2)")
    parser.add_argument("--trials", type=common.whole(1), help="candidates to score (default 500)")
    common.add_part(
        parser,
        "--proxy",
        PROXIES,
        help="how candidates are scored first: supernet, as slices of one set of weights (default); distillation, each "
        "trained from scratch; or another that measures an accuracy (known: %(choices)s)",
    )
    parser.add_argument(
        "--proxy-steps",
        type=common.whole(0),
        metavar="N",
        help="with --proxy supernet: training steps of a candidate's slice before its score (default 37)",
    )
    parser.add_argument(
        "--proxy-qat-steps",
        type=common.whole(0),
        metavar="N",
        help="quantization-aware training steps before a score (default 0: calibration only)",
    )
    parser.add_argument(
        "--rescore", type=common.whole(0), help="score this many of the best again, after a longer training (default 8)"
    )
    parser.add_argument(
        "--refine",
        type=common.whole(0),
        nargs="?",
        const=1,
        metavar="K",
        help="widen the K best past the budget, then prune them until they meet it (default 0; K 1)",
    )
    parser.add_argument(
        "--prefer",
        choices=("accuracy", "memory", "macs", "parameters"),
        help="the winner: the most accurate, or the one of least memory, MACs or parameters among those that are as good, "
        "within one standard error (default accuracy; macs where second scores are over folds, see search.rescore_on)",
    )
    parser.add_argument("--pick", type=common.whole(0), metavar="TRIAL", help="the winner is the trial of this number")
    parser.add_argument(
        "--start-from",
        metavar="RUN",
        type=Path,
        help="run folder of an earlier search: its best points come first, its scores and supernet are used where they hold",
    )
    parser.add_argument(
        "--run", metavar="DIR", type=Path, help="run folder (default runs/search, or the next free runs/search-2, ...)"
    )
    parser.add_argument("--out", metavar="FILE", type=Path, help="also write the winner here, its weights beside it")
    common.add_sample_rate(parser, "of all candidates and teachers, without editing a space")
    common.add_data(parser)
    common.add_engine(parser)
    live = parser.add_argument_group("live")
    common.add_track(live)
    live.add_argument(
        "--storage",
        metavar="URL",
        help="a database, e.g. sqlite:///trials.db, that gets every trial as one of an Optuna study, for optuna-dashboard; "
        "candidates that it holds from an equal search are not scored again",
    )
    live.add_argument(
        "--study", metavar="NAME", help="of the study in --storage (default: follows from space, data, settings)"
    )


def run(args: argparse.Namespace) -> None:
    """Search and print the result."""
    from hwasc.api.inputs import as_budget, as_space
    from hwasc.records.outputs import check_output_file

    if args.study and not args.storage:
        raise UsageError("--study names a study in a database: name that with --storage")
    earlier = _continued(args)
    budget = earlier.budget if earlier else as_budget(args.budget)  # wrong names are refused before torch is loaded
    space = earlier.space if earlier and not args.space else as_space(args.space or "full")
    if args.out is not None:
        check_output_file(args.out, "--out")
    named = {
        "search.proxy_steps": args.proxy_steps,
        "search.proxy_qat_steps": args.proxy_qat_steps,
        "search.rescore": args.rescore,
        "search.refine": args.refine,
    }
    args.overrides = [*args.overrides, *(f"{key}={value}" for key, value in named.items() if value is not None)]
    found = hwasc.search(
        common.workspace(args, like=earlier.folder if earlier else None),
        budget=budget,
        space=space,
        strategy=args.strategy,
        proxy=args.proxy,
        trials=args.trials,
        engine=args.engine,
        address=args.address,
        run=args.run,
        prefer=args.prefer,
        pick=args.pick,
        start_from=args.start_from,
        storage=args.storage,
        study=args.study,
        track=args.track,
    )
    from hwasc.report.verdicts import search_verdict

    if args.out is not None:
        from hwasc.nas.winner_weights import copy_winner

        copy_winner(found.best, args.out, run=found.run)
    best = args.out or found.run / "best.json"
    costs = found.best.provenance["costs"]
    if args.json:
        common.print_json(
            {
                "best": str(best),
                "run": str(found.run),
                "report": str(found.run / "report.html"),
                "data": found.best.provenance["data"],
                "dataset": found.best.provenance["dataset"],
                "split": found.best.provenance["proxy"]["split"],
                "clips": found.best.provenance["proxy"]["clips"],
                "recordings": found.best.clips,  # trained on, and chosen by
                "trial": found.trial,
                "costs": costs,
                "trials": len(found.trials),
                "dismissed": found.dismissed,
                "front": found.front,
                "rescored": found.rescored,
                "refined": found.refined,
                "optimism": found.optimism,
            }
        )
        return
    t = found.trial
    again = f", {len(found.rescored)} of them scored twice" if found.rescored else ""
    where = "over folds" if t.locations else "on validation clips"
    net = "int8" if t.quantized else "float"
    if found.dismissed:
        again += f" ({found.dismissed:,} more dismissed without a score, as hopeless by prediction)"
    common.print_text(
        f"best of {len(found.trials)} candidates{again}: {t.accuracy:.1%} +- {t.standard_error:.1%} {net} {where}"
    )
    for r in found.refined:
        chosen = ", chosen" if r == found.chosen_refined else ""
        common.print_text(
            f"  trial {r.number} ({r.before:.1%}), widened and pruned to the budget: {r.accuracy:.1%}{chosen}"
        )
    common.print_text(
        f"  {costs['parameters']:,} parameters, {costs['macs']['torchinfo']:,} MACs, "
        f"{costs['int8_memory']['weights']:,} B weights, "
        + (
            f"{costs['ram']:,} B RAM from microphone to class in C"
            if costs["firmware"]
            else f"{costs['int8_memory']['activations']:,} B activations"
        )
    )
    teachers = found.teachers
    print_contributions(teachers.fusion, teachers.leave_one_out, teachers.mixing, "validation")
    print_verdict(search_verdict(found))
    common.print_text(f"architecture {best}\nreport       {found.run / 'report.html'}")
    next_step(["distill", "--arch", args.out or found.run])


def _continued(args: argparse.Namespace) -> EarlierRun | None:
    """The search of the run folder, where only that is named."""
    from hwasc.records.earlier_run import is_run, read_run

    if args.budget is not None:
        return None
    if args.run is None or not is_run(args.run, "search"):
        raise UsageError("--budget names what to search for (see 'hwasc budgets'); --run alone continues a search")
    return read_run(args.run)
