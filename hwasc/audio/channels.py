"""One channel out of several: dead channels are left out, and of channels that cancel one is used."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

DEAD = 1e-3  # power of a dead channel against the loudest one: 30 dB; channels of one place differ by less than 20 dB
OPPOSITE = -0.9  # correlation below which two channels are one signal with the polarity of one of them wrong


def to_mono(wave: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The mean of the channels that a person would use.

    A channel that is constant, or 30 dB below the loudest one, is left out. Where two channels are nearly opposite (correlation
    below -0.9), their mean would cancel: the first of the channels that are left is taken. The thresholds are far from what
    microphones in one place give, so that the choice is the same for all clips of a recording.

    Args:
        wave: float32 of shape (samples, channels).

    Returns:
        float32 of shape (samples,).
    """
    if wave.shape[1] == 1 or len(wave) == 0:
        return wave[:, 0]
    planes = np.ascontiguousarray(wave.T)  # several times as fast as along the last axis
    centred = planes - planes.mean(axis=1, keepdims=True)
    products = centred @ centred.T
    used = _used(products, products.diagonal())
    if len(used) == 1:
        return planes[used[0]]
    mono: npt.NDArray[np.float32] = (planes if len(used) == len(planes) else planes[used]).mean(axis=0)
    return mono


def live_channels(power: npt.NDArray[np.floating]) -> list[int]:
    """Which channels are not dead.

    Args:
        power: Power of each channel without its mean.

    Returns:
        Their positions; none if all are constant.
    """
    loudest = float(power.max())
    return [k for k, p in enumerate(power) if p > 0 and p >= DEAD * loudest]


def cancel(products: npt.NDArray[np.floating], live: list[int]) -> bool:
    """Whether two of the channels are nearly opposite.

    Args:
        products: Products of the channels without their means, summed over time; of shape (channels, channels).
        live: The channels to look at.

    Returns:
        Whether they are.
    """
    power = np.diag(products)[live]
    with np.errstate(over="ignore", invalid="ignore"):
        correlation = products[np.ix_(live, live)] / np.sqrt(np.outer(power, power))
    return bool((correlation < OPPOSITE).any())


def _used(products: npt.NDArray[np.floating], power: npt.NDArray[np.floating]) -> list[int]:
    """The channels that are averaged; all if all are constant."""
    live = live_channels(power)
    if len(live) > 1 and cancel(products, live):
        return live[:1]
    return live or list(range(len(power)))
