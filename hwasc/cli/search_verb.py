"""Find the most accurate architecture of a search space within a budget.

Trains the teachers and their fusion once, then one set of weights for all candidates of the space within the budget (the
supernet). Both are saved in the cache. A candidate's slice of the supernet is distilled for a few steps, quantized to int8, and
ranked by its distillation loss on validation clips; the best few are distilled for longer, from their slices, before one is
chosen. Candidates that do not meet the budget are never scored. With --refine the best are widened past the budget and pruned
until they meet it again. Run the same command again to continue a stopped search.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import hwasc
from hwasc.cli import common
from hwasc.cli.teachers_table import print_contributions
from hwasc.parts import PROXIES, STRATEGIES

EXAMPLES = """examples:
  hwasc search --budget dcase2024
  hwasc search --budget budgets/nrf52840.yaml --data my_recordings --workers 2
  hwasc search --budget dcase2024 --data /shared/scenes --cache /shared/cache --engine ray --address auto
  hwasc search --budget dcase2024 --proxy distillation --trials 24 --set search.population=8 --set search.at_a_time=4
  hwasc search --budget dcase2024 --sample-rate 16000
  hwasc search --budget half.yaml --set search.supernet.budget=dcase2024 --strategy tpe --run runs/half"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument(
        "--budget", required=True, metavar="NAME|FILE", help="a bundled budget (dcase2024, ...) or a file"
    )
    parser.add_argument(
        "--space", default="full", metavar="NAME|FILE", help="a bundled search space or a file (default full)"
    )
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
        "--run", metavar="DIR", type=Path, default=Path("runs/search"), help="run folder (default runs/search)"
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        help="also write the winner here, its weights beside it (default best.json)",
        default=Path("best.json"),
    )
    common.add_sample_rate(parser, "of all candidates and teachers, without editing a space")
    common.add_data(parser)
    common.add_engine(parser)


def run(args: argparse.Namespace) -> None:
    """Search and print the result."""
    from hwasc.api.inputs import as_budget, as_space
    from hwasc.records.outputs import check_output_file

    as_budget(args.budget), as_space(args.space)  # wrong names are refused before torch is loaded
    check_output_file(args.out, "--out")
    named = {
        "search.proxy_steps": args.proxy_steps,
        "search.proxy_qat_steps": args.proxy_qat_steps,
        "search.rescore": args.rescore,
        "search.refine": args.refine,
    }
    args.overrides = [*args.overrides, *(f"{key}={value}" for key, value in named.items() if value is not None)]
    found = hwasc.search(
        common.workspace(args),
        budget=args.budget,
        space=args.space,
        strategy=args.strategy,
        proxy=args.proxy,
        trials=args.trials,
        engine=args.engine,
        address=args.address,
        run=args.run,
    )
    from hwasc.nas.winner_weights import copy_winner

    copy_winner(found.best, args.out)
    costs = found.best.provenance["costs"]
    if args.json:
        common.print_json(
            {
                "best": str(args.out),
                "run": str(args.run),
                "report": str(args.run / "report.html"),
                "data": found.best.provenance["data"],
                "dataset": found.best.provenance["dataset"],
                "split": "validation",
                "clips": found.clips,
                "recordings": found.best.clips,  # trained on, and chosen by
                "trial": found.trial,
                "costs": costs,
                "trials": len(found.trials),
                "front": found.front,
                "rescored": found.rescored,
                "refined": found.refined,
            }
        )
        return
    t = found.trial
    again = f", {len(found.rescored)} of them scored twice" if found.rescored else ""
    common.print_text(
        f"best of {len(found.trials)} candidates{again}: {t.accuracy:.1%} +- {t.standard_error:.1%} int8 on validation clips"
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
    common.print_text(f"architecture {args.out}\nreport       {args.run / 'report.html'}")
    given = {"data": args.data, "sample-rate": args.sample_rate}
    options = "".join(f" --{name} {value}" for name, value in given.items() if value)
    common.print_text(f"next         hwasc distill --arch {args.out}{options}")
