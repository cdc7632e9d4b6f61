"""Architectures: search for one, and profile what one costs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwasc.api.inputs import ArchitectureLike, BudgetLike, SpaceLike, as_architecture, as_budget, as_space, at_rate
from hwasc.records.outputs import check_output_file, check_output_folder
from hwasc.records.schema import write_whole
from hwasc.registry import name_of

if TYPE_CHECKING:
    from hwasc.deploy.profiling import Profile
    from hwasc.nas.choice import Preference
    from hwasc.nas.engines import Engine
    from hwasc.nas.proxies import Proxy
    from hwasc.nas.result import SearchResult
    from hwasc.nas.strategies import Strategy
    from hwasc.workspace import Workspace


def search(
    ws: Workspace,
    *,
    budget: BudgetLike,
    space: SpaceLike = "full",
    strategy: str | Strategy | None = None,
    proxy: str | Proxy | None = None,
    trials: int | None = None,
    engine: str | Engine = "local",
    address: str | None = None,
    run: str | Path | None = None,
    prefer: Preference | None = None,
    pick: int | None = None,
    start_from: str | Path | None = None,
    storage: str | None = None,
    study: str | None = None,
    track: str | None = None,
) -> SearchResult:
    """Find the most accurate architecture of a search space within a budget.

    Args:
        ws: What `hwasc.open` gave.
        budget: A bundled budget's name, a file, or an object.
        space: A bundled search space's name, a file, or an object.
        strategy: A name, or an object (`hwasc.nas.strategies.Strategy`); None: the settings'.
        proxy: How candidates are scored first: a name, or an object (`hwasc.nas.proxies.Proxy`); None: the settings'.
        trials: Candidates that are scored; None: the settings'.
        engine: Where candidates are scored: a name, or an object. No score depends on it.
        address: Of a running Ray cluster, with `engine="ray"`.
        run: The run folder. The same call resumes there, and one with more trials goes on there. None: `runs/search`, or a
            numbered one where that holds another search.
        prefer: `accuracy`, or the cost that is to be low (`memory`, `macs`, `parameters`): then the cheapest candidate that is as
            good as the best, within one standard error, becomes the winner. None: `accuracy`, or `macs` where second scores
            are over folds.
        pick: Number of the trial that becomes the winner whatever its score.
        start_from: Run folder of an earlier search. Its best points within the budget come first; its scores and its supernet are
            used where they hold.
        storage: A database (SQLAlchemy's address, e.g. `sqlite:///trials.db`) that gets every trial as one of an Optuna study.
            Candidates that it holds from an equal search are not scored again.
        study: Name of the study; None: one that follows from space, data and settings.
        track: `tensorboard`, `mlflow` or `wandb` show the figures of each trial while the search runs.

    Returns:
        The finished search; its `best` goes into `hwasc.distill`. The run folder also holds `report.html`.

    Raises:
        InfeasibleBudget: No candidate meets the budget; raised in seconds, before any data are read or simulated.
        UsageError: A name is unknown, a file is broken, or the run folder holds another search.

    Example:
        >>> found = hwasc.search(ws, budget="nrf52840", trials=100)  # doctest: +SKIP
        >>> found.best.architecture.text()  # doctest: +SKIP
    """
    from hwasc.nas import engines, strategies
    from hwasc.nas.choice import Choice
    from hwasc.nas.search import search as find

    budget = as_budget(budget)
    space = as_space(space).at_rate(ws.settings.data.sample_rate)
    if run is not None:
        check_output_folder(run, "--run")
    named = {"strategy": strategy, "proxy": proxy, "trials": trials}
    changes = [f"search.{key}={value}" for key, value in named.items() if isinstance(value, (str, int))]
    settings = ws.settings.changed(changes)
    objects: dict[str, Any] = {k: name_of(v) for k, v in named.items() if not isinstance(v, (str, int, type(None)))}
    ws = replace(ws, settings=replace(settings, search=replace(settings.search, **objects)))
    s = ws.settings.search
    result = find(
        ws,
        space,
        budget,
        strategy=strategies.start(s.strategy if strategy is None else strategy, space, s.population, ws.settings.seed),
        proxy=proxy,
        engine=engines.create(engine, workers=ws.workers, address=address),
        run=None if run is None else Path(run),
        choice=Choice(prefer=prefer, pick=pick),
        start=None if start_from is None else Path(start_from),
        storage=storage,
        study_name=study,
        track=track,
    )
    from hwasc.report.searching import search_report  # loads matplotlib: not before a refused budget

    write_whole(result.run / "report.html", search_report(result))
    return result


def profile(
    architecture: ArchitectureLike | None = None,
    *,
    budget: BudgetLike | None = None,
    model: str | Path | None = None,
    npu: str | None = None,
    cross_checks: bool = False,
    emulate: str | None = None,
    patches: str | int | None = None,
    html: str | Path | None = None,
    sample_rate: int | None = None,
) -> Profile:
    """Count what an architecture costs on the chip, layer by layer.

    Args:
        architecture: An object, a preset's name, `best.json`, a search's run folder or a trial of it (`runs/search:7`); None:
            the model's.
        budget: Compared with the costs; None: the one that the architecture was searched for, if any.
        model: A .tflite file, whose memory is measured in the chip's interpreter.
        npu: With a model: Arm Vela's estimate for an Ethos-U, e.g. `ethos-u55-128`.
        cross_checks: Whether MACs are also counted with fvcore and thop, which loads torch.
        emulate: A core, e.g. `cortex-m4`, on which the C export is also counted in an emulator.
        patches: Compare with frequency patches too: `auto`, or their number.
        html: A page that is written.
        sample_rate: Hz; the same architecture with a log-mel for a microphone of this rate. None: its own.

    Returns:
        Costs, layers, limits with their slack.

    Raises:
        UsageError: A name is unknown, or neither an architecture nor a model is given.

    Example:
        >>> import hwasc
        >>> hwasc.profile("dcase2024_baseline", budget="dcase2024").costs.macs.torchinfo
        29419156
    """
    from hwasc.deploy import profiling
    from hwasc.errors import UsageError

    check_output_file(html, "--html")
    if sample_rate is not None and architecture is None:
        raise UsageError(f"{model}: a model file has the log-mel of its training; --sample-rate goes with --arch")
    from hwasc.records.architecture import ArchitectureFile
    from hwasc.records.searched_for import budget_of

    model = None if model is None else Path(model)
    if architecture is not None:
        record = as_architecture(architecture)
    elif model is not None:
        record = ArchitectureFile.of(profiling.architecture_of(model))
    else:
        raise UsageError("profile needs an architecture, or a model")
    if sample_rate is not None:
        record = at_rate(record, sample_rate)
    if budget is None:
        budget = budget_of(record.provenance, str(record))
    result = profiling.profile(
        record.architecture,
        None if budget is None else as_budget(budget),
        cross_checks=cross_checks,
        model=model,
        npu=npu,
        emulate=emulate,
        patches=patches,
    )
    if html is not None:
        from hwasc.records.run import environment
        from hwasc.report.profiling import profile_report

        page = profile_report(result, provenance=record.provenance, environment=environment())
        write_whole(Path(html), page)
    return result
