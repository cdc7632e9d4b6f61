"""The front end: from waveform to log-mel, as a record of its stated parts. No torch."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from hwasc.records.schema import STRICT

SAMPLE_RATE = 1_000_000  # Hz; the most that a front end takes, as are these:
SAMPLES = 1 << 28  # of a clip, two hours at 32 kHz
N_FFT = 1 << 20
FILTERS = 1 << 27  # mel bands x n_fft

Window = Literal["periodic", "symmetric", "povey"]
Edges = Literal["zeros", "reflect", "none"]


def next_power_of_two(length: int) -> int:
    """The smallest power of two that is at least `length`, which is at least 1."""
    return 1 << (length - 1).bit_length()


@dataclass(frozen=True)
class FrontEnd:
    """Waveform to log-mel. In order: pre-emphasis, frames, window, FFT, mel bands, logarithm, (x - mean) / std.

    The defaults are hwasc's own log-mel. `hwasc.records.front_ends` has those of published nets by name.

    Attributes:
        sample_rate: Hz.
        seconds: Length of a clip, s.
        n_fft: Length of the FFT, samples.
        window: Length of the window, samples.
        hop: Samples.
        mels: Mel bands.
        frames: Frames of a clip: the first of those that fit, see `most_frames`.
        f_min: Lowest frequency of the mel bands, Hz.
        f_max: Highest frequency of the mel bands, Hz.
        log_offset: Added to the bands before the logarithm.
        mean: Subtracted from the logarithm.
        std: The result is divided by it.
        pre_emphasis: c of the pre-emphasis, 0 to below 1; 0: none.
        pre_emphasis_of: `clip`: y[n] = x[n + 1] - c x[n], one sample shorter. `frame`: y[n] = x[n] - c x[n - 1] within each
            frame, where the first sample is its own predecessor, as Kaldi does.
        remove_mean: Whether the mean of each frame is subtracted before the pre-emphasis and the window, as Kaldi does.
        window_shape: `periodic` or `symmetric` Hann window, or `povey`, a symmetric Hann window to the power of 0.85.
        edges: What is beyond the ends of a clip. `zeros` or `reflect`: frame t is centred at sample t x hop, and what it lacks is
            zero or mirrored. `none`: frame t begins at sample t x hop, and no frame reaches beyond the clip.
        mel_scale: `slaney` (linear below 1 kHz), or `htk`: 1127 ln(1 + f / 700).
        triangles: Whether the slopes of the filters are linear in `hertz` or in `mel`.
        area_norm: Whether each filter has the same area (Slaney's normalisation), or the same height, 1.
        power: Of the magnitudes that the bands add up: 2 or 1.
        gain: Factor of the bands before the logarithm.
        log_floor: The least value that the logarithm is taken of; 0: none.
        log: `natural` logarithm, or `decibel`: 10 log10.
    """

    sample_rate: int = 32_000
    seconds: float = 1.0
    n_fft: int = 4096
    window: int = 3072
    hop: int = 500
    mels: int = 256
    frames: int = 65
    f_min: float = 0.0
    f_max: float = 16_000.0
    log_offset: float = 1e-5
    mean: float = -4.5
    std: float = 5.0
    pre_emphasis: float = 0.0
    pre_emphasis_of: Literal["clip", "frame"] = "clip"
    remove_mean: bool = False
    window_shape: Window = "periodic"
    edges: Edges = "zeros"
    mel_scale: Literal["slaney", "htk"] = "slaney"
    triangles: Literal["hertz", "mel"] = "hertz"
    area_norm: bool = True
    power: Literal[1, 2] = 2
    gain: float = 1.0
    log_floor: float = 0.0
    log: Literal["natural", "decibel"] = "natural"

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        for name in ("seconds", "f_min", "f_max", "log_offset", "mean", "std", "pre_emphasis", "gain", "log_floor"):
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"{name}: expected a finite number, found {getattr(self, name)}")
        if min((self.sample_rate, self.n_fft, self.window, self.hop, self.mels, self.frames)) < 1:
            raise ValueError("sample_rate, n_fft, window, hop, mels and frames must be at least 1")
        if not 0 < self.seconds <= SAMPLES or self.sample_rate > SAMPLE_RATE or self.samples > SAMPLES:
            raise ValueError(
                f"need 0 < seconds, sample_rate at most {SAMPLE_RATE:,} Hz and {SAMPLES:,} samples a clip, found "
                f"{self.seconds:g} s at {self.sample_rate:,} Hz"
            )
        if self.n_fft > N_FFT or self.n_fft * self.mels > FILTERS:
            raise ValueError(
                f"need n_fft at most {N_FFT:,} and mels x n_fft at most {FILTERS:,}, found {self.mels:,} and {self.n_fft:,}"
            )
        if self.window > self.n_fft:
            raise ValueError(f"window {self.window} is longer than n_fft {self.n_fft}")
        if not 0 <= self.f_min < self.f_max <= self.sample_rate / 2:
            raise ValueError(
                f"need 0 <= f_min < f_max <= sample_rate / 2, found {self.f_min}, {self.f_max}, {self.sample_rate}"
            )
        if self.frames > self.most_frames:
            raise ValueError(f"{self.frames} frames of hop {self.hop} do not fit into {self.samples} samples")
        if self.edges == "reflect" and self.emphasised <= self.n_fft // 2:
            raise ValueError(f"{self.samples} samples are too few to mirror half a frame of n_fft {self.n_fft}")
        if self.std <= 0 or self.gain <= 0:
            raise ValueError("std and gain must be above 0")
        if min(self.log_offset, self.log_floor) < 0 or max(self.log_offset, self.log_floor) == 0:
            raise ValueError("log_offset and log_floor must not be below 0, and one of them above")
        if not 0 <= self.pre_emphasis < 1:
            raise ValueError(f"pre_emphasis: need 0 <= pre_emphasis < 1, found {self.pre_emphasis}")

    def __str__(self) -> str:
        return f"{self.mels}x{self.frames}, window {self.window}, hop {self.hop}"

    @property
    def samples(self) -> int:
        """Samples of one clip."""
        return round(self.seconds * self.sample_rate)

    @property
    def emphasised(self) -> int:
        """Samples of one clip after the pre-emphasis."""
        return self.samples - (self.pre_emphasis > 0 and self.pre_emphasis_of == "clip")

    @property
    def most_frames(self) -> int:
        """Frames that fit into a clip."""
        if self.edges == "none":
            return max(0, 1 + (self.emphasised - self.window) // self.hop)
        return 1 + self.emphasised // self.hop

    @classmethod
    def for_clip(cls, mels: int, frames: int, seconds: float = 1.0, sample_rate: int = 32_000, **rest: Any) -> FrontEnd:
        """Make the front end whose frames span the clip, that is, the hop is the longest that fits.

        Args:
            mels: Mel bands.
            frames: Frames of a clip.
            seconds: Length of a clip, s.
            sample_rate: Hz.
            **rest: Other fields; `f_max` is half the sample rate by default.

        Returns:
            The front end.

        Raises:
            ValueError: The numbers do not fit.
        """
        samples = round(seconds * sample_rate)
        hop = samples // max(frames - 1, 1)
        rest.setdefault("f_max", sample_rate / 2)
        return cls(sample_rate=sample_rate, seconds=seconds, hop=hop, mels=mels, frames=frames, **rest)

    def at_rate(self, sample_rate: int) -> FrontEnd:
        """The front end for another sample rate: the same in time and in hertz, as far as samples and the rate allow.

        Window and hop last as long as before, to a sample. The FFT is a power of two, at least as long in time. The mel bands end
        at the same frequency, or at half the rate where that is lower, or where they ended at half the former rate.

        Args:
            sample_rate: Hz.

        Returns:
            The front end. It has as many frames, or those that fit into a clip whose length is no whole number of samples.

        Raises:
            ValueError: The rate is too low for its window or its lowest band.
        """
        if sample_rate == self.sample_rate:
            return self
        ratio, half = sample_rate / self.sample_rate, sample_rate / 2
        window, hop = max(1, round(self.window * ratio)), max(1, math.floor(self.hop * ratio))
        rest: dict[str, Any] = {
            "sample_rate": sample_rate,
            "window": window,
            "hop": hop,
            "n_fft": next_power_of_two(max(window, round(self.n_fft * ratio))),
            "f_max": half if self.f_max == self.sample_rate / 2 else min(self.f_max, half),
        }
        return replace(self, **rest, frames=min(self.frames, replace(self, **rest, frames=1).most_frames))

    def lasting(self, seconds: float) -> FrontEnd:
        """The front end for clips of another length, with as many frames a second, rounded to what fits."""
        try:
            fits = replace(self, seconds=seconds, frames=1).most_frames
        except ValueError:
            fits = 1  # said below
        return replace(self, seconds=seconds, frames=max(1, min(fits, round(self.frames * seconds / self.seconds))))
