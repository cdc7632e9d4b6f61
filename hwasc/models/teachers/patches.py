"""What the patch transformers have in common: heads by width, the smallest input, structured patchout."""

from __future__ import annotations

import torch
from torch import Tensor


def heads_of(width: int) -> int:
    """The attention heads of a transformer: one for each 64 of its width, four below 256.

    Args:
        width: Size of a token.

    Returns:
        The number of heads, which divides the width.

    Raises:
        ValueError: It does not divide the width.
    """
    heads = 4 if width < 256 else width // 64
    if width < 1 or width % heads:
        raise ValueError(f"width must be a positive multiple of {heads}, found {width}")
    return heads


def depth_of(width: int) -> int:
    """The depth of PaSST and BEATs: the papers' twelve blocks from a width of 256 on, four below.

    Args:
        width: Size of a token.

    Returns:
        The number of blocks.
    """
    return 12 if width >= 256 else 4


def check_size(size: tuple[int, int], patch: int) -> None:
    """Check that inputs have at least one patch.

    Args:
        size: Mels x frames.
        patch: Bins and frames of a patch.

    Raises:
        ValueError: They are smaller.
    """
    if min(size) < patch:
        raise ValueError(
            f"patches of {patch} x {patch} need at least as many mels and frames, found {size[0]} x {size[1]}"
        )


def leave_out(grid: Tensor, axis: int, share: float) -> Tensor:
    """Leave out a random share of the rows or columns of a grid; at least one stays, the order too.

    Args:
        grid: Any tensor.
        axis: Along which to leave out.
        share: 0..1; drawn from torch's global generator.

    Returns:
        The smaller grid.
    """
    count = grid.shape[axis]
    chosen = torch.randperm(count)[: max(1, count - round(share * count))].sort().values
    return grid.index_select(axis, chosen.to(grid.device))
