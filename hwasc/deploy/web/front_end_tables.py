"""The log-mel's window and filters for JavaScript, as training computes them."""

from __future__ import annotations

import numpy as np

from hwasc.audio.frontend import mel_filters, window_of
from hwasc.records.front_end import FrontEnd


def front_end_tables(front_end: FrontEnd) -> tuple[list[tuple[int, int]], bytes]:
    """Compute the tables.

    Args:
        front_end: The log-mel.

    Returns:
        For each mel band its first FFT bin and how many bins follow; and little-endian float32: the window, then the weights of
        these bins, band after band, with the front end's gain.
    """
    filters = mel_filters(front_end) * np.float32(front_end.gain)
    ranges, weights = [], []
    for row in filters:
        bins = np.flatnonzero(row)
        first, end = (int(bins[0]), int(bins[-1]) + 1) if len(bins) else (0, 0)
        ranges.append((first, end - first))
        weights.append(row[first:end])
    return ranges, np.concatenate([window_of(front_end).numpy(), *weights]).astype("<f4").tobytes()
