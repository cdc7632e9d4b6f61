"""Measure the tool itself on your data. `proxy`: whether the search's proxies rank candidates as full training does."""

from __future__ import annotations

import argparse
from pathlib import Path

from hwasc.cli import common

EXAMPLES = """examples:
  hwasc bench proxy --budget dcase2024
  hwasc bench proxy --budget dcase2024 --data my_recordings --count 32 --workers 2 --run runs/bench"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("what", choices=("proxy",), help="what to measure")
    parser.add_argument("--budget", required=True, metavar="NAME|FILE", help="a bundled budget or a file")
    parser.add_argument("--space", default="full", metavar="NAME|FILE", help="a search space (default full)")
    parser.add_argument("--count", type=common.whole(3), default=24, help="candidates distilled in full (default 24)")
    parser.add_argument(
        "--run", metavar="DIR", type=Path, default=Path("runs/bench"), help="run folder (default runs/bench)"
    )
    common.add_data(parser)
    common.add_engine(parser)


def run(args: argparse.Namespace) -> None:
    """Print the table."""
    from hwasc.records.budget import Budget
    from hwasc.records.space import SearchSpace

    budget, space = Budget.load(args.budget), SearchSpace.load(args.space)
    ws = common.workspace(args)
    from hwasc.pipelines.benching_proxies import bench_proxy

    bench = bench_proxy(ws, space, budget, args.run, args.count)
    if args.json:
        common.print_json(bench)
        return
    print(f"{'proxy':<14}{'tau':>6}  {'95 %':<16}{'rho':>6}  {'95 %':<16}{'regret top 1':>13}{'top 5':>8}{'s each':>9}")
    for row in sorted(bench.rows, key=lambda r: -r.ranking.tau):
        r = row.ranking
        print(
            f"{row.proxy:<14}{r.tau:>6.2f}  {_interval(r.tau_interval):<16}{r.rho:>6.2f}  {_interval(r.rho_interval):<16}"
            f"{r.regret1:>13.1%}{r.regret5:>8.1%}{row.seconds:>9.2f}"
        )
    print(f"scores {args.run / 'scores.jsonl'}, table {args.run / 'proxies.json'}")


def _interval(pair: tuple[float, float]) -> str:
    return f"{pair[0]:.2f} .. {pair[1]:.2f}"
