"""What of a front end's bands the bandwidth of recordings leaves empty."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hwasc.audio.frontend import mel_points
from hwasc.records.front_end import FrontEnd

RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
EMPTY_SHARE = 0.1  # of the bands; less is not worth a line
COMMON_SHARE = 0.1  # of the recordings


@functools.lru_cache(maxsize=8)
def centres(front_end: FrontEnd) -> npt.NDArray[np.float64]:
    """The middle frequencies of a front end's mel bands, Hz, ascending, shape (mels,)."""
    return mel_points(front_end)[1:-1]


def empty_share(bandwidth: float, front_end: FrontEnd) -> float:
    """Share of a front end's mel bands in which recordings of a bandwidth have nothing.

    Args:
        bandwidth: Highest frequency with a sound, Hz.
        front_end: The front end.

    Returns:
        0 to 1.
    """
    return float(np.mean(centres(front_end) > bandwidth))


def fitting_rate(bandwidths: Sequence[float]) -> int:
    """The lowest usual sample rate that keeps what nearly all of some recordings hold.

    Args:
        bandwidths: Of the recordings, Hz.

    Returns:
        Hz.
    """
    wanted = 2 * float(np.quantile(bandwidths, 0.95))
    return next((rate for rate in RATES if rate >= 0.97 * wanted), RATES[-1])


def bandwidth_lines(names: Sequence[str], bandwidths: Sequence[float], front_end: FrontEnd | None = None) -> list[str]:
    """A warning if many recordings leave bands of a front end empty.

    Args:
        names: Of the recordings.
        bandwidths: Of each, Hz; 0 if it is not known.
        front_end: The front end; None: the default one.

    Returns:
        No line or one.
    """
    front_end = front_end or FrontEnd()
    known = [b for b in bandwidths if b > 0]
    narrow = sorted(
        (share, name, b)
        for name, b in zip(names, bandwidths, strict=True)
        if b > 0 and (share := empty_share(b, front_end)) >= EMPTY_SHARE
    )
    if not narrow or len(narrow) < COMMON_SHARE * len(known):
        return []
    share, name, b = narrow[len(narrow) // 2]
    line = (
        f"{len(narrow):,} of {len(known):,} recordings have nothing above {_khz(b)} (e.g. {name}): {share:.0%} of the "
        f"{front_end.mels} mel bands to {_khz(front_end.f_max)} are empty"
    )
    fits = fitting_rate(known)
    if fits < front_end.sample_rate:
        return [
            f"{line}; a front end of {fits:,} Hz fits: copy search_spaces/full.yaml, set sample_rate: {fits} and a window in "
            "proportion in its front_end, and name it with --space"
        ]
    return [f"{line}; the others have more: record or export all of them alike"]


def _khz(hertz: float) -> str:
    return f"{hertz / 1000:.3g} kHz"
