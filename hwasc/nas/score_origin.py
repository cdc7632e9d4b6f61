"""What first scores follow from: where it is equal, the score of a candidate in one search holds in another one."""

from __future__ import annotations

from typing import Any

import hwasc
from hwasc.nas.problem import Problem
from hwasc.nas.proxies import Proxy
from hwasc.records import schema
from hwasc.records.earlier_run import EarlierRun
from hwasc.records.settings import Settings
from hwasc.records.space import SearchSpace
from hwasc.registry import name_of
from hwasc.workspace import Workspace

# Settings of a search that decide which candidates are scored, and what happens to them later, but no score
NOT_OF_SCORES = (
    "strategy", "trials", "population", "at_a_time", "dismiss", "guided", "rescore", "rungs", "rescore_seeds", "rescore_from",
    "rescore_on", "rescore_train", "refine", "refine_from", "refine_train",
)  # fmt: skip


def origin_of_scores(ws: Workspace, problem: Problem, proxy: str | Proxy | None) -> dict[str, Any]:
    """Collect what the first scores of a search follow from, but for the budget that a supernet is trained for.

    Args:
        ws: Data and settings.
        problem: The space.
        proxy: As in `search`.

    Returns:
        JSON-ready values.
    """
    named = ws.settings.search.proxy if proxy is None else name_of(proxy)
    return _origin(ws.settings, ws.fingerprint, problem.space, proxy=named, version=hwasc.__version__)


def origin_of_run(run: EarlierRun) -> dict[str, Any]:
    """The same of a finished search.

    Args:
        run: Its run folder.

    Returns:
        JSON-ready values.
    """
    return _origin(
        run.settings, run.dataset, run.space, proxy=run.settings.search.proxy, version=str(run.environment.get("hwasc"))
    )


def _origin(settings: Settings, dataset: str, space: SearchSpace, *, proxy: str, version: str) -> dict[str, Any]:
    values = schema.plain(settings)
    search = {k: v for k, v in values["search"].items() if k not in NOT_OF_SCORES}
    return {
        "hwasc": version,
        "dataset": dataset,
        "space": schema.plain(space),
        "proxy": proxy,
        "settings": {**{k: v for k, v in values.items() if k != "effort"}, "search": search},
    }
