"""Probes: linear classifiers of standardised embeddings, with regularisation and scale chosen on held-out locations."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from hwasc.data.clips import Clip
from hwasc.data.splits import folds
from hwasc.errors import DataError
from hwasc.training.weights import load_weights, save_tensors

VERSION = 1  # part of cache keys
Kind = Literal["ridge", "logistic"]
GRIDS = {  # strengths of the L2 penalty over the number of clips; scikit-learn's alpha of ridge and 1 / C of logistic regression
    "ridge": tuple(10.0 ** (i / 2) for i in range(-4, 5)),
    "logistic": tuple(10.0**i for i in range(-3, 3)),
}
INNER_FOLDS = 5
SCALES = np.geomspace(0.05, 10_000, 250)  # of the scores
STEPS = 300  # of a logistic regression, at most
Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Probe:
    """An affine map from embeddings to logits.

    Attributes:
        weight: (classes, size).
        bias: (classes,).
        penalty: The strength of regularisation that was chosen, over the number of clips.
        scale: The factor from scores to logits that was chosen.
    """

    weight: Array
    bias: Array
    penalty: float
    scale: float

    def logits(self, embeddings: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Compute logits: (n, size) -> (n, classes)."""
        return (embeddings @ self.weight.T + self.bias).astype(np.float32)


