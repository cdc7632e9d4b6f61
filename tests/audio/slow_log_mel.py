"""A log-mel of any parts, frame by frame in float64 numpy, and random front ends to compare with."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from hwasc.records.front_end import FrontEnd


def mel(hertz: np.ndarray, scale: str) -> np.ndarray:
    if scale == "htk":
        return np.asarray(2595 * np.log10(1 + hertz / 700))
    return np.where(hertz < 1000, hertz * 3 / 200, 15 + 27 * np.log(np.maximum(hertz, 1e-9) / 1000) / np.log(6.4))


def hertz(mels: np.ndarray, scale: str) -> np.ndarray:
    if scale == "htk":
        return np.asarray(700 * (10 ** (mels / 2595) - 1))
    return np.where(mels < 15, mels * 200 / 3, 1000 * 6.4 ** ((mels - 15) / 27))


def slow_bands(wave: np.ndarray, fe: FrontEnd) -> np.ndarray:
    """The mel bands before the logarithm, (mels, frames)."""
    x = wave.astype(np.float64)
    if fe.pre_emphasis and fe.pre_emphasis_of == "clip":
        x = x[1:] - fe.pre_emphasis * x[:-1]
    if fe.edges != "none":
        x = np.pad(x, fe.n_fft // 2, mode="reflect" if fe.edges == "reflect" else "constant")
    n = np.arange(fe.window)
    period = fe.window if fe.window_shape == "periodic" else max(fe.window - 1, 1)
    window = (0.5 - 0.5 * np.cos(2 * np.pi * n / period)) ** (0.85 if fe.window_shape == "povey" else 1)
    left = 0 if fe.edges == "none" else (fe.n_fft - fe.window) // 2

    ends = np.linspace(*mel(np.array([fe.f_min, fe.f_max]), fe.mel_scale), fe.mels + 2)
    bins = np.arange(1 + fe.n_fft // 2) * fe.sample_rate / fe.n_fft
    in_hertz = hertz(ends, fe.mel_scale)
    if fe.triangles == "mel":
        bins = mel(bins, fe.mel_scale)
    else:
        ends = in_hertz
    filters = np.array(
        [
            np.clip(np.minimum((bins - a) / (b - a), (c - bins) / (c - b)), 0, None)
            for a, b, c in zip(ends, ends[1:], ends[2:])
        ]
    )
    if fe.area_norm:
        filters *= 2 / (in_hertz[2:] - in_hertz[:-2])[:, None]

    out = np.zeros((fe.mels, fe.frames))
    for t in range(fe.frames):
        frame = x[t * fe.hop + left :][: fe.window]
        frame = np.pad(frame, (0, fe.window - len(frame)))
        if fe.remove_mean:
            frame = frame - frame.mean()
        if fe.pre_emphasis and fe.pre_emphasis_of == "frame":
            frame = frame - fe.pre_emphasis * np.concatenate([frame[:1], frame[:-1]])
        out[:, t] = filters @ np.abs(np.fft.rfft(frame * window, fe.n_fft)) ** fe.power
    return out * fe.gain


def slow_log_mel(wave: np.ndarray, fe: FrontEnd) -> np.ndarray:
    """The log-mel of one clip, (mels, frames)."""
    bands = np.maximum(slow_bands(wave, fe) + fe.log_offset, fe.log_floor)
    logs = np.log(bands) if fe.log == "natural" else 10 * np.log10(bands)
    return np.asarray((logs - fe.mean) / fe.std)


@st.composite
def front_ends(draw: st.DrawFn) -> FrontEnd:
    """Front ends of a tenth of a second with any parts; the logarithm's argument is above 1e-4."""
    rate = draw(st.sampled_from([8_000, 16_000, 22_050]))
    n_fft = draw(st.integers(64, 300))
    low = draw(st.sampled_from([0.0, 125.0]))
    offset, floor = draw(st.sampled_from([(1e-3, 0.0), (1e-4, 2e-3), (0.0, 1e-3)]))
    fields = {
        "window": draw(st.integers(33, n_fft)),
        "hop": draw(st.integers(20, 200)),
        "mels": draw(st.integers(1, 40)),
        "f_min": low,
        "f_max": draw(st.sampled_from([0.4, 0.5])) * rate,
        "log_offset": offset,
        "log_floor": floor,
        "mean": draw(st.sampled_from([0.0, -4.5, 15.4])),
        "std": draw(st.sampled_from([1.0, 5.0])),
        "pre_emphasis": draw(st.sampled_from([0.0, 0.97])),
        "pre_emphasis_of": draw(st.sampled_from(["clip", "frame"])),
        "remove_mean": draw(st.booleans()),
        "window_shape": draw(st.sampled_from(["periodic", "symmetric", "povey"])),
        "edges": draw(st.sampled_from(["zeros", "reflect", "none"])),
        "mel_scale": draw(st.sampled_from(["slaney", "htk"])),
        "triangles": draw(st.sampled_from(["hertz", "mel"])),
        "area_norm": draw(st.booleans()),
        "power": draw(st.sampled_from([1, 2])),
        "gain": draw(st.sampled_from([1.0, 4.1])),
        "log": draw(st.sampled_from(["natural", "decibel"])),
    }
    whole = FrontEnd(rate, 0.1, n_fft, frames=1, **fields)
    return FrontEnd(rate, 0.1, n_fft, frames=draw(st.integers(1, whole.most_frames)), **fields)
