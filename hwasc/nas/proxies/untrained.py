"""Cheap proxies, from the record or from untrained weights: baselines that a trained proxy has to beat.

`parameters`, `macs`: the larger the better. `synflow` (Tanaka et al., 2020), `jacobian` covariance and `naswot` (Mellor et al.,
2021, versions 1 and 3), as Abdelfattah et al. (2021) compare them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from hwasc.cost import Costs, measure
from hwasc.models import student
from hwasc.models.student import Student
from hwasc.nas.job import Candidate, Score
from hwasc.parallel.device import pick_device

CLIPS = 64


@dataclass(frozen=True)
class Cost:
    """A cost of the architecture, from its record.

    Attributes:
        value: The cost as a number.
    """

    value: Callable[[Costs], int]
    measures_accuracy: ClassVar = False

    def __call__(self, candidate: Candidate) -> Score:
        start = time.monotonic()
        return Score(float(self.value(measure(candidate.proposal.architecture))), time.monotonic() - start)


@dataclass(frozen=True)
class Untrained:
    """A number from freshly initialised weights and a batch of training clips.

    Attributes:
        value: The number, from a net and log-mels (B, 1, mels, frames).
    """

    value: Callable[[Student, Tensor], float]
    measures_accuracy: ClassVar = False

    def __call__(self, candidate: Candidate) -> Score:
        start, c, device = time.monotonic(), candidate, pick_device(candidate.device)
        torch.manual_seed(c.seed)
        net = student.build(c.proposal.architecture).to(device)
        rows = np.random.default_rng([c.seed, 7]).permutation(len(c.data.train))[:CLIPS]
        return Score(self.value(net, c.data.train.batch(rows).to(device)), time.monotonic() - start)


def parameters(costs: Costs) -> int:
    """Trainable numbers."""
    return costs.parameters


def macs(costs: Costs) -> int:
    """MACs of a clip as torchinfo counts them."""
    return costs.macs.torchinfo


def synflow(net: Student, x: Tensor) -> float:
    """SynFlow (Tanaka et al., 2020): log of the sum over weights of |w dR/dw|.

    R is the sum of the outputs to an input of ones through |weights|. Batch norm stays as it is at the start (statistics 0
    and 1); else products of weights would be normalised away.

    Args:
        net: Freshly initialised; its weights are changed.
        x: Log-mels (B, 1, mels, frames), for their shape.

    Returns:
        The logarithm.
    """
    net.eval().double()
    with torch.no_grad():
        for p in net.parameters():
            p.abs_()
    net(torch.ones_like(x[:1], dtype=torch.float64)).sum().backward()
    total = sum(float((p.detach() * p.grad).sum()) for p in net.parameters() if p.grad is not None)
    return float(np.log(max(total, np.finfo(float).tiny)))


def jacobian(net: Student, x: Tensor) -> float:
    """Jacobian covariance (Mellor et al., 2021): -sum(log(v + k) + 1 / (v + k)) with k = 1e-5.

    v are the eigenvalues of the correlation of the clips' input gradients.

    Args:
        net: Freshly initialised.
        x: Log-mels (B, 1, mels, frames).

    Returns:
        The sum.
    """
    net.train()
    x = x.clone().requires_grad_(True)
    net(x).sum().backward()
    assert x.grad is not None
    v = np.linalg.eigvalsh(np.nan_to_num(np.corrcoef(x.grad.flatten(1).cpu().numpy()))) + 1e-5
    v = np.maximum(v, 1e-5)
    return float(-np.sum(np.log(v) + 1 / v))


def naswot(net: Student, x: Tensor) -> float:
    """NASWOT (Mellor et al., 2021): log |det K|.

    K holds for two clips the number of units that agree (on or off), over the inputs of all ReLUs.

    Args:
        net: Freshly initialised.
        x: Log-mels (B, 1, mels, frames).

    Returns:
        The logarithm.
    """
    kernel = torch.zeros(len(x), len(x), dtype=torch.float64)

    def note(_: nn.Module, __: object, y: Tensor) -> None:
        on = (y.detach().flatten(1) > 0).double().cpu()
        kernel.add_(on @ on.T + (1 - on) @ (1 - on).T)

    hooks = [m.register_forward_hook(note) for m in net.modules() if getattr(m, "relu", None) is True]
    net.train()
    with torch.no_grad():
        net(x)
    for h in hooks:
        h.remove()
    return float(torch.linalg.slogdet(kernel).logabsdet)


PARAMETERS, MACS = Cost(parameters), Cost(macs)
SYNFLOW, JACOBIAN, NASWOT = Untrained(synflow), Untrained(jacobian), Untrained(naswot)
