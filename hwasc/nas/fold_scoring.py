"""Second scores over folds: each clip of the training and validation recordings is scored once, by a net not trained on it.

A few validation recordings cannot tell finalists apart. So each finalist is trained once for each fold: on all training and
validation clips but those of the fold. The folds of the training clips are those that the teachers are cross-fitted on; the
validation clips are one more. It starts from random weights, because those of the supernet have seen all training clips, and
learns from teachers that have not seen the fold. Like the student in the end, it is then trained further as an int8 net.
"""

from __future__ import annotations

import functools
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from hwasc.data import logits as logit_files
from hwasc.ensemble.fusion import FittedEnsemble, distillation_data, fold_target_file, target_file
from hwasc.nas import location_scores
from hwasc.nas.clip_weights import clip_weights
from hwasc.nas.engines import Engine
from hwasc.nas.job import Candidate, Proposal, Score
from hwasc.nas.location_scores import LocationScore
from hwasc.nas.scoring import Scoring, candidates
from hwasc.nas.study import Evaluate
from hwasc.parallel.processes import as_finished
from hwasc.records.front_end import FrontEnd
from hwasc.training.distillation import DistillationData
from hwasc.workspace import Workspace

FEW = 30  # validation locations below which `auto` scores over folds: an accuracy's error over these is nine points


def by_folds(ws: Workspace) -> bool:
    """Whether second scores are over folds, by `search.rescore_on`."""
    chosen = ws.settings.search.rescore_on
    return chosen == "folds" or (chosen == "auto" and len({c.location for c in ws.dataset.validation}) < FEW)


def fold_evaluator(ws: Workspace, scoring: Scoring, engine: Engine, fused: FittedEnsemble) -> Evaluate:
    """Make a function that has proposals trained and scored over all folds.

    Args:
        ws: Data, settings, cache, device.
        scoring: How candidates are trained.
        engine: Where.
        fused: The ensemble.

    Returns:
        The function; it yields (index, score) as proposals are finished.
    """
    folds = fused.teachers.folds
    out_of_fold = replace(ws.settings, distill=replace(ws.settings.distill, targets="out_of_fold"))
    every = [*folds.clips.features.clips, *ws.dataset.validation]
    weights = dict(zip((c.id for c in every), clip_weights(every, scoring.weigh).tolist(), strict=True))
    held_out = target_file(replace(fused, workspace=replace(ws, settings=out_of_fold)))
    # the fold of each training clip; the validation clips are the last fold
    of = dict(zip((c.id for c in folds.clips.features.clips), folds.of.tolist(), strict=True))
    on_validation = candidates(ws, replace(scoring, supernet=None))

    @functools.cache
    def shared(front_end: FrontEnd, fold: int) -> tuple[DistillationData, np.ndarray, np.ndarray]:
        targets = target_file(fused) if fold == folds.count else fold_target_file(fused, fold)
        data = distillation_data(ws, front_end, targets, with_validation=True)
        number = np.array([of.get(c.id, folds.count) for c in data.train.clips])
        ensemble = logit_files.load(held_out, [c.id for c in data.train.clips], data.train.hashes)
        return replace(data, rows=np.flatnonzero(number != fold)), ensemble, np.flatnonzero(number == fold)

    def job(proposal: Proposal, fold: int) -> Candidate:
        data, ensemble, rows = shared(proposal.architecture.front_end, fold)
        # as many steps as the net that is distilled in the end, whose accuracy the score stands for
        epochs = round(scoring.train.epochs * len(of) / data.clips)
        return replace(
            on_validation(proposal),
            train_settings=replace(scoring.train, epochs=max(epochs, 1)),
            qat=ws.settings.distill.qat,
            data=data,
            validation=data.train,
            ensemble=ensemble,
            rows=rows,
            by_clip=True,
        )

    def evaluate(proposals: Sequence[Proposal]) -> Iterator[tuple[int, Score]]:
        parts = [(i, fold) for i in range(len(proposals)) for fold in range(folds.count + 1)]
        found: dict[int, dict[int, tuple[Candidate, Score]]] = defaultdict(dict)
        jobs = {part: job(proposals[part[0]], part[1]) for part in parts}
        for done, score in as_finished(engine.submit(jobs[part], jobs[part].seed) for part in parts):
            i, fold = parts[done]
            found[i][fold] = jobs.pop(parts[done]), score
            if len(found[i]) > folds.count:
                yield i, pooled(found.pop(i), weights)

    return evaluate


def pooled(parts: dict[int, tuple[Candidate, Score]], weights: Mapping[str, float]) -> Score:
    """Put the scores of a candidate's folds together.

    Args:
        parts: The job and the score of each fold, by its number.
        weights: How much each clip counts, by its id; one in the mean over all.

    Returns:
        The score over all clips, with its errors over locations. Its time is the sum of theirs.
    """
    by_location = tuple(s for fold in sorted(parts) for s in _by_location(fold, *parts[fold], weights))
    counts = np.array([len(c.validation if c.rows is None else c.rows) for c, _ in parts.values()])
    value = math.exp(-location_scores.loss(by_location))
    error = location_scores.accuracy_error(by_location)
    accuracy = location_scores.accuracy(by_location)
    return Score(
        value=value,
        seconds=sum(score.seconds for _, score in parts.values()),
        accuracy=accuracy,
        float_accuracy=None,  # each fold knows its own, but the accuracy over all clips of a scene is not their mean
        standard_error=math.sqrt(accuracy * (1 - accuracy) / counts.sum()) if error is None else error,
        value_error=value * location_scores.loss_error(by_location),
        locations=by_location,
    )


def _by_location(fold: int, job: Candidate, score: Score, weights: Mapping[str, float]) -> list[LocationScore]:
    assert job.rows is not None and score.losses is not None and score.right is not None
    sums: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0, 0, 0.0])
    for row, loss, right in zip(job.rows.tolist(), score.losses, score.right, strict=True):
        clip = job.validation.clips[row]
        entry, weight = sums[clip.location, clip.scene], weights[clip.id]
        for i, value in enumerate((1.0, right, loss)):
            entry[i] += weight * value
    return [
        LocationScore(fold=fold, location=place, scene=scene, clips=n, right=right, loss=loss)
        for (place, scene), (n, right, loss) in sorted(sums.items())
    ]
