"""Sound from a microphone of this machine, through PortAudio (`hwasc[mic]`)."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from hwasc.errors import HwascError, UsageError

BLOCKS_A_SECOND = 20


def microphone(rate: int, device: str | None = None) -> Iterator[npt.NDArray[np.float32]]:
    """Listen until the caller stops.

    Args:
        rate: Sample rate, Hz.
        device: Number or part of the name of an input; None: the system's default.

    Yields:
        float32 (samples, 1) at full scale 1, a twentieth of a second each.

    Raises:
        UsageError: sounddevice is not installed.
        HwascError: There is no such input, or it does not have this rate.
    """
    try:
        import sounddevice
    except ImportError:
        raise UsageError("--mic needs sounddevice; pip install 'hwasc[mic]'") from None
    except OSError as e:  # PortAudio itself is missing
        raise UsageError(f"--mic needs PortAudio ({e}); on Debian: apt-get install libportaudio2") from None
    blocks: queue.Queue[npt.NDArray[np.float32]] = queue.Queue()

    def heard(data: npt.NDArray[np.float32], frames: int, time: Any, status: Any) -> None:
        blocks.put(data.copy())

    chosen: str | int | None = int(device) if device and device.isdecimal() else device
    try:
        with sounddevice.InputStream(
            samplerate=rate,
            channels=1,
            dtype="float32",
            device=chosen,
            blocksize=rate // BLOCKS_A_SECOND,
            callback=heard,
        ):
            while True:
                yield blocks.get()
    except (sounddevice.PortAudioError, ValueError) as e:
        raise HwascError(f"microphone: {e} (python -m sounddevice lists the inputs)") from None
