"""A front end in words, for the README of an export."""

from __future__ import annotations

from hwasc.records.front_end import FrontEnd
from hwasc.records.front_ends import name_of

WINDOWS = {"periodic": "periodic Hann window", "symmetric": "symmetric Hann window", "povey": "Povey window"}
EDGES = {
    "zeros": "zeros beyond a clip's ends",
    "reflect": "mirrored beyond a clip's ends",
    "none": "no frame beyond a clip's ends",
}
SCALES = {"slaney": "Slaney's", "htk": "HTK's"}


def front_end_text(front_end: FrontEnd) -> str:
    """Say how a log-mel is computed, in order.

    Args:
        front_end: The log-mel.

    Returns:
        One line; with its name where it is that of a published net.
    """
    fe, name = front_end, name_of(front_end)
    emphasis = f"pre-emphasis {fe.pre_emphasis:g}" if fe.pre_emphasis else ""
    parts = [
        f"{emphasis} of the clip" if emphasis and fe.pre_emphasis_of == "clip" else "",
        EDGES[fe.edges],
        "frames less their mean" if fe.remove_mean else "",
        f"{emphasis} within frames" if emphasis and fe.pre_emphasis_of == "frame" else "",
        WINDOWS[fe.window_shape],
        "powers" if fe.power == 2 else "magnitudes",
        f"{SCALES[fe.mel_scale]} mel scale with slopes linear in {fe.triangles} and bands of the same "
        + ("area" if fe.area_norm else "height"),
        _logarithm(fe),
    ]
    return (f"as {name}: " if name else "") + "; ".join(part for part in parts if part)


def _logarithm(fe: FrontEnd) -> str:
    bands = "x" if fe.gain == 1 else f"{fe.gain:g} x"
    inside = f"{bands} + {fe.log_offset:g}" if fe.log_offset else bands
    if fe.log_floor:
        inside = f"max({inside}, {fe.log_floor:g})"
    log = "ln" if fe.log == "natural" else "10 log10"
    return f"({log}({inside}) {'-' if fe.mean >= 0 else '+'} {abs(fe.mean):g}) / {fe.std:g}"
