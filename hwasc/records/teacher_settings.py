"""What settings say of single teachers: the log-mel one hears, the weights one starts from, and external teachers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, ClassVar

from hwasc.records.architecture import FrontEnd
from hwasc.records.schema import STRICT

FUSED = ("weighted mean", "mean", "z1", "z2", "z1+z2")  # the names of the fused views, which no teacher may have


@dataclass(frozen=True)
class FrontEndSettings:
    """A teacher's front end. Units as in `FrontEnd`. frames: of a second of sound, the hop follows from them; of the clip where
    a hop is given. f_max: none is half the sample rate.
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
        """For clips of `seconds`; ValueError where the numbers do not fit together."""
        hop = self.hop or self.sample_rate // max(self.frames - 1, 1)
        f_max = self.sample_rate / 2 if self.f_max is None else self.f_max
        given = FrontEnd(
            self.sample_rate,
            seconds if self.hop else 1.0,
            self.n_fft,
            self.window,
            hop,
            self.mels,
            self.frames,
            self.f_min,
            f_max,
        )
        return given if self.hop else given.lasting(seconds)


@dataclass(frozen=True)
class PretrainedWeights:
    """Weights that a family starts from: a .safetensors file, or a .pt or .pth checkpoint that holds tensors only.

    rename: regular expressions of the file's tensor names to ours, applied in order; none leaves a tensor out. Or the
    path of a YAML or JSON file with such a mapping.
    """

    file: str
    rename: dict[str, str | None] | str = field(default_factory=dict)

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT


@dataclass(frozen=True, kw_only=True)
class ExternalTeacherSettings(FrontEndSettings):
    """A teacher that is not trained here. model: an ONNX file that takes log-mels of this front end; logits: a CSV or npz file
    of logits by clip id, or a folder of such files. One of the two.
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
