"""The tables of the log-mel in C: window, twiddle factors, slopes of the mel bands, scaling; and the sources that read them."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from hwasc.cost.firmware_front_end import (
    Arithmetic,
    check_fft,
    fft_passes,
    half_window,
    has_floor,
    has_offset,
    segment_bins,
    shares,
)
from hwasc.cost.frontend import SCALES, mel_edges
from hwasc.errors import UsageError
from hwasc.records.front_end import FrontEnd

MARK = "/* Written by hwasc; do not edit, export again. */\n"
FULL_SCALE = 32_768
NUMBERS_A_LINE = 8
MOST_FEATURES = 128  # an octave of power, in integers
ROOT_BITS = 8  # of magnitudes, as scene_front_end.h counts them
NEPER = 10 / math.log(10)  # decibels of a natural logarithm of 1
WINDOW = "scene_real scene_window[SCENE_LAST_WEIGHT / 2 + 1]"
TWIDDLES = "scene_real scene_twiddles[2 * (SCENE_POINTS - SCENE_FIRST_RADIX)]"
SINES = "scene_real scene_sines[SCENE_FFT / 4 + 1]"
BINS = "uint16_t scene_bins[SCENE_MELS + 2]"
SLOPES = "scene_slope scene_slopes[SCENE_MELS + 1]"
SHARES = "scene_shares[SCENE_SHARES]"
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
        "scene_samples.h",
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
        UsageError: The front end is beyond the C code: its FFT is of another length, or its numbers are too small or too large.
    """
    check_fft(front_end)
    parts = (
        _integers(front_end, scale, zero_point) if arithmetic == "integer" else _floats(front_end, scale, zero_point)
    )
    return f'{MARK}#include "scene_front_end.h"\n\n' + "\n".join(parts)


def _floats(fe: FrontEnd, scale: float, zero_point: int) -> list[str]:
    step = fe.std * scale / _unit(fe)
    scaling = [fe.log_offset, 1 / step, zero_point - fe.mean / (fe.std * scale)]
    scaling += [fe.pre_emphasis] * (fe.pre_emphasis > 0) + [_least(fe, scale, zero_point)] * has_floor(fe)
    return [
        _array(WINDOW, map(_float, _window(fe) / (2 * FULL_SCALE))),
        _array(TWIDDLES, map(_float, _twiddles(fe.n_fft, "float"))),
        _array(SINES, map(_float, _sines(fe.n_fft))),
        _array(BINS, map(str, segment_bins(fe))),
        _float_weights(fe),
        _array("float scene_heights[SCENE_HEIGHTS]", map(_float, _heights(fe))),
        _array(SCALING, map(_float, scaling)),
    ]


def _float_weights(fe: FrontEnd) -> str:
    if shares(fe):
        return _array(f"float {SHARES}", map(_float, _shares(fe)))
    return _array(SLOPES, (f"{{{_float(a)}, {_float(b)}}}" for a, b in _slopes(fe)))


