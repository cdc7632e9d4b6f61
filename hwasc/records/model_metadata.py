"""What a model file says about itself: architecture, class names, and more by name. The same for .safetensors, .onnx and .tflite.

In .safetensors and .onnx each entry is a text of its own, in .tflite all of them are one JSON mapping. Entries that are not known
here are left to others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hwasc.errors import DataError, UsageError, WrongFile
from hwasc.records import schema
from hwasc.records.architecture import Architecture
from hwasc.records.patches import PATCHES, Patches
from hwasc.records.plain_values import named
from hwasc.records.training_clips import KEY, ClipsReference

REQUIRED = ("architecture", "classes")


@dataclass(frozen=True, kw_only=True)
class ModelMetadata:
    """The description in a model file.

    Attributes:
        architecture: The student.
        classes: Names of the classes, in the order of the logits.
        numbers: What the student computes in, where the file says so.
        clips: Which record has the clips that it was trained on; None in files of other versions.
        patches: Of a .tflite file, the operators that run in frequency patches; None: none do.
    """

    architecture: Architecture
    classes: tuple[str, ...]
    numbers: Literal["float", "int8"] | None = None
    clips: ClipsReference | None = None
    patches: Patches | None = None


def from_texts(entries: Mapping[str, str], path: Path) -> ModelMetadata:
    """Read the description from entries that are texts.

    Args:
        entries: Texts by name; that of `numbers` is a word, the others are JSON.
        path: The model file, for messages.

    Returns:
        The description.

    Raises:
        DataError: An entry is missing or damaged.
    """
    _check_present(entries, path)
    values: dict[str, Any] = {"numbers": entries.get("numbers")}
    for name in (*REQUIRED, *({KEY} & set(entries))):
        try:
            values[name] = schema.parse_json(entries[name], name)
        except UsageError as e:
            raise _damaged(path, str(e)) from None
    return from_values(values, path)


def from_json(text: bytes, path: Path) -> ModelMetadata:
    """Read the description from one JSON mapping.

    Args:
        text: The JSON.
        path: The model file, for messages.

    Returns:
        The description.

    Raises:
        DataError: It is damaged.
    """
    try:
        values = schema.parse_json(text, "the entry 'hwasc'")
    except UsageError as e:
        raise _damaged(path, str(e)) from None
    if not isinstance(values, Mapping):
        raise _damaged(path, f"expected a mapping of keys to values, found {named(values)}")
    return from_values(values, path)


def from_values(values: Mapping[str, Any], path: Path) -> ModelMetadata:
    """Read the description from plain values.

    Args:
        values: By name.
        path: The model file, for messages.

    Returns:
        The description.

    Raises:
        DataError: A value is missing, of another kind or impossible.
    """
    _check_present(values, path)
    try:
        architecture = schema.parse(Architecture, values["architecture"], "architecture")
        clips = schema.parse(ClipsReference, values[KEY], KEY) if KEY in values else None
        patches = schema.parse(Patches, values[PATCHES], PATCHES) if PATCHES in values else None
    except UsageError as e:
        raise _damaged(path, str(e)) from None
    numbers = values.get("numbers")
    if numbers not in (None, "float", "int8"):
        raise _damaged(path, f"numbers: expected float or int8, found {str(numbers)[:40]!r}")
    classes = class_names(values["classes"], path)
    return ModelMetadata(architecture=architecture, classes=classes, numbers=numbers, clips=clips, patches=patches)


def class_names(values: Any, path: Path) -> tuple[str, ...]:
    """Check class names.

    Args:
        values: A list of names, each once.
        path: The model file, for messages.

    Returns:
        The names.

    Raises:
        DataError: They are something else.
    """
    if not isinstance(values, list) or not all(isinstance(c, str) and c for c in values):
        raise _damaged(path, "classes: expected a list of names")
    if len(set(values)) < len(values):
        raise _damaged(path, "classes: a name is given twice")
    return tuple(values)


def check_class_count(architecture: Architecture, classes: Sequence[str], path: Path) -> None:
    """Check that each output of a net has its name.

    Args:
        architecture: The net that the file names.
        classes: The class names that it gives.
        path: The file, for messages.

    Raises:
        DataError: There are more or fewer names.
    """
    if len(classes) != architecture.classes:
        raise _damaged(path, f"{len(classes):,} class names for a net of {architecture.classes:,} classes")


def check_file_size(architecture: Architecture, size: int, bytes_each: int, path: Path) -> None:
    """Compare a net with the bytes of its file, before it is built.

    Args:
        architecture: The net that the file names.
        size: Bytes of the file.
        bytes_each: Fewest bytes of a weight in this format.
        path: The file, for messages.

    Raises:
        DataError: The weights of the net have no room in the file.
    """
    needed = architecture.size.weights * bytes_each
    if needed > size:
        raise DataError(
            f"{path}: names a net of {architecture.size.weights:,} weights, which its {size:,} bytes cannot hold; it is damaged"
        )


def _check_present(entries: Mapping[str, Any], path: Path) -> None:
    if not set(REQUIRED) <= set(entries):
        raise WrongFile(f"{path}: was not written by hwasc (it names no architecture and classes)")


def _damaged(path: Path, why: str) -> DataError:
    return DataError(f"{path}: its description of architecture and classes is damaged ({why})")
