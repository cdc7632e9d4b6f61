"""The tables of the log-mel in C: window, twiddle factors, slopes of the mel bands, scaling; and the sources that read them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from hwasc.cost.firmware_front_end import Arithmetic, check_fft, fft_passes, segment_bins
from hwasc.cost.frontend import mel_edges
from hwasc.records.architecture import FrontEnd

MARK = "/* Written by hwasc; do not edit, export again. */\n"
FULL_SCALE = 32_768
NUMBERS_A_LINE = 8
ORDER = {4: (0, 2, 1, 3), 8: (0, 4, 2, 6, 1, 5, 3, 7)}  # of a butterfly's inputs: reversed bits

Table = npt.NDArray[np.float64]


def front_end_sources(arithmetic: Arithmetic) -> tuple[str, ...]:
    """Name the C files of the log-mel.

    Args:
        arithmetic: `float` or `integer`.

    Returns:
        Names in `sources`; the tables come on top.
    """
    return (
        "scene_logmel.h",
        "scene_front_end.h",
        f"scene_fft_{arithmetic}.h",
        f"scene_fft_{arithmetic}.c",
        f"scene_logmel_{arithmetic}.c",
    )


def front_end_tables(front_end: FrontEnd, scale: float, zero_point: int, arithmetic: Arithmetic) -> str:
    """Write the tables of a front end.

    Args:
        front_end: The log-mel.
        scale: Of the net's input; real value = scale x (stored - zero_point).
        zero_point: Of the net's input.
        arithmetic: `float` or `integer`.

    Returns:
        The text of `scene_front_end_tables.c`.

    Raises:
        UsageError: The FFT is of a length that the FFT in C does not do.
    """
    check_fft(front_end)
    fe = front_end
    step = fe.std * scale
    slopes, areas = _mel(fe)
    parts = [
        f'{MARK}#include "scene_front_end.h"\n',
        _floats("scene_window[SCENE_WINDOW / 2 + 1]", _window(fe.window) / (2 * FULL_SCALE)),
        "#ifndef SCENE_CMSIS_DSP",
        _floats("scene_twiddles[2 * (SCENE_POINTS - 8)]", _twiddles(fe.n_fft)) + "#endif\n",
        _floats("scene_sines[SCENE_FFT / 4 + 1]", np.sin(2 * np.pi * np.arange(fe.n_fft // 4 + 1) / fe.n_fft)),
        _array("uint16_t scene_bins[SCENE_MELS + 2]", map(str, segment_bins(fe))),
        _array("scene_slope scene_slopes[SCENE_MELS + 1]", (f"{{{_float(a)}, {_float(b)}}}" for a, b in slopes)),
        _floats("scene_areas[SCENE_MELS]", areas),
        _array("scene_scaling scene_features", map(_float, (fe.log_offset, 1 / step, zero_point - fe.mean / step))),
    ]
    return "\n".join(parts)


def _window(length: int) -> Table:
    """The first half of a periodic Hann window, and its middle."""
    return np.asarray(np.sin(np.pi * np.arange(length // 2 + 1) / length) ** 2)


def _twiddles(n_fft: int) -> Table:
    """Real and imaginary parts of every pass but the first, in the order in which the FFT reads them."""
    parts = []
    for radix, size in fft_passes(n_fft)[1:]:
        turns = np.outer(np.arange(size), ORDER[radix][1:]) / (radix * size)
        parts.append(np.exp(-2j * np.pi * turns).ravel())
    return np.concatenate(parts).view(np.float64)


def _mel(front_end: FrontEnd) -> tuple[Table, Table]:
    """For each two edges one bin, and the way from the first bin above them to the upper edge, as shares; the heights."""
    edges, bins = mel_edges(front_end), segment_bins(front_end)
    slopes, above = [], bins[0]
    for lower, upper, count in zip(edges, edges[1:], bins[1:], strict=False):
        above += count
        slopes.append((1 / (upper - lower), (upper - above) / (upper - lower)) if count else (0.0, 0.0))
    hertz = np.asarray(edges) * front_end.sample_rate / front_end.n_fft
    return np.asarray(slopes), 2 / (hertz[2:] - hertz[:-2])


def _floats(declaration: str, values: Table) -> str:
    return _array(f"float {declaration}", map(_float, values))


def _array(declaration: str, numbers: Iterable[str]) -> str:
    items = list(numbers)
    lines = (", ".join(items[i : i + NUMBERS_A_LINE]) for i in range(0, len(items), NUMBERS_A_LINE))
    body = "".join(f"    {line},\n" for line in lines)
    return f"const {declaration} = {{\n{body}}};\n"


def _float(value: float) -> str:
    """The shortest literal of the nearest float32."""
    number = np.float32(value)
    return f"{number!s}f"
