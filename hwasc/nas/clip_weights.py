"""How much each clip counts in the score of a candidate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from hwasc.data.clips import Clip


def clip_weights(clips: Sequence[Clip], weigh: str) -> np.ndarray:
    """Weigh clips so that every clip, or every recording device, counts alike.

    Test splits of the DCASE challenges have as many clips of each device; their training splits have mostly one device.

    Args:
        clips: All clips that a score is of.
        weigh: `clips` or `devices`, see `SearchSettings.weigh`.

    Returns:
        A weight for each clip, one in the mean.
    """
    if weigh == "clips":
        return np.ones(len(clips))
    count = Counter(clip.device for clip in clips)
    return np.array([len(clips) / (len(count) * count[clip.device]) for clip in clips])
