"""Fusing teachers: z1 weighs them clip by clip, z2 corrects their mean class by class, the ensemble does both.

After arXiv 2512.13905, of which only the abstract is public: the shapes and the training of the heads are ours.
The plain mean of the logits (K teachers, equal weights) is the start of every head and the reference it has to beat.

Scales: a logit vector is only defined up to a constant per clip, and the heads see log-probabilities, which know no constants.
The mean stays the plain mean. z1 weighs a loud teacher down; z2 sees each teacher standardised, so that a loud one does not
drown the others. A mean of teachers is less sure than it is right: each head has a temperature of its own.

How the heads are fitted is in `hwasc.ensemble.head_fitting`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

VIEWS = ("mean", "z1", "z2", "z1+z2")  # the ways to fuse that an ensemble offers


def mean_logit(logits: Tensor) -> Tensor:
    """The plain ensemble: (B, K, C) -> (B, C), the mean over the teachers."""
    return logits.mean(1)


def evidence(logits: Tensor) -> Tensor:
    """What the teachers' say about a clip tells of whom to believe: (B, K, C) -> (B, 3 K + C).

    Of each teacher the entropy of its probabilities (nats), the margin between its first two classes (logits), and its
    divergence from all teachers' mean (nats); then the mean of the log-probabilities of each class.
    """
    logs = F.log_softmax(logits, dim=2)
    probabilities = logs.exp()
    entropy = -(probabilities * logs).sum(2)
    top = logits.topk(2, dim=2).values
    divergence = (probabilities * (logs - probabilities.mean(1, keepdim=True).clamp_min(1e-12).log())).sum(2)
    return torch.cat([entropy, top[..., 0] - top[..., 1], divergence, F.log_softmax(logs.mean(1), dim=1)], dim=1)


class Standardise(nn.Module):
    """(x - mean) / deviation along one dimension, of numbers that a fit sets; the identity before."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("deviation", torch.ones(size))

    def set(self, values: Tensor) -> None:
        """From values (n, size); what hardly varies stays as it is."""
        deviation = values.std(0)
        self.mean, self.deviation = values.mean(0), torch.where(deviation > 1e-6, deviation, 1.0)

    def forward(self, x: Tensor) -> Tensor:
        """(..., size) -> the same shape."""
        return (x - self.mean) / self.deviation


