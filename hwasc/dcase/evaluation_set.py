"""DCASE's evaluation sets: clips without labels, listed by `fold1_test.csv` (with devices in 2025) or `meta.csv`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hwasc.data import tables
from hwasc.errors import DataError

LISTS = ("fold1_test.csv", "fold1_evaluate.csv", "meta.csv")
COLUMNS = ("filename", "device_id", "scene_label", "identifier", "source_label")  # the last three are not looked at
UNKNOWN = "unknown"


@dataclass(frozen=True)
class EvaluationSet:
    """names: as listed; paths: of the same files; devices: the recorder of each, or `unknown`. has_devices: whether listed."""

    list: Path
    names: tuple[str, ...]
    paths: tuple[Path, ...]
    devices: tuple[str, ...]
    has_devices: bool

    def __len__(self) -> int:
        return len(self.names)


def open_evaluation(root: Path) -> EvaluationSet:
    """Open the folder as it is unpacked: a list in it or in `evaluation_setup`, and the audio that the list names.

    Raises DataError: no folder or list, a broken list, clips that are absent.
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
    return EvaluationSet(path, names, paths, tuple(row[1] or UNKNOWN for row in rows), bool(rows[0][1]))
