"""Jobs for proxies: what a candidate needs to be scored, from the workspace."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hwasc.pipelines.fusing import lesson
from hwasc.pipelines.jobs import Submit
from hwasc.pipelines.workspace import Workspace
from hwasc.records.settings import TrainSettings
from hwasc.search import proxies
from hwasc.search.job import Candidate, Proposal, Score, Supernet


@dataclass(frozen=True)
class Scoring:
    """How candidates are scored: by which proxy, for how long those train that train. targets: the ensemble's, as a file."""

    proxy: str
    targets: Path
    train: TrainSettings
    qat: TrainSettings | None = None
    qat_steps: int = 0
    supernet: Supernet | None = None


def candidate(ws: Workspace, how: Scoring, proposal: Proposal, seed: int | None = None) -> Candidate:
    """The job that scores one candidate; seed: of its weights and batches, the workspace's if not given."""
    front_end = proposal.architecture.front_end
    return Candidate(
        how.proxy,
        proposal,
        lesson(ws, front_end, how.targets),
        ws.features(ws.dataset.validation, front_end, "validation"),
        how.train,
        how.qat,
        how.qat_steps,
        ws.settings.seed if seed is None else seed,
        str(ws.device),
        how.supernet,
    )


def evaluator(
    ws: Workspace, how: Scoring, submit: Submit
) -> Callable[[Sequence[Proposal]], Iterator[tuple[int, Score]]]:
    """A function that has proposals scored by the processes behind `submit` and yields (index, score) as they finish."""

    def evaluate(proposals: Sequence[Proposal]) -> Iterator[tuple[int, Score]]:
        return submit(proxies.score, [candidate(ws, how, p) for p in proposals])

    return evaluate
