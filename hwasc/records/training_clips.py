"""The recordings that a model was trained on and chosen by, so that no later figure is measured on them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from hwasc.errors import DataError, HwascError
from hwasc.records import schema
from hwasc.records.results import Result
from hwasc.records.schema import STRICT

FILE = "clips.json"  # in a run folder
SUFFIX = ".clips.json"  # beside a single file: `student.clips.json` beside `student.tflite`
KEY, RECORD_KEY = "clips", "clips_record"  # of a model file's metadata: the reference; the record, where it is small
ADVICE = "put it back, or say with --unseen that the model was trained on none of these clips"
INLINE = 2000  # recordings; larger records are only in a file of their own


@dataclass(frozen=True, kw_only=True)
class ClipsReference:
    """What a model file says about its training clips: which record has them.

    Attributes:
        data: Name of the data set.
        digest: Of the record, 32 hexadecimal digits.
        train: Number of recordings trained on.
        validation: Number of recordings that choices were made on.
    """

    data: str
    digest: str
    train: int
    validation: int

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def text(self) -> str:
        """Canonical JSON, for the metadata of a file."""
        return schema.canonical(self)

    @classmethod
    def parse(cls, text: str, where: Path | str) -> ClipsReference:
        """Read what `text` wrote.

        Args:
            text: JSON.
            where: The file that it comes from, for messages.

        Returns:
            The reference.

        Raises:
            DataError: It is damaged.
        """
        try:
            return schema.parse(cls, schema.parse_json(text, str(where)), str(where))
        except HwascError:
            raise DataError(
                f"{where}: its entry '{KEY}' on the training clips is damaged; export the file again"
            ) from None


@dataclass(frozen=True, kw_only=True)
class TrainingClips(Result):
    """The recordings that something was trained on, and those that choices were made on.

    A recording is known by the hash of its file, whatever its name, and by a sketch of its sound, whatever its format.

    Attributes:
        data: Name of the data set: `synthetic`, or the name of the folder.
        train: Sketches of the recordings trained on by content hash; '' where a recording has no sketch.
        validation: The same of the recordings that choices were made on.
        schema: Version of the format.
    """

    data: str
    train: dict[str, str] = field(default_factory=dict)
    validation: dict[str, str] = field(default_factory=dict)
    schema: int = 1

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    @cached_property
    def digest(self) -> str:
        """Hash of the recordings, 32 hexadecimal digits; it does not depend on the name of the data set."""
        return schema.digest([self.train, self.validation], 32)

    @property
    def reference(self) -> ClipsReference:
        """What a model file says about the record."""
        return ClipsReference(
            data=self.data, digest=self.digest, train=len(self.train), validation=len(self.validation)
        )

    @cached_property
    def recordings(self) -> dict[str, str]:
        """Sketches of all recordings by content hash."""
        return self.train | self.validation

    def joined(self, others: Iterable[TrainingClips]) -> TrainingClips:
        """This record with the recordings of others, such as those that a start or a teacher was trained on."""
        train, validation = dict(self.train), dict(self.validation)
        for other in others:
            train |= other.train
            validation |= other.validation
        return TrainingClips(
            data=self.data, train=dict(sorted(train.items())), validation=dict(sorted(validation.items()))
        )


def save(record: TrainingClips, path: Path) -> Path:
    """Write a record, whole or not at all; a file that is the same stays as it is.

    Args:
        record: The record.
        path: Its file.

    Returns:
        The path.
    """
    text = schema.canonical(record) + "\n"
    if not (path.is_file() and path.read_text(encoding="utf-8", errors="replace") == text):
        schema.write_whole(path, text)
    return path


def metadata(record: TrainingClips) -> dict[str, str]:
    """What the metadata of a model file says about its training clips, by key."""
    small = len(record.recordings) <= INLINE
    return {KEY: record.reference.text(), **({RECORD_KEY: schema.canonical(record)} if small else {})}


def read_metadata(entries: Mapping[str, str], where: Path) -> ClipsReference | None:
    """What the metadata of a model file says about its training clips.

    Args:
        entries: The metadata.
        where: The file, for messages.

    Returns:
        The reference, or None where it says nothing.

    Raises:
        DataError: The entry is damaged.
    """
    return ClipsReference.parse(entries[KEY], where) if KEY in entries else None


def find(
    reference: ClipsReference, model: Path, cache: Path | None = None, *, inline: str | None = None
) -> TrainingClips | None:
    """Find the record that a model file refers to: in the file, beside it, in its folder, or in the cache.

    Args:
        reference: What the file says.
        model: The file.
        cache: The folder of caches, if any.
        inline: The record's text, where the file itself has it.

    Returns:
        The record, or None where none of these places has it.
    """
    if inline is not None:
        with contextlib.suppress(HwascError):
            record = TrainingClips.from_json(schema.parse_json(inline, str(model)), str(model))
            if record.digest == reference.digest:
                return record
    places = [model.with_suffix(SUFFIX), model.parent / FILE, model / FILE]
    if cache is not None:
        places.append(cached(cache, reference.digest))
    for path in places:
        if path.is_file():
            try:
                record = TrainingClips.read(path)
            except HwascError:
                continue  # a damaged copy; there may be another one
            if record.digest == reference.digest:
                return record
    return None


def record_of(entries: Mapping[str, str], model: Path, cache: Path | None = None) -> TrainingClips | None:
    """The record of the clips that a model file was trained on and chosen by.

    Args:
        entries: The file's metadata.
        model: The file.
        cache: The folder of caches, if any.

    Returns:
        The record; None where the file says nothing of it.

    Raises:
        DataError: The file says that there is a record, but it is neither in it, nor beside it, nor in the cache.
    """
    reference = read_metadata(entries, model)
    if reference is None:
        return None
    record = find(reference, model, cache, inline=entries.get(RECORD_KEY))
    if record is None:
        raise DataError(f"{model}: the record of its training clips is missing ({places(model)}); {ADVICE}")
    return record


def places(model: Path) -> str:
    """Where the record of a file's training clips is looked for, for messages."""
    return f"{model.with_suffix(SUFFIX).name} or {FILE} beside it"


def cached(cache: Path, digest: str) -> Path:
    """Where the cache holds a record.

    Args:
        cache: The folder of caches.
        digest: Of the record.

    Returns:
        Its file, whether there is one or not.
    """
    return cache / "clips" / f"{digest}.json"
