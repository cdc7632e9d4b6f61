"""PaSST: an audio spectrogram transformer with structured patchout, for published weights or from nothing.

Koutini, Schlüter, Eghbal-zadeh, Widmer, "Efficient Training of Audio Transformers with Patchout", Interspeech 2022
(arXiv 2110.05069). Overlapping patches of 16 x 16 every 10, separate position embeddings for frequency and time, a class and a
distillation token. The tensors have the names of the published files, so that PaSST-S starts from them without renaming.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hwasc.models.teachers.family import Family
from hwasc.models.teachers.patches import check_size, depth_of, heads_of, leave_out
from hwasc.records.front_end import FrontEnd
from hwasc.records.front_ends import front_end as published

PATCH, STRIDE = 16, 10
COLUMNS = 99  # of the published time embedding: ten seconds
PATCHOUT = (4 / 12, 40 / 99)  # of the paper, for AudioSet: 4 of 12 rows, 40 of 99 columns


class Attention(nn.Module):
    """Multi-head self-attention: (B, tokens, width) -> the same shape."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute((2, 0, 3, 1, 4))
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    """width -> 4 width (GELU) -> width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    """Pre-norm attention and MLP, each on a residual: (B, tokens, width) -> the same shape."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.attn, self.mlp = Attention(width, heads), Mlp(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PatchEmbed(nn.Module):
    """Log-mel (B, 1, mels, frames) -> patches (B, width, rows, columns)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(1, width, PATCH, STRIDE)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(x)


class PaSST(nn.Module):
    """Log-mel (B, 1, mels, frames) -> logits (B, classes), for any number of frames from 16 up to those it was built for.

    Args:
        classes: How many.
        width: Size of a token; 768 in the paper.
        size: Mels x frames of the inputs, each at least 16.
        depth: Blocks; 12 in the paper.
        patchout: Shares of patch rows and columns that are left out in training, the same ones for the whole batch.

    Raises:
        ValueError: The heads do not divide the width, or the inputs are smaller than a patch.
    """

    def __init__(
        self,
        classes: int,
        width: int,
        size: tuple[int, int],
        *,
        depth: int = 12,
        patchout: tuple[float, float] = PATCHOUT,
    ) -> None:
        super().__init__()
        check_size(size, PATCH)
        heads = heads_of(width)
        rows, columns = (1 + (n - PATCH) // STRIDE for n in size)
        self.patchout = patchout
        self.patch_embed = PatchEmbed(width)
        self.cls_token = nn.Parameter(torch.empty(1, 1, width))
        self.dist_token = nn.Parameter(torch.empty(1, 1, width))
        self.new_pos_embed = nn.Parameter(torch.empty(1, 2, width))
        self.freq_new_pos_embed = nn.Parameter(torch.empty(1, width, rows, 1))
        self.time_new_pos_embed = nn.Parameter(torch.empty(1, width, 1, max(columns, COLUMNS)))
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, classes))
        for token in (self.cls_token, self.dist_token, self.new_pos_embed):
            nn.init.trunc_normal_(token, std=0.02)
        for position in (self.freq_new_pos_embed, self.time_new_pos_embed):
            nn.init.trunc_normal_(position, std=0.2)  # with the paper's 0.02 it learns the frequency late from nothing
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02 * (768 / width) ** 0.5)
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        grid = self.patch_embed(x)
        grid = grid + self._time(grid.shape[3]) + self.freq_new_pos_embed
        if self.training:
            for axis, share in zip((3, 2), self.patchout[::-1], strict=True):
                grid = leave_out(grid, axis, share)
        tokens = grid.flatten(2).transpose(1, 2)
        first = torch.cat([self.cls_token, self.dist_token], 1) + self.new_pos_embed
        tokens = self.norm(self.blocks(torch.cat([first.expand(len(x), -1, -1), tokens], 1)))
        return self.head(tokens[:, :2].mean(1))

    def _time(self, columns: int) -> Tensor:
        """The time embedding of shorter clips is a part of the table: in training a random one, else the first one."""
        spare = self.time_new_pos_embed.shape[3] - columns
        start = int(torch.randint(spare + 1, ())) if self.training and spare else 0
        return self.time_new_pos_embed[..., start : start + columns]


def build(classes: int, width: int, front_end: FrontEnd) -> nn.Module:
    """Build PaSST: twelve blocks from a width of 256 on, four below.

    Args:
        classes: How many.
        width: Size of a token, a multiple of its heads (one per 64, four below 256); 768 in the paper.
        front_end: Of its inputs, at least 16 x 16.

    Returns:
        The module: log-mel (B, 1, mels, frames) -> logits (B, classes).

    Raises:
        ValueError: The heads do not divide the width, or the inputs are smaller than a patch.
    """
    return PaSST(classes, width, (front_end.mels, front_end.frames), depth=depth_of(width))


FAMILY = Family(
    name="passt",
    make=build,
    width=64,
    about="transformer with patchout; width = token size (paper: 768, 86 M)",
    paper=published("passt", 1.0),
    global_context="all patches by attention",
)
