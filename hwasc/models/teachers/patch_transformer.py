"""A small audio spectrogram transformer with patchout.

Patches and attention: Gong, Chung, Glass, "AST: Audio Spectrogram Transformer", Interspeech 2021 (arXiv 2104.01778).
Separate time and frequency position embeddings, structured patchout: Koutini et al., "Efficient Training of Audio
Transformers with Patchout" (PaSST), Interspeech 2022 (arXiv 2110.05069). Unlike both it is small, starts from random
weights, has patches that do not overlap, and averages its tokens instead of learning a class token.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hwasc.models.teachers.family import Family
from hwasc.models.teachers.patches import heads_of, leave_out
from hwasc.records.front_end import FrontEnd

# PaSST's: 25 ms every 10 ms up to 15 kHz
FRONT_END = FrontEnd(n_fft=1024, window=800, hop=320, mels=128, frames=101, f_max=15_000.0)


class TransformerBlock(nn.Module):
    """Pre-norm self-attention and MLP (4 x width, GELU), each on a residual: (B, tokens, width) -> the same shape."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.mlp_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.project = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(self.attention_norm(x)).unflatten(2, (3, self.heads, -1)).permute((2, 0, 3, 1, 4))
        attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        x = x + self.dropout(self.project(attended))
        return x + self.dropout(self.mlp(self.mlp_norm(x)))


class PatchTransformer(nn.Module):
    """Log-mel (B, 1, mels, frames) -> logits (B, classes), for the mels that it was built with and at most its frames."""

    def __init__(
        self,
        classes: int,
        width: int,
        size: tuple[int, int],
        patch: tuple[int, int],
        *,
        depth: int = 4,
        patchout: tuple[float, float] = (0.25, 0.25),
        dropout: float = 0.1,
    ) -> None:
        """Create the layers by torch's global generator.

        Args:
            classes: How many.
            width: Size of a token; a multiple of the number of heads (4 below a width of 256, then one per 64).
            size: Mels x frames of the inputs.
            patch: Bins x frames of one patch.
            depth: Blocks of attention and MLP.
            patchout: Shares of patch rows and patch columns that are left out in training, 0..1: the same ones for the whole
                batch, drawn from torch's global generator.
            dropout: Of the blocks' outputs, 0..1.

        Raises:
            ValueError: The heads do not divide the width.
        """
        super().__init__()
        heads = heads_of(width)
        self.size, self.patchout = size, patchout
        self.embed = nn.Conv2d(1, width, patch, patch)
        self.frequency = nn.Parameter(torch.empty(1, width, size[0] // patch[0], 1))
        self.time = nn.Parameter(torch.empty(1, width, 1, size[1] // patch[1]))
        for position in (self.frequency, self.time):
            nn.init.trunc_normal_(
                position, std=0.2
            )  # with vision's 0.02 the net takes long to learn absolute frequency
        self.blocks = nn.Sequential(*(TransformerBlock(width, heads, dropout) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        mels, frames = x.shape[2:]
        if mels != self.size[0] or frames > self.size[1]:
            raise ValueError(
                f"this transformer was built for {self.size[0]} x {self.size[1]} (mels x frames, or fewer "
                f"frames), found {mels} x {frames}"
            )
        grid = self.embed(x)
        grid = grid + self.frequency + self.time[..., : grid.shape[3]]
        if self.training:
            for axis, share in zip((2, 3), self.patchout, strict=True):
                grid = leave_out(grid, axis, share)
        tokens = self.blocks(grid.flatten(2).transpose(1, 2))
        return self.head(self.norm(tokens).mean(1))


def build(classes: int, width: int, front_end: FrontEnd) -> nn.Module:
    """Build the transformer for a front end's size: 8 patches along each axis, more where they would exceed PaSST's 16 bins.

    Args:
        classes: How many.
        width: Size of a token.
        front_end: Of its inputs.

    Returns:
        The module: log-mel (B, 1, mels, frames) -> logits (B, classes).

    Raises:
        ValueError: The heads do not divide the width.
    """
    size = (front_end.mels, front_end.frames)
    patch = (min(max(size[0] // 8, 2), 16), min(max(size[1] // 8, 2), 16))
    return PatchTransformer(classes, width, size, patch)


FAMILY = Family(
    name="patch_transformer",
    make=build,
    width=64,
    about="attention over patches, patchout; width = token size (paper: 768)",
    paper=FRONT_END,
    global_context="all patches by attention",
)
