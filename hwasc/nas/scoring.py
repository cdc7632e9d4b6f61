"""The jobs that score candidates, made from the workspace."""

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
from hwasc.records.front_end import FrontEnd
from hwasc.records.settings import Settings
from hwasc.records.train_settings import TrainSettings
from hwasc.training.distillation import DistillationData
from hwasc.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """How candidates are scored.

    Attributes:
        proxy: The proxy, a name or an object.
        targets: File of the ensemble's logits of training and validation clips, see `fusion.target_file`.
        train: Training of a candidate, for proxies that train from scratch.
        qat: Quantization-aware training after calibration; None: none.
        qat_steps: Steps of `qat` at most; 0: no limit.
        supernet: Where the shared weights lie, for the proxy that takes a slice of them.
        steps: Steps of distillation that a slice trains by itself before it is scored.
        batch: Clips of such a step.
        clips: Validation clips to measure on, see `representative_clips`; 0: all.
        quantized: Whether int8 nets are measured, or float ones.
        weigh: What counts alike, see `SearchSettings.weigh`.
    """

    proxy: str | Proxy
    targets: Path
    train: TrainSettings
    qat: TrainSettings | None = None
    qat_steps: int = 0
    supernet: Supernet | None = None
    steps: int = 0
    batch: int = 16
    clips: int = 0
    quantized: bool = True
    weigh: str = "clips"


def scoring_from_settings(settings: Settings, targets: Path, proxy: str | Proxy | None = None) -> Scoring:
    """Decide by the settings how candidates get their first scores.

    Args:
        settings: Of the search.
        targets: File of the ensemble's logits.
        proxy: A name or an object; None: the settings' proxy.

    Returns:
        The same without a supernet, which `supernet` needs.
    """
    s, qat = settings.search, settings.search.proxy_qat_steps
    return Scoring(
        proxy=s.proxy if proxy is None else proxy,
        targets=targets,
        train=s.train,
        qat=settings.distill.qat if qat else None,
        qat_steps=qat,
        steps=s.proxy_steps,
        batch=s.proxy_batch,
        clips=s.proxy_clips,
        quantized=s.decided().proxy_precision == "int8",
        weigh=s.weigh,
    )


def candidate(ws: Workspace, scoring: Scoring, proposal: Proposal, seed: int | None = None) -> Candidate:
    """Make the job that scores one candidate.

    Args:
        ws: Data, settings, cache, device.
        scoring: How it is scored.
        proposal: The candidate.
        seed: Of its weights and batches; None: the workspace's.

    Returns:
        A job for any process.
    """
    job = candidates(ws, scoring)(proposal)
    return job if seed is None else replace(job, seed=seed)


def candidates(ws: Workspace, scoring: Scoring) -> Callable[[Proposal], Candidate]:
    """Make a function from a proposal to the job that scores it.

    Jobs of one front end share the clips and targets, so that these are sent to a process only once.

    Args:
        ws: Data, settings, cache, device.
        scoring: How candidates are scored.

    Returns:
        The function.
    """

    @functools.cache
    def shared_data(front_end: FrontEnd) -> tuple[DistillationData, Features, np.ndarray, np.ndarray | None]:
        validation = ws.features(ws.dataset.validation, front_end, "validation")
        ensemble = logit_files.load(scoring.targets, [c.id for c in validation.clips], validation.hashes)
        rows = representative_clips(validation.labels, ensemble, scoring.clips) if scoring.clips else None
        return distillation_data(ws, front_end, scoring.targets), validation, ensemble, rows

    def job(proposal: Proposal) -> Candidate:
        train, validation, ensemble, rows = shared_data(proposal.architecture.front_end)
        return Candidate(
            proxy=scoring.proxy,
            proposal=proposal,
            data=train,
            validation=validation,
            train_settings=scoring.train,
            qat=scoring.qat,
            qat_steps=scoring.qat_steps,
            seed=ws.settings.seed + proposal.training,
            device=str(ws.device),
            supernet=scoring.supernet,
            steps=scoring.steps,
            batch=scoring.batch,
            ensemble=ensemble,
            rows=rows,
            quantized=scoring.quantized,
            weigh=scoring.weigh,
        )

    return job


def representative_clips(labels: np.ndarray, logits: np.ndarray, count: int) -> np.ndarray | None:
    """Choose clips that are as hard as all of them: of every scene its share, from easy ones for the ensemble to hard ones.

    Args:
        labels: Scene of each clip, (n,).
        logits: The ensemble's, (n, classes); they say how hard a clip is.
        count: Clips to choose.

    Returns:
        Indices of the clips, (count,), rising; None where there are no more clips than that.
    """
    n = len(labels)
    if n <= count:
        return None
    log_probabilities = logits - logits.max(1, keepdims=True)
    log_probabilities -= np.log(np.exp(log_probabilities).sum(1, keepdims=True))
    order = np.lexsort((log_probabilities[np.arange(n), labels], labels))  # by scene, and by its probability in each
    evenly = (np.arange(count) + 0.5) * n / count
    return np.sort(order[evenly.astype(int)])


def evaluator(
    ws: Workspace, scoring: Scoring, engine: Engine
) -> Callable[[Sequence[Proposal]], Iterator[tuple[int, Score]]]:
    """Make a function that has proposals scored by an engine.

    Args:
        ws: Data, settings, cache, device.
        scoring: How candidates are scored.
        engine: Where candidates are scored.

    Returns:
        The function; it yields (index, score) as scores are finished.
    """
    job = candidates(ws, scoring)

    def evaluate(proposals: Sequence[Proposal]) -> Iterator[tuple[int, Score]]:
        return as_finished(engine.submit(j, j.seed) for j in map(job, proposals))

    return evaluate
