"""The tables of the log-mel in C: window, twiddle factors, slopes of the mel bands, scaling; and the sources that read them."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from hwasc.cost.firmware_front_end import Arithmetic, check_fft, fft_passes, segment_bins
from hwasc.cost.frontend import mel_edges
from hwasc.errors import UsageError
from hwasc.records.front_end import FrontEnd

MARK = "/* Written by hwasc; do not edit, export again. */\n"
FULL_SCALE = 32_768
NUMBERS_A_LINE = 8
MOST_FEATURES = 128  # an octave of power, in integers
WINDOW = "scene_real scene_window[SCENE_WINDOW / 2 + 1]"
TWIDDLES = "scene_real scene_twiddles[2 * (SCENE_POINTS - SCENE_FIRST_RADIX)]"
SINES = "scene_real scene_sines[SCENE_FFT / 4 + 1]"
BINS = "uint16_t scene_bins[SCENE_MELS + 2]"
SLOPES = "scene_slope scene_slopes[SCENE_MELS + 1]"
SCALING = "scene_scaling scene_features"
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
        *(("scene_fixed.h",) if arithmetic == "integer" else ()),
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
    parts = (
        _integers(front_end, scale, zero_point) if arithmetic == "integer" else _floats(front_end, scale, zero_point)
    )
    return f'{MARK}#include "scene_front_end.h"\n\n' + "\n".join(parts)


def _floats(fe: FrontEnd, scale: float, zero_point: int) -> list[str]:
    step = fe.std * scale
    slopes, areas = _mel(fe)
    return [
        _array(WINDOW, map(_float, _window(fe.window) / (2 * FULL_SCALE))),
        _array(TWIDDLES, map(_float, _twiddles(fe.n_fft, "float"))),
        _array(SINES, map(_float, _sines(fe.n_fft))),
        _array(BINS, map(str, segment_bins(fe))),
        _array(SLOPES, (f"{{{_float(a)}, {_float(b)}}}" for a, b in slopes)),
        _array("float scene_areas[SCENE_MELS]", map(_float, areas)),
        _array(SCALING, map(_float, (fe.log_offset, 1 / step, zero_point - fe.mean / step))),
    ]


def _integers(fe: FrontEnd, scale: float, zero_point: int) -> list[str]:
    step = fe.std * scale
    octave = math.log(2) / step  # features
    slopes, areas = _mel(fe)
    slope_bits = 30 - math.ceil(math.log2(max(1.0, np.abs(slopes).max())))
    unit = 62 - (fe.n_fft.bit_length() - 3) - 2 * (fe.n_fft.bit_length() - 2)  # a power of 1 is 2^unit at shift 0
    offsets = fe.log_offset / areas * 2.0**unit
    offset_shift = max(-31, math.ceil(math.log2(offsets.max())) - 32)
    most_shift = min(15, (62 - math.ceil(math.log2(offsets.max()))) // 2)
    if octave > MOST_FEATURES or most_shift < 0:
        raise UsageError(
            f"log_offset {fe.log_offset:g} and an input scale of {scale:g}: too large and too small for the log-mel in "
            "integers; export for a core with a floating-point unit"
        )
    addends = zero_point - fe.mean / step + octave * (np.log2(areas) - unit)
    factor = round(octave * 2**23)
    return [
        _array(WINDOW, map(_integer, np.minimum(_window(fe.window) * 2**31, 2**31 - 1))),
        _array(TWIDDLES, map(_integer, _twiddles(fe.n_fft, "integer") * 2**30)),
        _array(SINES, map(_integer, np.minimum(_sines(fe.n_fft) * 2**31, 2**31 - 1))),
        _array(BINS, map(str, segment_bins(fe))),
        _array(SLOPES, (f"{{{_integer(a)}, {_integer(b)}}}" for a, b in slopes * 2.0**slope_bits)),
        _array("uint32_t scene_offsets[SCENE_MELS]", map(_natural, offsets / 2**offset_shift)),
        _array("int32_t scene_addends[SCENE_MELS]", map(_integer, addends * 2**16)),
        _array(SCALING, map(str, (factor, most_shift, offset_shift, slope_bits))),
    ]


def _window(length: int) -> Table:
    """The first half of a periodic Hann window, and its middle."""
    return np.asarray(np.sin(np.pi * np.arange(length // 2 + 1) / length) ** 2)


def _sines(n_fft: int) -> Table:
    return np.asarray(np.sin(2 * np.pi * np.arange(n_fft // 4 + 1) / n_fft))


def _twiddles(n_fft: int, arithmetic: Arithmetic) -> Table:
    """Real and imaginary parts of every pass but the first, in the order in which the FFT reads them."""
    parts = []
    for radix, size in fft_passes(n_fft, arithmetic)[1:]:
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


def _array(declaration: str, numbers: Iterable[str]) -> str:
    items = list(numbers)
    lines = (", ".join(items[i : i + NUMBERS_A_LINE]) for i in range(0, len(items), NUMBERS_A_LINE))
    body = "".join(f"    {line},\n" for line in lines)
    text = f"const {declaration} = {{\n{body}}};\n"
    return f"#ifndef SCENE_CMSIS_DSP\n{text}#endif\n" if declaration == TWIDDLES else text


def _float(value: float) -> str:
    """The shortest literal of the nearest float32."""
    return f"{np.float32(value)!s}f"


def _integer(value: float) -> str:
    return str(round(value))


def _natural(value: float) -> str:
    return f"{max(1, min(round(value), 2**32 - 1))}u"
