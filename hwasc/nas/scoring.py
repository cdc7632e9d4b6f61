"""Jobs for proxies: what a candidate needs to be scored, from the workspace."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hwasc.data import logits as logit_files
from hwasc.data.features import Features
from hwasc.ensemble.fusion import distillation_data
from hwasc.nas.engines import Engine
from hwasc.nas.job import Candidate, Proposal, Score, Supernet
from hwasc.nas.proxies import Proxy
from hwasc.parallel.processes import as_finished
from hwasc.records.architecture import FrontEnd
from hwasc.records.settings import TrainSettings
from hwasc.training.distillation import DistillationData
from hwasc.workspace import Workspace


@dataclass(frozen=True)
class Scoring:
    """How candidates are scored: by which proxy (a name or an object), for how long those train that train.

    targets: the ensemble's, as a file.
    """

    proxy: str | Proxy
    targets: Path
    train: TrainSettings
    qat: TrainSettings | None = None
    qat_steps: int = 0
    supernet: Supernet | None = None
    steps: int = 0


def candidate(ws: Workspace, scoring: Scoring, proposal: Proposal, seed: int | None = None) -> Candidate:
    """The job that scores one candidate; seed: of its weights and batches, the workspace's if not given."""
    job = candidates(ws, scoring)(proposal)
    return job if seed is None else replace(job, seed=seed)


def candidates(ws: Workspace, scoring: Scoring) -> Callable[[Proposal], Candidate]:
    """A function that makes such jobs. Those with one front end share the clips and targets, so that they can travel once."""

    @functools.cache
    def shared_data(front_end: FrontEnd) -> tuple[DistillationData, Features, np.ndarray]:
        validation = ws.features(ws.dataset.validation, front_end, "validation")
        ensemble = logit_files.load(scoring.targets, [c.id for c in validation.clips], validation.hashes)
        return distillation_data(ws, front_end, scoring.targets), validation, ensemble

    def job(proposal: Proposal) -> Candidate:
        train, validation, ensemble = shared_data(proposal.architecture.front_end)
        return Candidate(
            scoring.proxy,
            proposal,
            train,
            validation,
            scoring.train,
            scoring.qat,
            scoring.qat_steps,
            ws.settings.seed,
            str(ws.device),
            scoring.supernet,
            scoring.steps,
            ensemble,
        )

    return job


def evaluator(
    ws: Workspace, scoring: Scoring, engine: Engine
) -> Callable[[Sequence[Proposal]], Iterator[tuple[int, Score]]]:
    """A function that has proposals scored by the engine and yields (index, score) as they finish."""
    job = candidates(ws, scoring)

    def evaluate(proposals: Sequence[Proposal]) -> Iterator[tuple[int, Score]]:
        return as_finished(engine.submit(job(p), ws.settings.seed) for p in proposals)

    return evaluate
