"""The numbers of a front end that the C code reads as macros of `scene_model.h`."""

from __future__ import annotations

from collections.abc import Mapping

from hwasc.cost.firmware_front_end import Arithmetic, front_end_bytes, has_floor, has_offset, heights, shares
from hwasc.cost.firmware_state import samples_before, samples_of_frame
from hwasc.records.front_end import FrontEnd

EMPHASIS = {"clip": 1, "frame": 2}


def clip_numbers(front_end: FrontEnd) -> Mapping[str, int]:
    """The clip: samples a second, samples.

    Args:
        front_end: The log-mel.

    Returns:
        Values by name, without `SCENE_`.
    """
    return {"SAMPLE_RATE": front_end.sample_rate, "CLIP": front_end.samples}


def frame_numbers(front_end: FrontEnd) -> Mapping[str, int]:
    """The frames: samples of the window, of the FFT, from frame to frame; bands and frames of a clip.

    Args:
        front_end: The log-mel.

    Returns:
        Values by name, without `SCENE_`: `BEFORE` is what of the first window lies before the clip, `SPAN` counts the samples
        that a frame is computed from.
    """
    fe = front_end
    return {
        "WINDOW": fe.window,
        "FFT": fe.n_fft,
        "HOP": fe.hop,
        "MELS": fe.mels,
        "FRAMES": fe.frames,
        "BEFORE": samples_before(fe),
        "SPAN": samples_of_frame(fe),
    }


def part_numbers(front_end: FrontEnd) -> Mapping[str, int]:
    """The parts of the log-mel that a front end may have, most of them 0 or 1; scene_front_end.h says what they mean.

    Args:
        front_end: The log-mel.

    Returns:
        Values by name, without `SCENE_`.
    """
    fe = front_end
    return {
        "EMPHASIS": EMPHASIS[fe.pre_emphasis_of] if fe.pre_emphasis > 0 else 0,
        "REMOVE_MEAN": int(fe.remove_mean),
        "MIRRORED": int(fe.edges == "reflect"),
        "SYMMETRIC": int(fe.window_shape != "periodic"),
        "MAGNITUDE": int(fe.power == 1),
        "SHARES": shares(fe),
        "HEIGHTS": heights(fe),
        "OFFSET": int(has_offset(fe)),
        "FLOOR": int(has_floor(fe)),
    }


def front_end_numbers(front_end: FrontEnd, arithmetic: Arithmetic) -> Mapping[str, int]:
    """All that the log-mel alone is compiled with.

    Args:
        front_end: The log-mel.
        arithmetic: `float` or `integer`.

    Returns:
        Values by name, without `SCENE_`.

    Raises:
        UsageError: The front end cannot be computed in C.
    """
    return {
        **clip_numbers(front_end),
        **frame_numbers(front_end),
        **part_numbers(front_end),
        "INTEGER": int(arithmetic == "integer"),
        "FRONT_END_BYTES": front_end_bytes(front_end, arithmetic),
    }
