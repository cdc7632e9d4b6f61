"""Any table of recordings: `meta.csv`, or the one that `data.table` names, with a row a file.

Its columns are filename (relative to the data folder, to the table's or to `audio/`), scene_label, identifier (the location),
source_label (the recorder), fold and split; `data.columns` gives them other names, and other columns are ignored. Cells are
separated by tabs, commas or semicolons, and may be quoted. A table without a header has these columns in this order. Without
identifier every file is a location of its own; without source_label the recorder is unknown. `fold` is an official fold, chosen
by `data.fold`. `split` is an official split: train, val or test, or another name for one of these.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from hwasc.data import tables, tau
from hwasc.data.layouts import split_folders
from hwasc.data.layouts.base import TRAIN, UNKNOWN_DEVICE, Folder, Layout, Listing, Recording
from hwasc.data.renaming import setting
from hwasc.errors import DataError

NAMES = ("meta.csv", "meta.txt")
BASES = (
    "audio",
    "wav",
    "wavs",
    "data",
    "clips",
    "recordings",
    "sounds",
)  # where files may be, if not where the table says
NEEDED = ("filename", "scene_label")
FREE = ("identifier", "source_label", "fold", "split")
# What other people's tables call these columns, for advice
OTHER_NAMES = {
    "filename": ("filename", "file", "file_name", "path", "filepath", "file_path", "audio", "audio_file", "wav", "clip", "name",
                 "fname", "slice_file_name", "recording", "audio_filename", "fn"),
    "scene_label": ("scene_label", "label", "scene", "class", "category", "labels", "target", "class_name", "classname",
                    "class_label", "tag", "y", "scene_name", "classid", "class_id"),
    "identifier": ("identifier", "location", "place", "src_file", "source_file", "fsid", "session", "speaker", "recording_id",
                   "location_id", "site", "loc", "room", "place_id", "site_id", "session_id", "group"),
    "source_label": ("source_label", "device", "recorder", "mic", "microphone", "device_id", "source", "phone"),
    "fold": ("fold", "folds", "cv_fold", "kfold", "fold_id"),
    "split": ("split", "subset", "set", "partition", "part"),
}  # fmt: skip


def recognise(folder: Folder) -> bool:
    """By the name of the table, or where the user names a table or its columns."""
    return bool(folder.options.table or folder.options.columns or _find(folder.root))


def read(folder: Folder) -> Listing:
    """Read the table."""
    path = _path(folder)
    wanted = _wanted(folder, path)
    notes: list[str] = []
    optional = [c for c in FREE if c not in folder.options.columns]
    rows = tables.read_columns(path, wanted, optional, notes=notes)
    table = path.relative_to(folder.root).as_posix()
    base = _base(folder.root, posixpath.dirname(table), rows[0][0])
    if base:
        notes.append(f"{path.name}: its files are in {base}/")
    if "identifier" not in wanted:
        notes.append(f"{path.name} has no column identifier: every recording is taken as a place of its own")
    recordings = []
    for row in rows:
        cells = dict(zip(wanted, row, strict=True))
        name = f"{base}/{cells['filename']}" if base else cells["filename"]
        recordings.append(
            Recording(
                name=name,
                scene=cells["scene_label"],
                location=cells.get("identifier") or name,
                device=cells.get("source_label") or UNKNOWN_DEVICE,
                fold=cells.get("fold", ""),
                part=cells.get("split", ""),
            )
        )
    if "split" in wanted and "fold" in wanted:
        notes.append(
            f"{path.name}: column {wanted['split']} is the official split, column {wanted['fold']} is not used"
        )
    if tau.has_official_lists(folder.root):
        notes.append("the official lists of the folder are not used, because the settings name a table or its columns")
    if "split" in wanted:
        recordings = _with_parts(folder, recordings, wanted["split"])
    return Listing(
        recordings=tuple(recordings),
        typed="identifier" in wanted,
        otherwise=f"not named in {path.name}",
        table=table,
        notes=tuple(notes),
    )


def _find(root: Path) -> Path | None:
    return next((path for name in NAMES if (path := tables.find([root], name))), None)


def _path(folder: Folder) -> Path:
    name = folder.options.table
    if name:
        path = tables.find([folder.root], tables.confined(name, f"data.table: {name}"))
    else:
        path = _find(folder.root)
    if path is None:
        raise DataError(
            f"{folder.root}: there is no table {name or NAMES[0]}{advice(folder) or '; name it by data.table'}"
        )
    return path


def _wanted(folder: Folder, path: Path) -> dict[str, str]:
    """Columns to read, by what they hold."""
    header, columns = tables.header(path), folder.options.columns
    if tables.is_headless(header):
        return {c: c for c in tables.META_COLUMNS[: len(header)]}
    wanted = {c: columns.get(c, c) for c in (*NEEDED, *FREE) if c in NEEDED or c in columns or c in header}
    missing = [name for name in wanted.values() if name not in header]
    hint = suggestion(path.relative_to(folder.root).as_posix(), header) if missing and not columns else ""
    if hint:
        raise DataError(f"{path}: column '{missing[0]}' is missing; if this is the table of the recordings, add {hint}")
    return wanted


def _base(root: Path, beside: str, first: str) -> str:
    """Where the listed files are: in the data folder itself, or in one of its folders."""
    if (root / first).is_file():
        return ""
    return next((b for b in (beside, *BASES) if b and (root / b / first).is_file()), "")


def suggestion(name: str, header: Iterable[str]) -> str:
    """The options that would read a table whose columns have other names; '' if its columns do not look like these.

    Args:
        name: Path of the table in the data folder.
        header: Its columns.

    Returns:
        E.g. `--set data.table=labels.csv --set 'data.columns={filename: file, scene_label: label}'`.
    """
    known = {h.strip().lower(): h for h in header if h.strip()}
    found: dict[str, str] = {}
    for column, others in OTHER_NAMES.items():
        match = next((known[o] for o in others if o in known and known[o] not in found.values()), None)
        if match:
            found[column] = match
    if not all(c in found for c in NEEDED):
        return ""
    other = {c: n for c, n in found.items() if c != n}
    options = [f"--set data.table={name}" if name not in NAMES else "", setting(other, "data.columns") if other else ""]
    return " ".join(filter(None, options))


def advice(folder: Folder) -> str:
    """Where a table lies in the folder or one below: the options that would read it, after a semicolon; else ''."""
    for name in folder.files.left_out.get("not audio", ()):
        if name.lower().endswith((".csv", ".tsv", ".txt")) and name.count("/") < 2:
            options = suggestion(name, tables.header(folder.root / name))
            if options:
                return f"; {name} looks like its table: add {options}"
    return ""


def _with_parts(folder: Folder, recordings: list[Recording], column: str) -> list[Recording]:
    values = sorted({r.part for r in recordings})
    part = split_folders.parts(values)
    unknown = [v for v in values if v not in part]
    if unknown or TRAIN not in part.values():
        raise DataError(
            f"{folder.root}: column '{column}' has the values {', '.join(values[:6])}; expected train, val and test "
            "(or give another column as data.columns.split)"
        )
    return [replace(r, part=part[r.part]) for r in recordings]


LAYOUT = Layout(name="table", title="a table of recordings", recognise=recognise, read=read)
