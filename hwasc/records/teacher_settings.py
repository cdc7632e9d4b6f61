"""Settings of single teachers: front ends, pretrained weights, and external teachers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, ClassVar

from hwasc.records.front_end import FrontEnd
from hwasc.records.schema import STRICT

FUSED = ("weighted mean", "mean", "z1", "z2", "z1+z2")  # the names of the fused views, which no teacher may have


@dataclass(frozen=True)
class FrontEndSettings:
    """The front end of a teacher, see `FrontEnd`.

    Attributes:
        mels: Mel bands.
        frames: Frames of a second of sound, from which the hop follows; where `hop` is given, frames of the clip.
        sample_rate: Hz.
        n_fft: Length of the FFT, samples.
        window: Length of the window, samples.
        hop: Samples; None: follows from `frames`.
        f_min: Lowest frequency of the mel bands, Hz.
        f_max: Highest frequency of the mel bands, Hz; None: half the sample rate.
    """

    mels: int = 64
    frames: int = 33
    sample_rate: int = 32_000
    n_fft: int = 4096
    window: int = 3072
    hop: int | None = None
    f_min: float = 0.0
    f_max: float | None = None

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def front_end(self, seconds: float) -> FrontEnd:
        """The front end for clips of `seconds`. ValueError where the numbers do not fit."""
        hop = self.hop or self.sample_rate // max(self.frames - 1, 1)
        f_max = self.sample_rate / 2 if self.f_max is None else self.f_max
        front_end = FrontEnd(
            sample_rate=self.sample_rate,
            seconds=seconds if self.hop else 1.0,
            n_fft=self.n_fft,
            window=self.window,
            hop=hop,
            mels=self.mels,
            frames=self.frames,
            f_min=self.f_min,
            f_max=f_max,
        )
        return front_end if self.hop else front_end.lasting(seconds)


@dataclass(frozen=True)
class PretrainedWeights:
    """The weights that the training of a family starts from.

    Attributes:
        file: A .safetensors file, or a .pt or .pth checkpoint that contains only tensors.
        rename: Regular expressions of the file's tensor names to ours, applied in order; None leaves a tensor out. Or the
            path of a YAML or JSON file with such a mapping.
    """

    file: str
    rename: dict[str, str | None] | str = field(default_factory=dict)

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT


@dataclass(frozen=True, kw_only=True)
class ExternalTeacherSettings(FrontEndSettings):
    """A teacher that is not trained here. It has either a model or logits.

    Attributes:
        name: Letters, digits, `.`, `_` or `-`; not the name of a view.
        model: An ONNX file that takes log-mels of this front end.
        logits: A CSV or npz file of logits by clip id, or a folder of such files.
    """

    name: str
    model: str | None = None
    logits: str | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", self.name) or self.name in FUSED:
            raise ValueError(
                f"name: expected letters, digits, '.', '_' or '-', and none of {', '.join(FUSED)}, found '{self.name}'"
            )
        if (self.model is None) == (self.logits is None):
            raise ValueError(f"'{self.name}' needs either a model or logits")
