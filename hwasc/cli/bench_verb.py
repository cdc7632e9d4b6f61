"""Measure the tool itself on your data.

`proxy`: whether the search's proxies rank candidates as full training does. `strategies`: how fast each strategy finds the good
candidates of a small space, all of which are scored once by the search's proxy. `data`: the speed of feature extraction and
batches, on one core. `firmware`: the C export of an architecture on emulated Cortex-M cores.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hwasc
from hwasc.cli import common
from hwasc.errors import UsageError

if TYPE_CHECKING:
    from hwasc.bench.comparison import Curve
    from hwasc.workspace import Workspace

EXAMPLES = """examples:
  hwasc bench proxy --budget dcase2024
  hwasc bench proxy --budget dcase2024 --learn-from runs/search/trials.jsonl
  hwasc bench proxy --budget dcase2024 --data my_recordings --count 32 --workers 2 --run runs/bench
  hwasc bench strategies --budget dcase2024 --workers 2
  hwasc bench data --data my_recordings --front-end 256x65
  hwasc bench firmware --arch dcase2024_baseline --cores cortex-m4 cortex-m55"""
DEFAULTS: dict[str, dict[str, Any]] = {
    "proxy": {"budget": None, "space": "full", "count": 24, "learn_from": None, "run": Path("runs/bench")},
    "strategies": {"budget": None, "space": "bench", "trials": 200, "seeds": 5, "run": Path("runs/bench_strategies")},
    "data": {"front_end": "256x65", "clips": 256},
    "firmware": {"arch": "dcase2024_baseline", "cores": []},
}
MARKS = (25, 50, 100, 200)  # trials after which strategies are compared


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("what", choices=tuple(DEFAULTS), help="what to measure")
    parser.add_argument("--budget", metavar="NAME|FILE", help="proxy, strategies: a bundled budget or a file")
    parser.add_argument(
        "--space", metavar="NAME|FILE", help="a search space (default full; for strategies bench, a small one)"
    )
    parser.add_argument("--count", type=common.whole(3), help="proxy: candidates distilled in full (default 24)")
    parser.add_argument(
        "--learn-from",
        metavar="FILE",
        type=Path,
        help="proxy: a search's trials.jsonl; adds a row for its proxy with a predictor that is fitted on these scores",
    )
    parser.add_argument(
        "--trials", type=common.whole(1), help="strategies: candidates that each run scores (default 200)"
    )
    parser.add_argument("--seeds", type=common.whole(2), help="strategies: runs of each (default 5)")
    parser.add_argument(
        "--run", metavar="DIR", type=Path, help="run folder (default runs/bench; for strategies runs/bench_strategies)"
    )
    parser.add_argument("--front-end", metavar="MELSxFRAMES", help="data: size of the log-mels (default 256x65)")
    parser.add_argument("--clips", type=common.whole(2), help="data: training clips measured on (default 256)")
    parser.add_argument(
        "--arch",
        metavar="FILE|PRESET",
        help="firmware: best.json of a search, or a preset (default dcase2024_baseline)",
    )
    parser.add_argument("--cores", metavar="CORE", nargs="+", help="firmware: such as cortex-m4 (default: all six)")
    common.add_data(parser)
    common.add_engine(parser)


def run(args: argparse.Namespace) -> None:
    """Print the table."""
    for other in {name for names in DEFAULTS.values() for name in names}:
        if other not in DEFAULTS[args.what] and getattr(args, other) is not None:
            raise UsageError(f"--{other.replace('_', '-')} has no effect on bench {args.what}; leave it out")
    for name, value in DEFAULTS[args.what].items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    if args.what in ("data", "firmware"):
        (_data if args.what == "data" else _firmware)(args)
        return
    if args.budget is None:
        raise UsageError(f"bench {args.what} needs a --budget")
    (_proxy if args.what == "proxy" else _strategies)(args, common.workspace(args))


def _data(args: argparse.Namespace) -> None:
    from hwasc.bench.data import CHECKED, ROUNDS
    from hwasc.progress import Column

    bench = hwasc.bench_data(common.workspace(args), front_end=args.front_end, clips=args.clips)
    if args.json:
        common.print_json(bench)
        return
    common.print_text(f"front end {bench.front_end}; {bench.clips:,} clips, one core, medians of {ROUNDS} rounds")
    columns = ("step", "ms a clip", Column("minimum", drop=1), "x real time")
    rows = [(s.what, 1e3 * s.seconds, 1e3 * s.least, round(s.times_real_time)) for s in bench.speeds]
    common.print_table(columns, rows)
    if bench.against_torchaudio is None:
        common.print_text(f"torchaudio is {bench.torchaudio}: not compared")
    else:
        common.print_text(
            f"torchaudio {bench.torchaudio} takes {bench.against_torchaudio:.2f} times as long, in turn in one run"
        )
    if bench.librosa is not None:
        common.print_text(
            f"greatest difference from librosa {bench.librosa:.1e} (natural logarithm of power, {CHECKED} clips)"
        )
    common.print_text(
        f"an epoch starts in {1e3 * bench.epoch_start:.1f} ms; {bench.batches:.1f} augmented batches of {bench.batch} a "
        f"second, {bench.batches * bench.batch:,.0f} clips; peak memory {bench.peak_memory / 1e6:,.0f} MB"
    )


def _firmware(args: argparse.Namespace) -> None:
    from hwasc.progress import Column

    bench = hwasc.bench_firmware(args.arch, cores=args.cores)
    if args.json:
        common.print_json(bench)
        return
    common.print_text(
        f"{bench.architecture}: {bench.macs:,} MACs; a clip with random weights, emulated; instructions in millions"
    )
    columns = (
        "core",
        Column("log-mel", drop=2),
        "clip",
        "front end",
        "net",
        "a MAC",
        Column("stack B", drop=3),
        Column("bound", drop=1),
        "code B",
        "RAM B",
    )
    rows = [
        (
            *(row.core, row.arithmetic, row.instructions / 1e6, row.front_end / 1e6, row.net / 1e6, row.per_mac),
            *(row.stack, row.stack_bound, row.program, row.ram),
        )
        for row in bench.cores
    ]
    common.print_table(columns, rows)


def _proxy(args: argparse.Namespace, ws: Workspace) -> None:
    from hwasc.progress import Column

    bench = hwasc.bench_proxies(
        ws,
        budget=args.budget,
        space=args.space,
        count=args.count,
        learn_from=args.learn_from,
        engine=args.engine,
        address=args.address,
        run=args.run,
    )
    if args.json:
        common.print_json(bench)
        return
    columns = (
        "proxy",
        "tau",
        Column("tau, 95 %"),
        Column("rho", drop=2),
        Column("rho, 95 %", drop=1),
        Column("regret top 1", "regret 1"),
        Column("regret top 5", "regret 5"),
        "s each",
    )
    rows = []
    for row in sorted(bench.rows, key=lambda r: -r.ranking.tau):
        r = row.ranking
        rank = (f"{r.tau:.2f}", _interval(r.tau_interval), f"{r.rho:.2f}", _interval(r.rho_interval))
        rows.append((row.proxy, *rank, f"{r.regret1:.1%}", f"{r.regret5:.1%}", row.seconds))
    common.print_table(columns, rows)
    common.print_text(f"scores {args.run / 'scores.jsonl'}, table {args.run / 'proxies.json'}")


def _strategies(args: argparse.Namespace, ws: Workspace) -> None:
    from hwasc.progress import Column

    bench = hwasc.bench_strategies(
        ws,
        budget=args.budget,
        space=args.space,
        trials=args.trials,
        seeds=args.seeds,
        engine=args.engine,
        address=args.address,
        run=args.run,
    )
    if args.json:
        common.print_json(bench)
        return
    found = bench.comparison
    marks = [m for m in MARKS if m < bench.trials] + [bench.trials]
    common.print_text(
        f"{bench.candidates:,} candidates of {bench.space}, the best score {found.best:.3f} by {bench.proxy}"
    )
    common.print_text(f"below, times 100: means ± standard error over {len(bench.seeds)} seeds, after so many trials")
    common.print_text("best: the best score so far; share: of the hypervolume")
    columns: list[str | Column] = [
        "strategy",
        *(Column(f"best {m:,}", drop=0 if m == marks[-1] else 7 - i) for i, m in enumerate(marks)),
        *(Column(f"share {m:,}", drop=0 if m == marks[-1] else 13 - i) for i, m in enumerate(marks)),
        Column("proposed", drop=1),
        Column("ms a point", drop=2),
    ]
    rows = [
        (t.strategy, *_cells(t.best, marks), *_cells(t.volume, marks), round(t.proposed), t.milliseconds)
        for t in sorted(found.curves, key=lambda t: -t.volume.mean[-1])
    ]
    common.print_table(columns, rows)
    common.print_text(
        f"scores {args.run / 'table.jsonl'}, curves {args.run / 'strategies.json'}, plot {args.run / 'strategies.svg'}"
    )


def _cells(curve: Curve, marks: list[int]) -> list[str]:
    both = [(100 * curve.mean[m - 1], 100 * curve.standard_error[m - 1]) for m in marks]
    return [f"{mean:.1f}±{error:.1f}" for mean, error in both]


def _interval(pair: tuple[float, float]) -> str:
    return f"{pair[0]:.2f} .. {pair[1]:.2f}"