def _integers(fe: FrontEnd, scale: float, zero_point: int) -> list[str]:
    step = fe.std * scale
    octave = math.log(2) * _unit(fe) / step  # features
    weights, slope_bits = _integer_weights(fe)
    high, unit = _heights(fe), _power_unit(fe)
    offsets = fe.log_offset / high * 2.0**unit
    most = math.ceil(math.log2(offsets.max())) if has_offset(fe) else 0
    offset_shift = max(-31, most - 32)
    most_shift = min(15, (62 - most) // fe.power)
    if octave > MOST_FEATURES or most_shift < 0:
        raise UsageError(
            f"log_offset {fe.log_offset:g} and an input scale of {scale:g}: too large and too small for the log-mel in "
            "integers; export for a core with a floating-point unit"
        )
    addends = zero_point - fe.mean / step + octave * (np.log2(high) - unit)
    scaling = [round(octave * 2**23), most_shift, offset_shift, slope_bits]
    scaling += [round(fe.pre_emphasis * 2**31)] * (fe.pre_emphasis > 0)
    scaling += [_least(fe, scale, zero_point)] * has_floor(fe)
    return [
        _array(WINDOW, map(_integer, np.minimum(_window(fe) * 2**31, 2**31 - 1))),
        _array(TWIDDLES, map(_integer, _twiddles(fe.n_fft, "integer") * 2**30)),
        _array(SINES, map(_integer, np.minimum(_sines(fe.n_fft) * 2**31, 2**31 - 1))),
        _array(BINS, map(str, segment_bins(fe))),
        weights,
        *(
            [_array("uint32_t scene_offsets[SCENE_HEIGHTS]", map(_natural, offsets / 2**offset_shift))]
            if has_offset(fe)
            else []
        ),
        _array("int32_t scene_addends[SCENE_HEIGHTS]", map(_integer, addends * 2**16)),
        _array(SCALING, map(str, scaling)),
    ]


def _integer_weights(fe: FrontEnd) -> tuple[str, int]:
    """The slopes, and the bits of their unit."""
    if shares(fe):
        return _array(f"uint32_t {SHARES}", map(_natural, _shares(fe) * 2.0**32)), 0
    slopes = _slopes(fe)
    bits = 30 - math.ceil(math.log2(max(1.0, np.abs(slopes).max())))
    return _array(SLOPES, (f"{{{_integer(a)}, {_integer(b)}}}" for a, b in slopes * 2.0**bits)), bits


def _power_unit(fe: FrontEnd) -> int:
    """A power of 1, or a magnitude, is 2 to the power of this in integers, at shift 0; see scene_fft_integer.h."""
    points = fe.n_fft.bit_length() - 2
    if fe.power == 1:
        return 31 + ROOT_BITS - points
    return 62 - (fe.n_fft.bit_length() - 3) - 2 * points


def _least(fe: FrontEnd, scale: float, zero_point: int) -> int:
    """The least feature: that of silence."""
    log = _unit(fe) * math.log(max(fe.log_offset, fe.log_floor))
    return max(-128, min(127, math.floor((log - fe.mean) / fe.std / scale + zero_point + 0.5)))


def _unit(fe: FrontEnd) -> float:
    """The front end's logarithm of a number whose natural logarithm is 1."""
    return NEPER if fe.log == "decibel" else 1.0


def _window(fe: FrontEnd) -> Table:
    """The first half of the window, and its middle."""
    last = fe.window - (fe.window_shape != "periodic")
    hann = np.sin(np.pi * np.arange(half_window(fe)) / last) ** 2
    return np.asarray(hann**0.85 if fe.window_shape == "povey" else hann)


def _sines(n_fft: int) -> Table:
    return np.asarray(np.sin(2 * np.pi * np.arange(n_fft // 4 + 1) / n_fft))


def _twiddles(n_fft: int, arithmetic: Arithmetic) -> Table:
    """Real and imaginary parts of every pass but the first, in the order in which the FFT reads them."""
    parts = []
    for radix, size in fft_passes(n_fft, arithmetic)[1:]:
        turns = np.outer(np.arange(size), ORDER[radix][1:]) / (radix * size)
        parts.append(np.exp(-2j * np.pi * turns).ravel())
    return np.concatenate(parts).view(np.float64)


def _slopes(fe: FrontEnd) -> Table:
    """For each two edges one bin, and the way from the first bin above them to the upper edge, as shares."""
    edges, bins = mel_edges(fe), segment_bins(fe)
    slopes, above = [], bins[0]
    for lower, upper, count in zip(edges, edges[1:], bins[1:], strict=False):
        above += count
        slopes.append((1 / (upper - lower), (upper - above) / (upper - lower)) if count else (0.0, 0.0))
    return np.asarray(slopes)


def _shares(fe: FrontEnd) -> Table:
    """The weight of each bin on the falling side of a band, on whose slope it is, where slopes are linear in mel."""
    mel, _ = SCALES[fe.mel_scale]
    low, high = mel(fe.f_min), mel(fe.f_max)
    width, (begin, *bins) = (high - low) / (fe.mels + 1), segment_bins(fe)
    found, at = [], begin
    for segment, count in enumerate(bins, 1):
        upper = low + segment * width
        found += [(upper - mel(n * fe.sample_rate / fe.n_fft)) / width for n in range(at, at + count)]
        at += count
    return np.clip(found or [0.0], 0.0, 1.0)


def _heights(fe: FrontEnd) -> Table:
    """The height of each band, one where all are the same."""
    edges = np.asarray(mel_edges(fe)) * fe.sample_rate / fe.n_fft
    return fe.gain * (2 / (edges[2:] - edges[:-2]) if fe.area_norm else np.ones(1))


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
