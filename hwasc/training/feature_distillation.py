"""Feature distillation: in training, a linear map of the student's last features points where a teacher's embedding does.

The map is no part of the student: it is neither saved nor exported. A checkpoint of an unfinished training holds it.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hwasc.models.student import Student


class StudentWithMap(nn.Module):
    """A float student with a linear map of its last features, the mean of the blocks' output over frequency and time.

    The output, (B, classes + dimensions), is the student's logits and then the mapped features.

    Args:
        student: The student; it is trained in place.
        dimensions: Of the embedding.
        seed: Decides the map's first weights; torch's global generator stays as it is.
    """

    def __init__(self, student: Student, dimensions: int, seed: int) -> None:
        super().__init__()
        self.student = student
        a = student.architecture
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.map = nn.Linear(a.blocks[-1].channels if a.blocks else a.stem[-1], dimensions)

    def forward(self, x: Tensor) -> Tensor:
        features = self.student.features(x)
        return torch.cat([self.student.classify(features), self.map(features.mean((2, 3)))], dim=1)


def cosine_loss(mapped: Tensor, embeddings: Tensor) -> Tensor:
    """Compute 1 - cos of the angle between mapped features and embeddings, the mean over clips.

    Args:
        mapped: (B, D).
        embeddings: (B, D), of any length each.

    Returns:
        A scalar, 0..2.
    """
    return 1 - F.cosine_similarity(mapped, embeddings, dim=1).mean()


def standardised(embeddings: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Standardise each dimension; without this, what all clips share would decide the angles.

    Args:
        embeddings: (n, D).
        among: (m, D), whose mean and standard deviation become 0 and 1.

    Returns:
        (n, D) float32; 0 in a dimension that does not vary among the latter.
    """
    clips = among.astype(np.float64)
    std = clips.std(0)
    return np.asarray(
        (embeddings - clips.mean(0)) * np.divide(1, std, out=np.zeros_like(std), where=std > 0), np.float32
    )
