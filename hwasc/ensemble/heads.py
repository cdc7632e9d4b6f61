"""The fusion heads: z1 weights the teachers clip by clip, z2 corrects their mean class by class, the ensemble adds both.

After arXiv 2512.13905, of which the abstract and summaries are public: z1 reuses the student's backbone, with one score for each
teacher and a softmax; z2 is a small MLP over the teachers' logits; both are trained together on held-out clips.
`hwasc.ensemble.paper_heads` does just this. The heads of this module, `evidence`, are our own design: they see how certain the
teachers are and how much they agree, and are small enough for a few thousand clips.

There are four views, that is, ways to fuse the logits of K teachers:

- `mean`: the plain mean of the logits. Every head starts as this mean, and is useful only where it is better.
- `z1`: a weighted mean. The K mixture weights differ from clip to clip.
- `z2`: the plain mean plus a correction of each class.
- `z1+z2`: the weighted mean plus the correction.

Scales: logits of a clip are defined up to a constant, so the heads read log-probabilities, which no constant changes. A teacher
with large logits dominates the plain mean. z1 can give it a small weight, and z2 standardises each teacher's log-probabilities.
The mean of several teachers is less confident than it is accurate, so each head has a temperature of its own.

`hwasc.ensemble.head_fitting` fits the heads.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

VIEWS = ("mean", "z1", "z2", "z1+z2")


def mean_logit(logits: Tensor) -> Tensor:
    """The plain mean over teachers: (B, K, C) -> (B, C)."""
    return logits.mean(1)


def gate_inputs(logits: Tensor) -> Tensor:
    """The inputs of z1's gate, which show how certain the teachers are about a clip and how much they agree.

    Args:
        logits: Of the teachers, (B, K, C).

    Returns:
        (B, 3 K + C). For each teacher the entropy of its probabilities (nats), the margin between its two highest logits, and
        the divergence of its probabilities from the teachers' mean (nats). Then for each class the mean log-probability.
    """
    logs = F.log_softmax(logits, dim=2)
    probabilities = logs.exp()
    entropy = -(probabilities * logs).sum(2)
    top = logits.topk(2, dim=2).values
    divergence = (probabilities * (logs - probabilities.mean(1, keepdim=True).clamp_min(1e-12).log())).sum(2)
    return torch.cat([entropy, top[..., 0] - top[..., 1], divergence, F.log_softmax(logs.mean(1), dim=1)], dim=1)


class Standardise(nn.Module):
    """(x - mean) / deviation along the last dimension. `set` computes both from data; before that it is the identity."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("deviation", torch.ones(size))

    def set(self, values: Tensor) -> None:
        """Compute mean and deviation of values (n, size). A deviation near 0 is replaced by 1."""
        deviation = values.std(0)
        self.mean, self.deviation = values.mean(0), torch.where(deviation > 1e-6, deviation, 1.0)

    def forward(self, x: Tensor) -> Tensor:
        """(..., size) -> the same shape."""
        return (x - self.mean) / self.deviation