def fit_probe(
    embeddings: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    clips: Sequence[Clip],
    *,
    classes: int,
    kind: Kind,
    seed: int,
) -> Probe:
    """Fit a probe to training clips.

    Embeddings are standardised, and every class weighs the same. A cross-validation whose folds share no location gives the log
    loss of each penalty. There each penalty's scores are multiplied by the one factor of lowest log loss, which makes logits of
    the scores of a ridge regression, and mends the confidence of a logistic one. Of the penalties whose loss is within a standard
    error of the lowest, the strongest is taken.

    Args:
        embeddings: (n, size).
        labels: (n,).
        clips: The n clips; their locations count.
        classes: Number of classes.
        kind: `ridge`: regression on 1 for the class and 0 for the others. `logistic`: multinomial.
        seed: Of the folds.

    Returns:
        The probe.
    """
    mean, std = embeddings.mean(0, dtype=np.float64), embeddings.std(0, dtype=np.float64)
    std[std < 1e-6 * max(1.0, float(std.max()))] = np.inf  # a constant number tells nothing
    x = (embeddings - mean) / std
    fold_of = np.array(folds(clips, INNER_FOLDS, seed))
    held_out: dict[float, list[Array]] = {penalty: [] for penalty in GRIDS[kind]}
    rows: list[npt.NDArray[np.int64]] = []
    for fold in np.unique(fold_of):
        train, test = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
        if len(np.unique(labels[train])) < 2:
            continue
        rows.append(test)
        for penalty, weight, bias in _fits(x[train], labels[train], classes=classes, kind=kind):
            held_out[penalty].append(x[test] @ weight.T + bias)
    chosen, scale = GRIDS[kind][len(GRIDS[kind]) // 2], 1.0
    if rows:
        known = np.concatenate(rows)
        locations = [clips[i].location for i in known]
        fitted = {p: _best_scale(np.concatenate(scores), labels[known], classes) for p, scores in held_out.items()}
        chosen = _strongest({p: losses for p, (losses, _) in fitted.items()}, locations)
        scale = fitted[chosen][1]
    ((_, weight, bias),) = _fits(x, labels, classes=classes, kind=kind, penalties=(chosen,))
    weight = scale * weight / std
    return Probe(weight=weight, bias=scale * bias - weight @ mean, penalty=chosen, scale=scale)


def _fits(
    x: Array, labels: npt.NDArray[np.int64], *, classes: int, kind: Kind, penalties: Sequence[float] = ()
) -> Iterator[tuple[float, Array, Array]]:
    """Each penalty with weights (classes, size) and biases (classes,), the strongest first, from where the next one starts."""
    share = _balanced(labels, classes)
    present = np.unique(labels)
    for penalty in sorted(penalties or GRIDS[kind], reverse=True):
        weight, bias = np.zeros((classes, x.shape[1])), np.zeros(classes)
        if kind == "ridge":
            from sklearn.linear_model import Ridge

            ridge = Ridge(alpha=penalty * len(x)).fit(x, np.eye(classes)[labels], sample_weight=share)
            yield penalty, ridge.coef_, ridge.intercept_
            continue
        fitted = _logistic(x, labels, share, penalty)
        coefficients, intercepts = fitted.coef_, fitted.intercept_
        if len(present) == 2:  # scikit-learn has one row then, of the second class
            coefficients = np.concatenate([-coefficients, coefficients]) / 2
            intercepts = np.concatenate([-intercepts, intercepts]) / 2
        weight[present], bias[present] = coefficients, intercepts
        bias[np.setdiff1d(np.arange(classes), present)] = intercepts.min()
        yield penalty, weight, bias


def _logistic(x: Array, labels: npt.NDArray[np.int64], share: Array, penalty: float) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the penalty is chosen by what the weights are worth
        return LogisticRegression(C=1 / (penalty * len(x)), max_iter=STEPS).fit(x, labels, sample_weight=share)


def _balanced(labels: npt.NDArray[np.int64], classes: int) -> Array:
    """Weights of clips, (n,) with mean 1, so that all classes that occur weigh the same."""
    counts = np.bincount(labels, minlength=classes)
    return np.asarray(len(labels) / (np.count_nonzero(counts) * counts[labels]), np.float64)


def _best_scale(scores: Array, labels: npt.NDArray[np.int64], classes: int) -> tuple[Array, float]:
    """Losses (n,) of the factor of scores with the lowest balanced log loss, and the factor."""
    share, rows = _balanced(labels, classes), np.arange(len(labels))
    centred = scores - scores.max(1, keepdims=True)
    losses = [share * (np.log(np.exp(s * centred).sum(1)) - s * centred[rows, labels]) for s in SCALES]
    best = int(np.argmin([loss.mean() for loss in losses]))
    return losses[best], float(SCALES[best])


def _strongest(losses: Mapping[float, Array], locations: Sequence[str]) -> float:
    """The strongest penalty whose loss is not above the lowest by more than the standard error over locations."""
    best = min(losses, key=lambda p: float(losses[p].mean()))
    place = np.unique(locations, return_inverse=True)[1]
    for penalty in sorted(losses, reverse=True):
        excess = losses[penalty] - losses[best]
        sums = np.bincount(place, excess)
        error = np.std(sums, ddof=1) * np.sqrt(len(sums)) if len(sums) > 1 else 0.0
        if sums.sum() <= error:
            return penalty
    return best


def save_probe(path: Path, probe: Probe, metadata: dict[str, str]) -> None:
    """Write a probe as safetensors.

    Args:
        path: The file.
        probe: The probe.
        metadata: Further lines by key.
    """
    tensors = {"weight": torch.from_numpy(probe.weight), "bias": torch.from_numpy(probe.bias)}
    numbers = {"penalty": torch.tensor([probe.penalty]), "scale": torch.tensor([probe.scale])}
    save_tensors(path, tensors | numbers, metadata)


def load_probe(path: Path) -> Probe:
    """Read a probe.

    Args:
        path: The file.

    Returns:
        The probe.

    Raises:
        DataError: The file is missing, damaged or no probe.
    """
    state = load_weights(path)
    if set(state) != {"weight", "bias", "penalty", "scale"} or state["weight"].ndim != 2:
        raise DataError(f"{path}: is no probe; delete it to fit it anew")
    return Probe(
        weight=state["weight"].numpy(),
        bias=state["bias"].numpy(),
        penalty=float(state["penalty"]),
        scale=float(state["scale"]),
    )
