"""Pages of finished results: what a typed result becomes on paper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hwasc.deploy.profiling import Profile
from hwasc.nas.result import SearchResult
from hwasc.records.run import environment
from hwasc.records.schema import plain
from hwasc.report.profiling import profile_report
from hwasc.report.searching import search_report


def search_page(result: SearchResult) -> str:
    """The report of a search as one self-contained page."""
    a = result.best.architecture
    return search_report(
        result.survey.space,
        result.survey.log10_size,
        result.survey.ranges,
        result.survey.feasible_share,
        result.trials,
        result.front,
        result.trial,
        a.text(),
        plain(result.teachers.fusion),
        result.limits,
        result.environment,
        rescored=result.rescored,
        clips=result.clips,
        proxy=result.proxy,
        front_end=a.front_end,
        refined=result.refined,
        epochs=result.second_epochs,
        left_out=plain(result.teachers.leave_one_out),
        mixing=result.teachers.mixing,
    )


def profile_page(result: Profile, provenance: Mapping[str, Any]) -> str:
    """The report of a profile as one self-contained page.

    Args:
        result: The profile.
        provenance: Where the architecture comes from.

    Returns:
        The page as text.
    """
    return profile_report(
        result.architecture,
        result.costs,
        result.layers,
        result.checks,
        result.budget,
        [(c.tool, c.macs, c.explanation) for c in result.cross_checks],
        provenance,
        environment(),
        plain(result.arena) if result.arena else None,
        plain(result.npu) if result.npu else None,
    )
