"""Measurements of the tool itself: proxies, strategies, the flow of data, and the firmware on emulated cores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hwasc.api.inputs import ArchitectureLike, BudgetLike, SpaceLike, as_architecture, as_budget, as_space
from hwasc.errors import UsageError
from hwasc.records.outputs import check_output_folder
from hwasc.records.schema import write_whole

if TYPE_CHECKING:
    from hwasc.bench.data import DataBench
    from hwasc.bench.firmware import FirmwareBench
    from hwasc.bench.proxies import ProxyBench
    from hwasc.bench.strategies import StrategyBench
    from hwasc.nas.engines import Engine
    from hwasc.workspace import Workspace


def bench_proxies(
    ws: Workspace,
    *,
    budget: BudgetLike,
    space: SpaceLike = "full",
    count: int = 24,
    learn_from: str | Path | None = None,
    engine: str | Engine = "local",
    address: str | None = None,
    run: str | Path = "runs/bench",
) -> ProxyBench:
    """Compare how proxies rank candidates with full distillation.

    Args:
        ws: What `hwasc.open` gave.
        budget: A bundled budget's name, a file, or an object.
        space: A bundled search space's name, a file, or an object.
        count: Candidates that are distilled in full, 3 at least.
        learn_from: A search's `trials.jsonl`, for a row of its proxy with a predictor fitted on these trials.
        engine: Where candidates are scored.
        address: Of a running Ray cluster, with `engine="ray"`.
        run: The run folder. The same call resumes there.

    Returns:
        A line for each proxy.
    """
    from hwasc.bench import proxies

    check_output_folder(run, "--run")
    if learn_from is not None and not Path(learn_from).is_file():
        raise UsageError(f"--learn-from {learn_from}: there is no such file; name the trials.jsonl of a search")
    return proxies.bench_proxies(
        ws,
        as_space(space).at_rate(ws.settings.data.sample_rate),
        as_budget(budget),
        run=Path(run),
        engine=_engine(engine, ws, address),
        count=count,
        learn_from=None if learn_from is None else Path(learn_from),
    )


def bench_strategies(
    ws: Workspace,
    *,
    budget: BudgetLike,
    space: SpaceLike = "bench",
    trials: int = 200,
    seeds: int = 5,
    engine: str | Engine = "local",
    address: str | None = None,
    run: str | Path = "runs/bench_strategies",
) -> StrategyBench:
    """Score every candidate of a small space once, and measure how fast each strategy finds the good ones.

    Args:
        ws: What `hwasc.open` gave.
        budget: A bundled budget's name, a file, or an object.
        space: A small search space.
        trials: Candidates that each run scores.
        seeds: Runs of each strategy, 2 at least.
        engine: Where candidates are scored.
        address: Of a running Ray cluster, with `engine="ray"`.
        run: The run folder, which also gets `strategies.svg`. The same call resumes there.

    Returns:
        A curve for each strategy.
    """
    from hwasc.bench import strategies
    from hwasc.report.plots import strategy_curves

    run = Path(run)
    check_output_folder(run, "--run")
    bench = strategies.bench_strategies(
        ws,
        as_space(space).at_rate(ws.settings.data.sample_rate),
        as_budget(budget),
        run=run,
        engine=_engine(engine, ws, address),
        trials=trials,
        seeds=seeds,
    )
    curves = bench.comparison.curves
    best, volume = {c.strategy: c.best for c in curves}, {c.strategy: c.volume for c in curves}
    write_whole(run / "strategies.svg", strategy_curves(best, volume, bench.comparison.best) + "\n")
    return bench


def bench_data(ws: Workspace, *, front_end: str = "256x65", clips: int = 256) -> DataBench:
    """Measure how fast recordings become features and batches, on one core.

    Args:
        ws: What `hwasc.open` gave.
        front_end: Mels x frames of a second of sound.
        clips: Training clips that are measured on.

    Returns:
        Times of each step.
    """
    from hwasc.bench import data

    return data.bench_data(ws, data.parse_front_end(front_end, ws.settings.data.seconds), clips)


def bench_firmware(architecture: ArchitectureLike, *, cores: Sequence[str] = ()) -> FirmwareBench:
    """Measure the C export of an architecture, with random weights, on emulated Cortex-M cores.

    Args:
        architecture: An object, a preset's name, `best.json` or a search's run folder.
        cores: Such as `cortex-m4`; none: M0+, M3, M4, M7, M33 and M55.

    Returns:
        Instructions of a clip, stack, flash and RAM by core.
    """
    from hwasc.bench import firmware

    return firmware.bench_firmware(as_architecture(architecture).architecture, cores)


def _engine(engine: str | Engine, ws: Workspace, address: str | None) -> Engine:
    from hwasc.nas import engines

    return engines.create(engine, workers=ws.workers, address=address)
