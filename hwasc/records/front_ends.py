"""The log-mels of published nets by name. No torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any

from hwasc.errors import UsageError
from hwasc.records.front_end import FrontEnd
from hwasc.suggestion import did_you_mean

KALDI_FLOOR = 2.0**-23  # the float32 epsilon

# AudioSet models of Google: 25 ms every 10 ms, magnitudes, triangles in mel
GOOGLE: dict[str, Any] = {
    "sample_rate": 16_000,
    "window": 400,
    "hop": 160,
    "n_fft": 512,
    "edges": "none",
    "power": 1,
    "mels": 64,
    "mel_scale": "htk",
    "triangles": "mel",
    "area_norm": False,
    "f_min": 125.0,
    "f_max": 7_500.0,
    "mean": 0.0,
    "std": 1.0,
}
YAMNET = GOOGLE | {"log_offset": 0.001}

# Kaldi's fbank with 128 bands: 25 ms every 10 ms, each frame without its mean, then emphasised
KALDI: dict[str, Any] = {
    "sample_rate": 16_000,
    "window": 400,
    "hop": 160,
    "n_fft": 512,
    "edges": "none",
    "remove_mean": True,
    "pre_emphasis": 0.97,
    "pre_emphasis_of": "frame",
    "mels": 128,
    "mel_scale": "htk",
    "triangles": "mel",
    "area_norm": False,
    "f_min": 20.0,
    "f_max": 8_000.0,
    "log_offset": 0.0,
    "log_floor": KALDI_FLOOR,
}

# The log-mel of PaSST, which EfficientAT and CP-Mobile took over: Kaldi's filters on a centred STFT
PASST: dict[str, Any] = {
    "sample_rate": 32_000,
    "window": 800,
    "hop": 320,
    "n_fft": 1024,
    "window_shape": "symmetric",
    "edges": "reflect",
    "pre_emphasis": 0.97,
    "pre_emphasis_of": "clip",
    "mels": 128,
    "mel_scale": "htk",
    "triangles": "mel",
    "area_norm": False,
    "f_min": 0.0,
    "f_max": 15_000.0,
    "log_offset": 1e-5,
    "mean": -4.5,
    "std": 5.0,
}

FIELDS: Mapping[str, dict[str, Any]] = {
    "hwasc": {},
    "yamnet": YAMNET,
    "yamnet_coral": YAMNET | {"gain": 4.1},  # scaled so in the int8 file for Google's Coral boards
    "vggish": GOOGLE | {"log_offset": 0.01},
    "panns": {
        "sample_rate": 32_000,
        "window": 1024,
        "hop": 320,
        "n_fft": 1024,
        "edges": "reflect",
        "mels": 64,
        "f_min": 50.0,
        "f_max": 14_000.0,
        "log": "decibel",
        "log_offset": 0.0,
        "log_floor": 1e-10,
        "mean": 0.0,
        "std": 1.0,
    },
    "efficientat": PASST,
    "passt": PASST,
    # (x - mean) / (2 std), with the mean and standard deviation of AudioSet
    "ast": KALDI | {"window_shape": "symmetric", "mean": -4.2677393, "std": 2 * 4.5689974},
    "beats": KALDI
    | {"window_shape": "povey", "gain": 2.0**30, "mean": 15.41663, "std": 2 * 6.55582},  # samples of 16 bits
    "cp_mobile_2023": PASST | {"window": 3072, "hop": 500, "n_fft": 4096, "mels": 256},
    "dcase2024_baseline": {  # torchaudio's MelSpectrogram with its defaults
        "edges": "reflect",
        "mel_scale": "htk",
        "area_norm": False,
        "mean": 0.0,
        "std": 1.0,
    },
}


def _make(seconds: float, *, name: str) -> FrontEnd:
    whole = FrontEnd(**FIELDS[name], seconds=seconds, frames=1)
    return replace(whole, frames=max(1, whole.most_frames))


FRONT_ENDS: Mapping[str, Callable[[float], FrontEnd]] = MappingProxyType(
    {name: partial(_make, name=name) for name in FIELDS}
)


def front_end(name: str, seconds: float) -> FrontEnd:
    """Make the log-mel of a published net.

    Args:
        name: One of `FRONT_ENDS`.
        seconds: Length of a clip, s.

    Returns:
        The front end, with all frames that fit into a clip.

    Raises:
        UsageError: There is no such name, or the clip is shorter than one frame.
    """
    if name not in FRONT_ENDS:
        suggestion = did_you_mean(name, FRONT_ENDS)
        raise UsageError(f"there is no front end '{name}'{suggestion} (there are {', '.join(FRONT_ENDS)})")
    try:
        return FRONT_ENDS[name](seconds)
    except ValueError as e:
        raise UsageError(f"front end {name}: {e}") from None


def name_of(front_end: FrontEnd) -> str | None:
    """Find the name of a published log-mel.

    Args:
        front_end: Its number of frames does not count.

    Returns:
        The first name in `FRONT_ENDS` whose log-mel it is, for clips of its length; None where there is none.
    """
    for name in FRONT_ENDS:
        fields = FrontEnd(**FIELDS[name], seconds=front_end.seconds, frames=1) if _fits(name, front_end) else None
        if fields == replace(front_end, frames=1):
            return name
    return None


def _fits(name: str, front_end: FrontEnd) -> bool:
    return bool(FIELDS[name].get("sample_rate", FrontEnd.sample_rate) == front_end.sample_rate)
