"""The architecture: the record that fully determines a student, its front end included. No torch."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

from hwasc.errors import UsageError
from hwasc.records import schema, sizes
from hwasc.records.blocks import INPUT, Block, Conv, Stride, Unit
from hwasc.records.blocks.units import channels
from hwasc.records.front_end import FrontEnd
from hwasc.records.schema import STRICT
from hwasc.records.training_clips import ClipsReference

SCHEMA = 1
HEAD = "head"
FIRST_FIELDS = 12  # of `FrontEnd` that it had from the start


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
        """Hash of the canonical JSON.

        Left out are those fields of the front end beyond `FIRST_FIELDS` that have their defaults: older files keep their ids.
        """
        values = schema.plain(self)
        for part in fields(FrontEnd)[FIRST_FIELDS:]:
            if values["front_end"][part.name] == part.default:
                del values["front_end"][part.name]
        return schema.digest(values)

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
