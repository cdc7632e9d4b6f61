"""Levels of recordings: dead channels, channels that cancel, and samples that are not scaled to 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwasc.audio.channels import cancel, live_channels

FULL_SCALE = (
    10.0  # a float sample above it is not one of full scale 1: decoders and mixing overshoot by some dB, not by 20
)
SCALES = ((128.0, "128"), (32768.0, "32768"), (8388608.0, "8388608"), (2147483648.0, "2147483648"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """Levels of a recording.

    Attributes:
        peak: Largest absolute sample; full scale is 1.
        rms: Level of each channel in dB below full scale, without its mean; -inf for a constant channel.
        remark: What is wrong, and what is done about it, for people; empty if nothing is.
    """

    peak: float
    rms: tuple[float, ...]
    remark: str


class LevelMeter:
    """Levels of a recording that comes in blocks."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._frames = 0
        self._peak = 0.0
        self._sum: npt.NDArray[np.float64] = np.zeros(0)
        self._products: npt.NDArray[np.float64] = np.zeros((0, 0))

    def add(self, block: npt.NDArray[np.float32]) -> None:
        """Take in what follows.

        Args:
            block: float32 of shape (samples, channels), full scale 1.
        """
        if len(block) == 0:
            return
        if self._frames == 0:
            self._sum = np.zeros(block.shape[1])
            self._products = np.zeros((block.shape[1], block.shape[1]))
        wide = block.astype(np.float64)
        self._frames += len(block)
        self._peak = max(self._peak, float(np.abs(block).max()))
        self._sum += wide.sum(axis=0)
        self._products += wide.T @ wide

    def levels(self) -> Levels:
        """The levels of all blocks so far.

        Returns:
            The levels; of no channel if there was no block.
        """
        if self._frames == 0:
            return Levels(peak=0.0, rms=(), remark="")
        mean = self._sum / self._frames
        products = self._products / self._frames - np.outer(mean, mean)
        power = np.maximum(np.diag(products), 0.0)
        power[power < 1e-12 * np.diag(self._products) / self._frames] = 0.0  # rounding of a constant
        with np.errstate(divide="ignore"):
            rms = tuple(float(x) for x in 10 * np.log10(power))
        return Levels(peak=self._peak, rms=rms, remark=out_of_scale(self._peak) or _remark(products, power))


def out_of_scale(peak: float) -> str:
    """Why samples are not of full scale 1.

    Args:
        peak: The largest absolute sample.

    Returns:
        The reason and what to do; empty if the peak is one of full scale 1.
    """
    if not peak > FULL_SCALE:
        return ""
    shown = f"{peak:,.0f}" if peak < 1e10 else f"{peak:.0e}"
    scale = next((name for limit, name in SCALES if peak <= limit * 1.01), "")
    return f"float samples up to {shown}: full scale is 1" + (f"; divide them by {scale}" if scale else "")


def _remark(products: npt.NDArray[np.float64], power: npt.NDArray[np.float64]) -> str:
    live = live_channels(power)
    if not live or len(power) == 1:
        return ""
    dead = [k for k in range(len(power)) if k not in live]
    if len(live) > 1 and cancel(products, live):
        return f"channels cancel: {_named([live[0]], len(power))} is used"
    if not dead:
        return ""
    verb = "is" if len(live) == 1 else "are"
    return f"{_named(dead, len(power))} dead: {_named(live, len(power), short=True)} {verb} used"


def _named(channels: list[int], count: int, short: bool = False) -> str:
    if count == 2:
        side = ("left", "right")[channels[0]]
        return f"the {side} one" if short else f"{side} channel"
    numbers = ", ".join(str(k + 1) for k in channels)
    if short:
        return "the other one" if len(channels) == 1 else "the others"
    return f"channel {numbers}" if len(channels) == 1 else f"channels {numbers}"
