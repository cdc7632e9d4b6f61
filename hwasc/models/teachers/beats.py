"""BEATs: a transformer over patches with relative positions, for published weights or from nothing.

Chen, Wu, Wang, Liu, Tompkins, Chen, Wei, "BEATs: Audio Pre-Training with Acoustic Tokenizers", ICML 2023 (arXiv 2212.09058).
Patches of 16 x 16 that do not overlap, in the order of time; a convolution as position embedding (wav2vec 2.0), relative position
biases that each query gates (WavLM, arXiv 2110.13900), post-norm residuals scaled for depth (DeepNorm, arXiv 2203.00555). The
tensors have the names of the published files. There every layer repeats the first one's position bias, which is left out here.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hwasc.models.teachers.family import Family
from hwasc.models.teachers.patches import check_size, depth_of, heads_of
from hwasc.records.front_end import FrontEnd
from hwasc.records.front_ends import front_end as published

PATCH = 16
KERNEL, GROUPS = 128, 16  # of the position convolution
BUCKETS, FARTHEST = 320, 800  # of the relative positions
GATES = 8


class PositionConvolution(nn.Module):
    """A grouped convolution over the tokens, with one norm for each place of its kernel: (B, width, tokens) -> the same."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight_v = nn.Parameter(torch.empty(width, width // GROUPS, KERNEL))
        nn.init.normal_(self.weight_v, std=(4 / (KERNEL * width)) ** 0.5)
        self.weight_g = nn.Parameter(self.weight_v.detach().norm(dim=(0, 1), keepdim=True))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight_g * self.weight_v / self.weight_v.norm(dim=(0, 1), keepdim=True)
        return F.conv1d(x, weight, self.bias, padding=KERNEL // 2, groups=GROUPS)[..., :-1]  # the kernel is even


def buckets(tokens: int) -> Tensor:
    """Number the distances between tokens: near ones exactly, far ones by their logarithm, one half for each direction.

    Args:
        tokens: How many.

    Returns:
        (tokens, tokens): row is the query, column the key; 0..`BUCKETS` - 1.
    """
    place = torch.arange(tokens)
    distance = place[None] - place[:, None]
    half = BUCKETS // 2
    exact = half // 2
    far = distance.abs().clamp_min(1).float()
    logarithm = exact + ((far / exact).log() / math.log(FARTHEST / exact) * (half - exact)).long()
    near = torch.where(distance.abs() < exact, distance.abs(), logarithm.clamp_max(half - 1))
    return near + half * (distance > 0)


class Attention(nn.Module):
    """Self-attention whose relative position bias each query gates: (B, tokens, width) -> the same shape."""

    def __init__(self, width: int, heads: int, first: bool) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj, self.k_proj = nn.Linear(width, width), nn.Linear(width, width)
        self.v_proj, self.out_proj = nn.Linear(width, width), nn.Linear(width, width)
        self.grep_linear = nn.Linear(width // heads, GATES)
        self.grep_a = nn.Parameter(torch.ones(1, heads, 1, 1))
        if first:
            self.relative_attention_bias = nn.Embedding(BUCKETS, heads)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """Attend; `bias` (heads, tokens, tokens) is the first layer's for all."""
        q, k, v = (p(x).unflatten(2, (self.heads, -1)).transpose(1, 2) for p in (self.q_proj, self.k_proj, self.v_proj))
        a, b = self.grep_linear(q).unflatten(3, (2, -1)).sum(4).sigmoid().chunk(2, 3)
        gate = a * (b * self.grep_a - 1) + 2
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=(gate * bias).to(q.dtype))
        return self.out_proj(attended.transpose(1, 2).flatten(2))


class Layer(nn.Module):
    """Attention and MLP with post-norm: norm(alpha x + f(x)) twice; (B, tokens, width) -> the same shape."""

    def __init__(self, width: int, heads: int, *, depth: int, first: bool, dropout: float) -> None:
        super().__init__()
        self.alpha = (2 * depth) ** 0.25
        self.self_attn = Attention(width, heads, first)
        self.self_attn_layer_norm, self.final_layer_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(dropout)
        small = (8 * depth) ** -0.25
        attention = self.self_attn
        for linear, gain in [
            (attention.q_proj, 1.0),
            (attention.k_proj, 1.0),
            *((layer, small) for layer in (attention.v_proj, attention.out_proj, self.fc1, self.fc2)),
        ]:
            nn.init.xavier_normal_(linear.weight, gain)
            nn.init.zeros_(linear.bias)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        x = self.self_attn_layer_norm(self.alpha * x + self.dropout(self.self_attn(x, bias)))
        return self.final_layer_norm(self.alpha * x + self.dropout(self.fc2(F.gelu(self.fc1(x)))))


class Encoder(nn.Module):
    """The transformer: (B, tokens, width) -> the same shape."""

    def __init__(self, width: int, heads: int, *, depth: int, dropout: float) -> None:
        super().__init__()
        self.pos_conv = nn.Sequential(PositionConvolution(width))
        self.layer_norm = nn.LayerNorm(width)
        self.layers = nn.ModuleList(
            Layer(width, heads, depth=depth, first=i == 0, dropout=dropout) for i in range(depth)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = x + F.gelu(self.pos_conv(x.transpose(1, 2))).transpose(1, 2)
        x = self.dropout(self.layer_norm(x))
        table: Tensor = self.get_parameter("layers.0.self_attn.relative_attention_bias.weight")
        bias = table[buckets(x.shape[1]).to(x.device)].permute(2, 0, 1)
        for layer in self.layers:
            x = layer(x, bias)
        return x


class Beats(nn.Module):
    """Log-mel (B, 1, mels, frames) -> logits (B, classes), for any size of at least 16 x 16.

    Args:
        classes: How many.
        width: Size of a token, a multiple of 16; 768 in the paper.
        depth: Layers; 12 in the paper.
        dropout: 0..1.

    Raises:
        ValueError: The heads or the groups of the position convolution do not divide the width.
    """

    def __init__(self, classes: int, width: int, *, depth: int = 12, dropout: float = 0.1) -> None:
        super().__init__()
        heads = heads_of(width)
        if width % GROUPS:
            raise ValueError(f"width must be a positive multiple of {GROUPS}, found {width}")
        embedded = 2 * width // 3
        self.patch_embedding = nn.Conv2d(1, embedded, PATCH, PATCH, bias=False)
        self.layer_norm = nn.LayerNorm(embedded)
        self.post_extract_proj = nn.Linear(embedded, width)
        self.encoder = Encoder(width, heads, depth=depth, dropout=dropout)
        self.dropout = nn.Dropout(dropout)
        self.predictor = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        # all bands of a time come before the next time
        patches = self.patch_embedding(x.transpose(2, 3)).flatten(2).transpose(1, 2)
        tokens = self.encoder(self.post_extract_proj(self.layer_norm(patches)))
        return self.predictor(self.dropout(tokens)).mean(1)


def build(classes: int, width: int, front_end: FrontEnd) -> nn.Module:
    """Build BEATs: twelve layers from a width of 256 on, four below.

    Args:
        classes: How many.
        width: Size of a token, a multiple of 16 and of its heads (one per 64, four below 256); 768 in the paper.
        front_end: Of its inputs, at least 16 x 16.

    Returns:
        The module: log-mel (B, 1, mels, frames) -> logits (B, classes).

    Raises:
        ValueError: The width does not fit, or the inputs are smaller than a patch.
    """
    check_size((front_end.mels, front_end.frames), PATCH)
    return Beats(classes, width, depth=depth_of(width))


FAMILY = Family(
    name="beats",
    make=build,
    width=96,
    about="transformer, gated relative positions; width = token size (paper: 768, 90 M)",
    paper=published("beats", 1.0),
    global_context="all patches by attention",
)
