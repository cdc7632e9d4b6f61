"""The architecture: the record that fully determines a student, its front end included. No torch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

from hwasc.errors import UsageError
from hwasc.records import schema, sizes
from hwasc.records.blocks import INPUT, Block, Conv, Stride, Unit
from hwasc.records.blocks.units import channels
from hwasc.records.schema import STRICT
from hwasc.records.training_clips import ClipsReference

SCHEMA = 1
HEAD = "head"
SAMPLE_RATE = 1_000_000  # Hz; the most that a front end takes, as are these:
SAMPLES = 1 << 28  # of a clip, two hours at 32 kHz
N_FFT = 1 << 20
FILTERS = 1 << 27  # mel bands x n_fft


@dataclass(frozen=True)
class FrontEnd:
    """Waveform to log-mel: hann STFT (centred, zero padded), slaney mel filters on power, log(x + offset), (x - mean) / std.

    Attributes:
        sample_rate: Hz.
        seconds: Length of a clip, s.
        n_fft: Length of the FFT, samples.
        window: Length of the window, samples.
        hop: Samples.
        mels: Mel bands.
        frames: Frames of a clip: the first of the 1 + samples // hop frames.
        f_min: Lowest frequency of the mel bands, Hz.
        f_max: Highest frequency of the mel bands, Hz.
        log_offset: Added to the power before the logarithm.
        mean: Subtracted from the logarithm.
        std: The result is divided by it.
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
        for name in ("seconds", "f_min", "f_max", "log_offset", "mean", "std"):
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

    def lasting(self, seconds: float) -> FrontEnd:
        """The front end for clips of another length, with as many frames a second, rounded to what fits."""
        fits = 1 + round(seconds * self.sample_rate) // self.hop
        return replace(self, seconds=seconds, frames=max(1, min(fits, round(self.frames * seconds / self.seconds))))


@dataclass(frozen=True)
class Architecture:
    """A student: a stem of two strided 3x3 convolutions, blocks, a 1x1 head to the classes, a global average.

    Attributes:
        front_end: The log-mel that it takes.
        stem: Channels of the two convolutions of the stem.
        blocks: The blocks in order.
        classes: Scenes, 2 at least.
        stem_strides: (frequency, time) strides of the stem.
        padding: `same` pads as TFLite does (at the end when a stride leaves a remainder), so that the chip needs no PAD
            operator. `torch` pads k // 2 on both sides, for published weights.
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
        if self.classes > sizes.CLASSES or len(self.blocks) > sizes.BLOCKS:
            raise ValueError(
                f"at most {sizes.CLASSES:,} classes and {sizes.BLOCKS} blocks, found {self.classes:,} and {len(self.blocks):,}"
            )
        if min(self.stem) < 1:
            raise ValueError("stem channels must be at least 1")
        if not all(s in (1, 2) for pair in self.stem_strides for s in pair):
            raise ValueError(f"strides are 1 or 2, found {self.stem_strides}")
        sizes.check_size(self.size)  # its widths must fit, too

    @cached_property  # a search uses it some twenty times for each candidate
    def id(self) -> str:
        """Hash of the canonical JSON."""
        return schema.digest(self)

    @cached_property
    def program(self) -> tuple[Unit, ...]:
        """Every unit from the log-mel (`INPUT`) to the head's map, by the paths of the student's modules: `blocks.0.expand`.

        Raises:
            ValueError: maps of different widths are added.
        """
        program: list[Unit] = []
        last = INPUT
        for i, (width, stride) in enumerate(zip(self.stem, self.stem_strides, strict=True)):
            name = f"stem.{i}"
            program.append(Conv(name, (last,), channels=width, kernel=3, stride=stride, layer=name))
            last = name
        inputs = self.stem[1]
        for i, block in enumerate(self.blocks):
            names, units = {INPUT: last}, block.units(inputs)
            try:
                channels(units, inputs)
            except ValueError as e:
                raise ValueError(f"blocks.{i}: {e}") from None
            for unit in units:
                last = names[unit.name] = f"blocks.{i}.{unit.name}"
                program.append(unit.within(f"blocks.{i}", names))
            inputs = block.channels
        program.append(Conv(HEAD, (last,), channels=self.classes, relu=False, layer=HEAD))
        return tuple(program)

    @cached_property
    def size(self) -> sizes.Size:
        """Weights, largest map and MACs of its convolutions, without building the net.

        Raises:
            ValueError: maps of different widths are added, or a unit is impossible.
        """
        return sizes.size_of(self.program, self.front_end.mels, self.front_end.frames)

    def text(self) -> str:
        """The whole net on a few short lines."""
        head = f"logmel {self.front_end} | stem {self.stem[0]}-{self.stem[1]}"
        return "\n".join([head, *map(str, self.blocks), f"head {self.classes}"])


@dataclass(frozen=True)
class InitialWeights:
    """The float weights of a search's winner, from which a distillation can start.

    Attributes:
        file: Name of their file, which is in the folder of the architecture file.
        sha256: Of that file.
        dataset: Fingerprint of the data that they were trained on.
        by: `slice` of a supernet, or `refinement`.
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
        clips: The clips that the architecture was chosen by; the record lies beside the file.
        path: Where the file lies; it is not part of the file.
    """

    architecture: Architecture
    id: str = ""
    schema: int = SCHEMA
    provenance: dict[str, Any] = field(default_factory=dict)
    weights: InitialWeights | None = None
    clips: ClipsReference | None = None
    path: Path | None = None

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __str__(self) -> str:
        return str(self.path) if self.path else str(self.provenance.get("preset", "the architecture"))

    def __post_init__(self) -> None:
        named = self.provenance.get("classes")
        if named is not None and not (isinstance(named, (list, tuple)) and all(isinstance(c, str) for c in named)):
            raise ValueError("provenance.classes: expected a list of names")

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
        The record, with the path of its file.

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
        raise UsageError(f"{path}: schema {record.schema} is not supported (this version reads {SCHEMA})")
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
    *,
    clips: ClipsReference | None = None,
) -> ArchitectureFile:
    """Write an architecture file, whole or not at all.

    Args:
        path: Where to.
        architecture: The net.
        provenance: Where it comes from.
        weights: What weights lie beside the file.
        clips: The clips that the architecture was chosen by.

    Returns:
        What was written, as `load` reads it.
    """
    record = ArchitectureFile(
        architecture, architecture.id, SCHEMA, provenance or {}, weights=weights, clips=clips, path=path
    )
    values = schema.plain(record)
    del values["path"]
    schema.write_json(path, values)
    return record
