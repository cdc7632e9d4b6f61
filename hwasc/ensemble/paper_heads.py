"""The fusion heads of arXiv 2512.13905, as its public summaries tell them, beside those of `hwasc.ensemble.heads`.

- z1: the student's backbone with one score for each teacher; the softmax of the scores weights the teachers' logits clip by clip.
- z2: a small MLP over all teachers' logits, which gives the logits of the classes.

Both are trained together by cross-entropy on clips that the teachers were not trained on. Not public, and so our choice: how the
two are joined (by their mean), the MLP's size, that it reads standardised logits, and what keeps both from fitting too closely
(weight decay, and an early stop by locations; see `hwasc.ensemble.paper_fitting`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hwasc.ensemble.heads import Standardise
from hwasc.records.teacher_settings import LEARNED, PAPER

PAPER_VIEWS = PAPER
PAPER_NAMES = dict(zip(LEARNED, PAPER_VIEWS, strict=True))  # by the names of the other heads' views
HIDDEN = 64


class PaperHeads(nn.Module):
    """z1, z2 and their mean.

    Args:
        teachers: K.
        classes: C.
        backbone: The student's: log-mel (B, 1, F, T) -> at least K scores.
        hidden: Width of z2's MLP.
    """

    def __init__(self, teachers: int, classes: int, backbone: nn.Module, hidden: int = HIDDEN) -> None:
        super().__init__()
        self.teachers = teachers
        self.backbone = backbone
        self.standardise = Standardise(teachers * classes)
        self.z2 = nn.Sequential(nn.Linear(teachers * classes, hidden), nn.GELU(), nn.Linear(hidden, classes))

    def weights(self, logmel: Tensor) -> Tensor:
        """z1's mixture weights: log-mel (B, 1, F, T) -> (B, K), positive; each row sums to 1."""
        scores: Tensor = self.backbone(logmel)
        return F.softmax(scores[:, : self.teachers], dim=1)

    def fused_views(self, weights: Tensor, logits: Tensor) -> dict[str, Tensor]:
        """Fuse logits in every view.

        Args:
            weights: From `weights`, (B, K).
            logits: Of the teachers, (B, K, C).

        Returns:
            Fused logits (B, C) by the name of the view.
        """
        z1 = torch.einsum("bk,bkc->bc", weights, logits)
        z2: Tensor = self.z2(self.standardise(logits.flatten(1))).to(z1.dtype)
        return dict(zip(PAPER_VIEWS, (z1, z2, (z1 + z2) / 2), strict=True))

    def views(self, logmel: Tensor, logits: Tensor) -> dict[str, Tensor]:
        """Fuse logits in every view, z1's backbone included.

        Args:
            logmel: (B, 1, F, T).
            logits: (B, K, C), or (B, folds, K, C) of teachers that were trained without a fold each: each fold is fused by
                itself, then the mean is taken.

        Returns:
            Fused logits (B, C) by the name of the view; `mean`, the plain mean, is the first.
        """
        weights = self.weights(logmel)
        by_fold = logits[:, None] if logits.dim() == 3 else logits
        fused = [self.fused_views(weights, fold) for fold in by_fold.unbind(1)]
        views = {name: torch.stack([f[name] for f in fused]).mean(0) for name in PAPER_VIEWS}
        return {"mean": by_fold.mean((1, 2)), **views}

    def forward(self, logmel: Tensor, logits: Tensor) -> Tensor:
        """The view `z1+z2 (paper)`."""
        return self.views(logmel, logits)["z1+z2 (paper)"]


def joint_loss(views: dict[str, Tensor], labels: Tensor) -> Tensor:
    """The loss that z1 and z2 are trained by together: the sum of the cross-entropies of z1, z2 and their mean.

    Args:
        views: Fused logits (B, C) by the name of the view.
        labels: (B,).

    Returns:
        A scalar, nats.
    """
    return torch.stack([F.cross_entropy(views[name], labels) for name in PAPER_VIEWS]).sum()
