"""The architecture: the record that fully determines a student, its front end included. No torch."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

from hwasc.errors import UsageError
from hwasc.records import schema
from hwasc.records.schema import STRICT

Stride = tuple[int, int]  # frequency, time
SCHEMA = 1


@dataclass(frozen=True)
class FrontEnd:
    """Waveform to log-mel: hann STFT (centred, zero padded), slaney mel filters on power, log(x + offset), (x - mean) / std.

    Units: sample_rate Hz; seconds per clip; n_fft, window, hop in samples; f_min, f_max Hz. `frames` keeps the first so many
    of the 1 + samples // hop frames.
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

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        if min(self.sample_rate, self.n_fft, self.window, self.hop, self.mels, self.frames) < 1:
            raise ValueError("sample_rate, n_fft, window, hop, mels and frames must be at least 1")
        if self.window > self.n_fft:
            raise ValueError(f"window {self.window} is longer than n_fft {self.n_fft}")
        if not 0 <= self.f_min < self.f_max <= self.sample_rate / 2:
            raise ValueError(
                f"need 0 <= f_min < f_max <= sample_rate / 2, found {self.f_min}, {self.f_max}, {self.sample_rate}"
            )
        if self.frames > 1 + self.samples // self.hop:
            raise ValueError(f"{self.frames} frames of hop {self.hop} do not fit into {self.samples} samples")
        if self.std <= 0 or self.log_offset <= 0:
            raise ValueError("std and log_offset must be above 0")

    def __str__(self) -> str:
        return f"{self.mels}x{self.frames}, window {self.window}, hop {self.hop}"

    @property
    def samples(self) -> int:
        """Samples of one clip."""
        return round(self.seconds * self.sample_rate)

    @classmethod
    def for_clip(cls, mels: int, frames: int, seconds: float = 1.0, sample_rate: int = 32_000, **rest: Any) -> FrontEnd:
        """The front end whose `frames` frames span the clip: the hop is the longest that fits."""
        samples = round(seconds * sample_rate)
        hop = samples // max(frames - 1, 1)
        rest.setdefault("f_max", sample_rate / 2)
        return cls(sample_rate=sample_rate, seconds=seconds, hop=hop, mels=mels, frames=frames, **rest)

    def lasting(self, seconds: float) -> FrontEnd:
        """The same for clips of another length: as many frames a second, rounded to what fits."""
        fits = 1 + round(seconds * self.sample_rate) // self.hop
        return replace(self, seconds=seconds, frames=max(1, min(fits, round(self.frames * seconds / self.seconds))))


@dataclass(frozen=True)
class GRN:
    """Global response normalization (Woo et al., ConvNeXt V2, 2023): y = x * (1 + gamma * n) (+ beta), n = g / mean_c(g).

    shape: one gamma, or one per channel. at: after the shortcut sum, or on the expanded channels after the depthwise ReLU.
    response: g is the L2 norm over the map (with beta, before the block's ReLU, as in CP-Mobile), or the mean over the
    rectified map (no beta, after the ReLU: every step has an int8 kernel on the chip).
    """

    shape: Literal["scalar", "channel"] = "scalar"
    at: Literal["sum", "expanded"] = "sum"
    response: Literal["mean", "l2"] = "mean"

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def parameters(self, channels: int) -> int:
        """Learned numbers over `channels` channels."""
        return (1 if self.shape == "scalar" else channels) * (2 if self.response == "l2" else 1)


@dataclass(frozen=True)
class Block:
    """Expand 1x1, depthwise k x k, project 1x1, each with batch norm; `shortcut` adds the input (average-pooled when strided)."""

    kernel: int
    expanded: int
    channels: int
    stride: Stride = (1, 1)
    shortcut: bool = False
    grn: GRN | None = None

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise ValueError(f"kernel must be odd, found {self.kernel}")
        if min(self.expanded, self.channels) < 1:
            raise ValueError("expanded and channels must be at least 1")
        if not all(s in (1, 2) for s in self.stride):
            raise ValueError(f"strides are 1 or 2, found {self.stride}")

    def __str__(self) -> str:
        s = f"s{self.stride[0]}" if self.stride[0] == self.stride[1] else f"s{self.stride[0]}x{self.stride[1]}"
        parts = ["ir", f"k{self.kernel}", s, f"e{self.expanded}", f"c{self.channels}"]
        parts += ["skip"] if self.shortcut else []
        parts += [f"grn-{self.grn.shape}-{self.grn.at}-{self.grn.response}"] if self.grn else []
        return "_".join(parts)

    @classmethod
    def from_text(cls, text: str) -> Block:
        """Read the one-line form back, e.g. `ir_k3_s2x1_e96_c32_skip_grn-scalar-sum-mean`."""
        m = re.fullmatch(r"ir_k(\d+)_s(\d)(?:x(\d))?_e(\d+)_c(\d+)(_skip)?(?:_grn-(\w+)-(\w+)-(\w+))?", text)
        if not m:
            raise UsageError(f"'{text}' is no block; expected e.g. ir_k3_s2x1_e96_c32_skip_grn-scalar-sum-mean")
        k, s1, s2, e, c, skip, shape, at, response = m.groups()
        grn = schema.parse(GRN, {"shape": shape, "at": at, "response": response}, text) if shape else None
        return cls(int(k), int(e), int(c), (int(s1), int(s2 or s1)), bool(skip), grn)


