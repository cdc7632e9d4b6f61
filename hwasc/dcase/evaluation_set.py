"""DCASE's evaluation sets: clips without labels, listed by `fold1_test.csv` (with devices in 2025) or `meta.csv`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hwasc.data import tables
from hwasc.errors import DataError

LISTS = ("fold1_test.csv", "fold1_evaluate.csv", "meta.csv")
COLUMNS = ("filename", "device_id", "scene_label", "identifier", "source_label")  # the last three are not used
UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class EvaluationSet:
    """The clips of an evaluation set.

    Attributes:
        list_file: The list of the clips.
        names: File names as listed.
        paths: The same files on disk.
        devices: Recording device of each clip, or `unknown`.
        has_devices: Whether the list names devices.
    """

    list_file: Path
    names: tuple[str, ...]
    paths: tuple[Path, ...]
    devices: tuple[str, ...]
    has_devices: bool

    def __len__(self) -> int:
        return len(self.names)


def open_evaluation(root: Path) -> EvaluationSet:
    """Open an evaluation set.

    Args:
        root: The folder as it is unpacked: a list of clips in it or in `evaluation_setup`, and the audio files.

    Returns:
        The clips.

    Raises:
        DataError: There is no folder or list, the list is broken, or clips are absent.
    """
    if not root.is_dir():
        raise DataError(f"{root}: there is no such evaluation set; name the folder with audio/ and evaluation_setup/")
    found = (tables.find([root, root / "evaluation_setup"], name) for name in LISTS)
    path = next((p for p in found if p), None)
    if path is None:
        raise DataError(
            f"{root}: there is no list of the clips; expected one of {', '.join(LISTS)}, here or in evaluation_setup"
        )
    rows = tables.read(path, COLUMNS, optional=COLUMNS[1:])
    names = tuple(row[0] for row in rows)
    paths = tuple(root / name for name in names)
    absent = [name for name, p in zip(names, paths, strict=True) if not p.is_file()]
    if absent:
        raise DataError(
            f"{path}: {len(absent):,} of {len(names):,} clips are absent, first {', '.join(absent[:3])}; unpack the audio "
            f"into {root}"
        )
    return EvaluationSet(
        list_file=path,
        names=names,
        paths=paths,
        devices=tuple(row[1] or UNKNOWN for row in rows),
        has_devices=bool(rows[0][1]),
    )