class Z1(nn.Module):
    """Per-teacher mixture weights, one set a clip, from what the teachers say about it and from its log-mel.

    A linear gate over the standardised `evidence`, to which a linear layer over the backbone's outputs adds. backbone: any
    module from log-mel (B, 1, F, T) to (B, teachers), e.g. a small student with classes = teachers. Both start at zero, so the
    weights start equal; the backbone's gradient opens with the first step.
    """

    def __init__(self, teachers: int, classes: int, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(teachers, teachers, bias=False)
        self.standardise = Standardise(3 * teachers + classes)
        self.gate = nn.Linear(3 * teachers + classes, teachers)
        self.log_scale = nn.Parameter(torch.zeros(()))  # of the sum; its exponential is one over the temperature
        for p in (self.head.weight, self.gate.weight, self.gate.bias):
            nn.init.zeros_(p)

    def reset_heads(self, logits: Tensor) -> None:
        """The gate and the temperature as at the start, for logits (n, K, C) like these; the backbone stays."""
        self.standardise.set(evidence(logits))
        for p in (self.gate.weight, self.gate.bias, self.log_scale):
            nn.init.zeros_(p)

    def backbone_scores(self, logmel: Tensor) -> Tensor:
        """What the log-mel (B, 1, F, T) alone says of the teachers: (B, K), added before the softmax."""
        backbone_scores: Tensor = self.head(self.backbone(logmel))
        return backbone_scores

    def weights(self, backbone_scores: Tensor, logits: Tensor) -> Tensor:
        """A hint (B, K) and logits (B, K, C) -> (B, K), positive, each row with sum 1."""
        return F.softmax(self.gate(self.standardise(evidence(logits))) + backbone_scores, dim=1)

    def forward(self, backbone_scores: Tensor, logits: Tensor) -> Tensor:
        """-> (B, C), the sum over k of weight k times logits k, over the temperature."""
        return self.log_scale.exp() * torch.einsum("bk,bkc->bc", self.weights(backbone_scores, logits), logits)


class Z2(nn.Module):
    """For each class a small MLP of its own over the K teachers' log-probabilities of it, added to the mean logit.

    K -> hidden (GELU) -> 1 per class: classes * hidden * (teachers + 2) parameters. The last layer starts at 0, and has no
    bias: how often a class occurs is not for the fusion to learn.
    """

    def __init__(self, teachers: int, classes: int, hidden: int = 8) -> None:
        super().__init__()
        self.standardise = Standardise(teachers)
        self.first = nn.Parameter(torch.empty(classes, teachers, hidden))
        self.first_bias = nn.Parameter(torch.empty(classes, hidden))
        self.last = nn.Parameter(torch.empty(classes, hidden))
        self.log_scale = nn.Parameter(torch.empty(()))
        self.reset_heads(torch.zeros(2, teachers, classes))

    def reset_heads(self, logits: Tensor) -> None:
        """As at the start, for logits (n, K, C) like these: first layers drawn from torch's generator, all else zero."""
        self.standardise.set(F.log_softmax(logits, dim=2).transpose(1, 2).flatten(0, 1))
        nn.init.normal_(self.first, std=self.first.shape[1] ** -0.5)
        for p in (self.first_bias, self.last, self.log_scale):
            nn.init.zeros_(p)

    def correction(self, logits: Tensor) -> Tensor:
        """(B, K, C) -> (B, C), what is added to the fused logits; zero at the start."""
        x = self.standardise(F.log_softmax(logits, dim=2).transpose(1, 2))
        x = F.gelu(torch.einsum("bck,ckh->bch", x, self.first) + self.first_bias)
        return torch.einsum("bch,ch->bc", x, self.last)

    def forward(self, logits: Tensor) -> Tensor:
        """(B, K, C) -> (B, C)."""
        return self.log_scale.exp() * mean_logit(logits) + self.correction(logits)


class Ensemble(nn.Module):
    """z1 and z2 together: sum over k of w_k * logits_k (z1), plus z2's correction.

    The heads answer different questions (whom to believe for this clip; what the teachers get wrong for this class), so
    their contributions add up, either can be left out, and without any learning the sum is the mean logit.
    """

    def __init__(self, z1: Z1, z2: Z2) -> None:
        super().__init__()
        self.z1, self.z2 = z1, z2

    def fused_views(self, backbone_scores: Tensor, logits: Tensor) -> dict[str, Tensor]:
        """The fused logits (B, C) of every way to fuse, from z1's hint (B, K) and the logits (B, K, C)."""
        weighted, correction = self.z1(backbone_scores, logits), self.z2.correction(logits)
        z2 = self.z2.log_scale.exp() * mean_logit(logits) + correction
        return {"mean": mean_logit(logits), "z1": weighted, "z2": z2, "z1+z2": weighted + correction}

    def views(self, logmel: Tensor, logits: Tensor) -> dict[str, Tensor]:
        """Every way to fuse: 'mean', 'z1', 'z2', 'z1+z2'. log-mel (B, 1, F, T), logits (B, K, C) -> (B, C) each.

        Logits (B, folds, K, C), of teachers trained without a fold each: each fold's are fused as those of its own, which the
        heads were fitted on, and the mean over folds is taken then.
        """
        backbone_scores = self.z1.backbone_scores(logmel)
        if logits.dim() == 3:
            return self.fused_views(backbone_scores, logits)
        folds = [self.fused_views(backbone_scores, part) for part in logits.unbind(1)]
        return {name: torch.stack([f[name] for f in folds]).mean(0) for name in VIEWS}

    def forward(self, logmel: Tensor, logits: Tensor) -> Tensor:
        """The 'z1+z2' view."""
        return self.views(logmel, logits)["z1+z2"]