@dataclass(frozen=True)
class Architecture:
    """A student: stem of two strided 3x3 convolutions, blocks, 1x1 head to the classes, global average.

    padding: `same` pads as TFLite does (at the end when a stride leaves a remainder), so that the chip needs no PAD
    operator; `torch` pads k // 2 on both sides, for published weights.
    """

    front_end: FrontEnd
    stem: tuple[int, int]
    blocks: tuple[Block, ...]
    classes: int
    stem_strides: tuple[Stride, Stride] = ((2, 2), (2, 2))
    padding: Literal["same", "torch"] = "same"

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        if self.classes < 2:
            raise ValueError(f"at least two classes are needed, found {self.classes}")
        if min(self.stem) < 1:
            raise ValueError("stem channels must be at least 1")
        if not all(s in (1, 2) for pair in self.stem_strides for s in pair):
            raise ValueError(f"strides are 1 or 2, found {self.stem_strides}")
        channels = self.stem[1]
        for i, block in enumerate(self.blocks):
            if block.shortcut and block.channels != channels:
                raise ValueError(
                    f"blocks.{i}: a shortcut needs as many input as output channels, found {channels} and {block.channels}"
                )
            channels = block.channels

    @cached_property  # a search asks for it some twenty times a candidate
    def id(self) -> str:
        """Hash of the canonical JSON."""
        return schema.digest(self)

    def text(self) -> str:
        """The whole net on a few short lines."""
        head = f"logmel {self.front_end} | stem {self.stem[0]}-{self.stem[1]}"
        return "\n".join([head, *map(str, self.blocks), f"head {self.classes}"])


@dataclass(frozen=True)
class InitialWeights:
    """The float weights that a search found its winner with. file: their name, in the architecture file's own folder.

    sha256: of that file. dataset: fingerprint of the data they learned from. by: `slice` of a supernet, or `refinement`.
    """

    file: str
    sha256: str
    dataset: str
    by: Literal["slice", "refinement"]

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        if self.file in ("", ".", "..") or set(self.file) & set("/\\\0"):
            raise ValueError(f"file: expected the name of a file in the same folder, found {self.file!r}")


@dataclass(frozen=True)
class ArchitectureFile:
    """What `best.json` holds.

    Attributes:
        architecture: The net.
        id: Its id when the file was written; empty in files that people wrote.
        schema: Version of the format.
        provenance: Where the architecture comes from: data, budget, costs, score, versions.
        weights: What weights lie beside the file, if any.
        path: Where the file lies; it is not part of the file.
    """

    architecture: Architecture
    id: str = ""
    schema: int = SCHEMA
    provenance: dict[str, Any] = field(default_factory=dict)
    weights: InitialWeights | None = None
    path: Path | None = None

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __str__(self) -> str:
        return str(self.path) if self.path else str(self.provenance.get("preset", "the architecture"))

    @property
    def weights_path(self) -> Path | None:
        """Where the weights that it names lie; None where it names none or was not read from a file."""
        return self.path.with_name(self.weights.file) if self.path and self.weights else None

    @classmethod
    def of(cls, architecture: Architecture, **provenance: Any) -> ArchitectureFile:
        """An architecture without a file."""
        return cls(architecture, architecture.id, provenance=provenance)


def load(path: Path | str) -> ArchitectureFile:
    """Read an architecture file, or the architecture alone.

    Args:
        path: A JSON file.

    Returns:
        The record, which knows where its weights lie.

    Raises:
        UsageError: It is broken, of another schema, or was changed by hand and still has its old id.
    """
    path = Path(path)
    data = schema.read_json(path, "architecture file")
    if isinstance(data, dict) and "architecture" not in data and "blocks" in data:
        data = {"architecture": data}
    if isinstance(data, dict) and "path" in data:
        raise UsageError(f"{path}: unknown key 'path'")
    record = replace(schema.parse(ArchitectureFile, data, str(path)), path=path)
    if record.schema != SCHEMA:
        raise UsageError(f"{path}: schema {record.schema} is not known here (this version reads {SCHEMA})")
    if record.id and record.id != record.architecture.id:
        raise UsageError(
            f"{path}: the id {record.id} does not fit the architecture ({record.architecture.id}); "
            "delete the id if the change was meant"
        )
    return record


def save(
    path: Path,
    architecture: Architecture,
    provenance: dict[str, Any] | None = None,
    weights: InitialWeights | None = None,
) -> ArchitectureFile:
    """Write an architecture file, whole or not at all.

    Args:
        path: Where to.
        architecture: The net.
        provenance: Where it comes from.
        weights: What weights lie beside the file.

    Returns:
        What was written, as `load` reads it.
    """
    record = ArchitectureFile(architecture, architecture.id, SCHEMA, provenance or {}, weights=weights, path=path)
    values = schema.plain(record)
    del values["path"]
    schema.write_json(path, values)
    return record
