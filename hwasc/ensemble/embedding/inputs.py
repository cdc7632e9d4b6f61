"""How a clip's log-mel or waveform becomes the input of a net: order of axes, and windows of the length that the net takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwasc.errors import DataError
from hwasc.records.front_end import FrontEnd
from hwasc.records.waveform import Waveform

# Orders of the axes after the batch's: m mel bands, f frames, s samples, 1 a channel. Where several fit, the first is taken.
OF_LOG_MELS = ("1mf", "1fm", "mf1", "fm1", "mf", "fm")
OF_WAVEFORMS = ("1s", "s1", "s")
Array = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class NetInput:
    """What a net takes of a clip.

    A clip that is longer than a window gives windows of half a window's hop, spread evenly from its begin to its end. One that is
    shorter is repeated.

    Attributes:
        axes: One of `OF_LOG_MELS` or `OF_WAVEFORMS`.
        length: Frames or samples of a window.
    """

    axes: str
    length: int

    def starts(self, length: int) -> list[int]:
        """Where the windows of a clip begin.

        Args:
            length: Frames or samples of the clip.

        Returns:
            Frames or samples, one value at least.
        """
        excess = max(0, length - self.length)
        count = 1 + round(excess / max(1, self.length // 2))
        return [round(i * excess / max(1, count - 1)) for i in range(count)]

    def windows(self, clips: Array) -> Array:
        """Cut clips into windows, in the order of axes that the net takes.

        Args:
            clips: (B, mels, frames) or (B, samples).

        Returns:
            (B x windows, ...), the windows of a clip side by side.
        """
        length = clips.shape[-1]
        if length < self.length:
            clips = np.take(clips, np.arange(self.length) % length, axis=-1)
        cut = np.stack([clips[..., start : start + self.length] for start in self.starts(length)], axis=1)
        flat = cut.reshape(-1, *cut.shape[2:])
        if "fm" in self.axes:
            flat = flat.swapaxes(1, 2)
        channel = self.axes.find("1")
        return np.ascontiguousarray(flat if channel < 0 else np.expand_dims(flat, 1 if channel == 0 else -1))


def net_input(shape: Sequence[int | None], front_end: FrontEnd | Waveform, where: str) -> NetInput:
    """Decide by the shape of a net's input how clips are put into it.

    Args:
        shape: Of the net's input, without the batch; None where an axis is free.
        front_end: What clips are made into.
        where: Names the net in messages.

    Returns:
        The order of axes and the length of a window.

    Raises:
        DataError: The shape does not fit the front end.
    """
    fixed = {"m": front_end.mels, "1": 1} if isinstance(front_end, FrontEnd) else {"1": 1}
    length = front_end.frames if isinstance(front_end, FrontEnd) else front_end.samples
    best, most = "", -1
    for axes in OF_LOG_MELS if isinstance(front_end, FrontEnd) else OF_WAVEFORMS:
        pairs = [(found, fixed.get(axis)) for found, axis in zip(shape, axes, strict=False)]
        if len(axes) == len(shape) and all(None in pair or pair[0] == pair[1] for pair in pairs):
            alike = sum(found is not None and found == wanted for found, wanted in pairs)
            if alike > most:
                best, most = axes, alike
    if not best:
        gives = (
            f"{front_end.mels} mel bands x {front_end.frames} frames ({front_end})"
            if isinstance(front_end, FrontEnd)
            else f"{front_end.samples:,} samples ({front_end})"
        )
        takes = ", ".join("any" if n is None else str(n) for n in shape)
        raise DataError(
            f"{where}: takes ({takes}) for a clip, but its front end gives {gives}; name the front end that it was trained on"
        )
    found = next(n for n, axis in zip(shape, best, strict=True) if axis in "fs")
    return NetInput(axes=best, length=found or length)
