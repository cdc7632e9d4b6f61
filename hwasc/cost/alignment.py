"""Rounding of sizes and offsets, for the arena and for the .tflite file."""

from __future__ import annotations

ALIGNMENT = 16  # bytes: of buffers in the arena and of constants in the file


def align(size: int, multiple: int = ALIGNMENT) -> int:
    """Round up to a multiple.

    Args:
        size: Bytes or items, at least 0.
        multiple: What the result is a multiple of, at least 1.

    Returns:
        The least multiple that is not below `size`.
    """
    return -(-size // multiple) * multiple