class Z1(nn.Module):
    """Predicts the mixture weights of K teachers for each clip, from the teachers' logits and from the log-mel.

    The weights are the softmax of two sums: a linear gate over the standardised `gate_inputs`, and a linear layer over the
    backbone's outputs. Both start at zero, so the weights start equal and
    the first step trains only these two layers.

    Args:
        teachers: K.
        classes: C.
        backbone: A module from log-mel (B, 1, F, T) to (B, K), such as a small student with K classes.
    """

    def __init__(self, teachers: int, classes: int, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(teachers, teachers, bias=False)
        self.standardise = Standardise(3 * teachers + classes)
        self.gate = nn.Linear(3 * teachers + classes, teachers)
        self.log_scale = nn.Parameter(torch.zeros(()))  # of the weighted mean: minus the logarithm of the temperature
        for p in (self.head.weight, self.gate.weight, self.gate.bias):
            nn.init.zeros_(p)

    def reset_heads(self, logits: Tensor) -> None:
        """Reset the gate and the temperature, and standardise on logits (n, K, C). The backbone stays as it is."""
        self.standardise.set(gate_inputs(logits))
        for p in (self.gate.weight, self.gate.bias, self.log_scale):
            nn.init.zeros_(p)

    def backbone_scores(self, logmel: Tensor) -> Tensor:
        """What the backbone adds to the gate before the softmax: log-mel (B, 1, F, T) -> (B, K)."""
        backbone_scores: Tensor = self.head(self.backbone(logmel))
        return backbone_scores

    def weights(self, backbone_scores: Tensor, logits: Tensor) -> Tensor:
        """Compute the mixture weights.

        Args:
            backbone_scores: From `backbone_scores`, (B, K).
            logits: Of the teachers, (B, K, C).

        Returns:
            (B, K), positive; each row sums to 1.
        """
        return F.softmax(self.gate(self.standardise(gate_inputs(logits))) + backbone_scores, dim=1)

    def forward(self, backbone_scores: Tensor, logits: Tensor) -> Tensor:
        """The weighted mean of logits over the temperature: (B, K) and (B, K, C) -> (B, C)."""
        return self.log_scale.exp() * torch.einsum("bk,bkc->bc", self.weights(backbone_scores, logits), logits)


class Z2(nn.Module):
    """Corrects the mean logit of each class by a small MLP over the K teachers' log-probabilities of that class.

    K -> hidden (GELU) -> 1 for each class: classes * hidden * (teachers + 2) parameters. The last layer starts at 0. It has no
    bias, so that the fusion cannot learn how frequent a class is.

    Args:
        teachers: K.
        classes: C.
        hidden: Width of each MLP.
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
        """Reset the MLPs and the temperature, and standardise on logits (n, K, C).

        First layers are drawn from torch's generator; all else starts at zero.
        """
        self.standardise.set(F.log_softmax(logits, dim=2).transpose(1, 2).flatten(0, 1))
        nn.init.normal_(self.first, std=self.first.shape[1] ** -0.5)
        for p in (self.first_bias, self.last, self.log_scale):
            nn.init.zeros_(p)

    def correction(self, logits: Tensor) -> Tensor:
        """What is added to the fused logits, zero at the start: (B, K, C) -> (B, C)."""
        x = self.standardise(F.log_softmax(logits, dim=2).transpose(1, 2))
        x = F.gelu(torch.einsum("bck,ckh->bch", x, self.first) + self.first_bias)
        return torch.einsum("bch,ch->bc", x, self.last)

    def forward(self, logits: Tensor) -> Tensor:
        """The mean over the temperature, plus the correction: (B, K, C) -> (B, C)."""
        return self.log_scale.exp() * mean_logit(logits) + self.correction(logits)


class Ensemble(nn.Module):
    """z1 and z2 together: the sum of z1's weighted mean and z2's correction.

    z1 answers which teacher is right about this clip, z2 which errors the teachers make about this class. So their
    contributions are added, and either can be left out. Untrained, the sum is the mean logit.

    Args:
        z1: The mixture weights.
        z2: The corrections.
    """

    def __init__(self, z1: Z1, z2: Z2) -> None:
        super().__init__()
        self.z1, self.z2 = z1, z2

    def fused_views(self, backbone_scores: Tensor, logits: Tensor) -> dict[str, Tensor]:
        """Fuse logits in every view.

        Args:
            backbone_scores: From `Z1.backbone_scores`, (B, K).
            logits: Of the teachers, (B, K, C).

        Returns:
            Fused logits (B, C) by the name of the view.
        """
        weighted, correction = self.z1(backbone_scores, logits), self.z2.correction(logits)
        z2 = self.z2.log_scale.exp() * mean_logit(logits) + correction
        return {"mean": mean_logit(logits), "z1": weighted, "z2": z2, "z1+z2": weighted + correction}

    def views(self, logmel: Tensor, logits: Tensor) -> dict[str, Tensor]:
        """Fuse logits in every view, z1's backbone included.

        Args:
            logmel: (B, 1, F, T).
            logits: (B, K, C), or (B, folds, K, C) of teachers that were trained without a fold each. Each fold is fused by
                itself, because the heads were fitted on one fold's teachers at a time; then the mean over folds is taken.

        Returns:
            Fused logits (B, C) by the name of the view.
        """
        backbone_scores = self.z1.backbone_scores(logmel)
        if logits.dim() == 3:
            return self.fused_views(backbone_scores, logits)
        folds = [self.fused_views(backbone_scores, part) for part in logits.unbind(1)]
        return {name: torch.stack([f[name] for f in folds]).mean(0) for name in VIEWS}

    def forward(self, logmel: Tensor, logits: Tensor) -> Tensor:
        """The view `z1+z2`."""
        return self.views(logmel, logits)["z1+z2"]
