"""A log-mel as a small PNG inside of a page: one pixel a band and frame, low bands at the bottom."""

from __future__ import annotations

import base64
import struct
import zlib
from functools import cache

import numpy as np
import numpy.typing as npt

MOST = 128  # pixels a side; more bands or frames are averaged


def spectrogram(log_mel: npt.NDArray[np.floating], low: float, high: float) -> str:
    """Draw the features of a clip.

    Args:
        log_mel: (mels, frames).
        low: The value that is drawn darkest. Pictures that are compared need the same one.
        high: The value that is drawn brightest.

    Returns:
        The picture as a `data:` address.
    """
    for axis in (0, 1):
        step = -(-log_mel.shape[axis] // MOST)
        starts = np.arange(0, log_mel.shape[axis], step)
        lengths = np.diff([*starts, log_mel.shape[axis]]).reshape((-1, 1) if axis == 0 else (1, -1))
        log_mel = np.add.reduceat(log_mel.astype(np.float32), starts, axis) / lengths
    levels = np.clip((log_mel - low) / max(high - low, 1e-6), 0, 1)
    return "data:image/png;base64," + base64.b64encode(_png(np.rint(255 * levels[::-1]).astype(np.uint8))).decode()


def _png(levels: npt.NDArray[np.uint8]) -> bytes:
    """A picture of 256 colours (W3C, Portable Network Graphics, 3rd edition)."""
    height, width = levels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in levels)  # no filter
    header = struct.pack(">2I", width, height) + bytes((8, 3, 0, 0, 0))  # 8 bits, by palette
    parts = ((b"IHDR", header), (b"PLTE", _palette()), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    chunks = (struct.pack(">I", len(d)) + kind + d + struct.pack(">I", zlib.crc32(kind + d)) for kind, d in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@cache
def _palette() -> bytes:
    import matplotlib

    return bytes(np.rint(255 * matplotlib.colormaps["magma"](np.arange(256))[:, :3]).astype(np.uint8))
