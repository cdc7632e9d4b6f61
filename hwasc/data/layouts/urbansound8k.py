"""UrbanSound8K (Salamon, Jacoby, Bello 2014): `audio/fold1` to `fold10`, `metadata/UrbanSound8K.csv` with ten official folds.

The scene is the column `class`, and the location is the Freesound recording that a slice was cut from, `fsID`. Official folds
share no recording. Slices last 4 s at most, and some are shorter than 1 s: see `data.max_unreadable`.
"""

from __future__ import annotations

from hwasc.data import tables
from hwasc.data.layouts.base import Folder, Layout, Listing, Recording

TABLE = "metadata/UrbanSound8K.csv"
COLUMNS = {"filename": "slice_file_name", "scene_label": "class", "identifier": "fsID", "fold": "fold"}


def recognise(folder: Folder) -> bool:
    """By the name of its table."""
    return (folder.root / TABLE).is_file()


def read(folder: Folder) -> Listing:
    """Read the table."""
    notes: list[str] = []
    rows = tables.read_columns(folder.root / TABLE, COLUMNS, notes=notes)
    where = f"{folder.root / TABLE}: a file or fold"
    return Listing(
        recordings=tuple(
            Recording(name=tables.confined(f"audio/fold{fold}/{name}", where), scene=scene, location=source, fold=fold)
            for name, scene, source, fold in rows
        ),
        otherwise=f"not named in {TABLE}",
        table=TABLE,
        notes=tuple(notes),
    )


LAYOUT = Layout(name="urbansound8k", title="UrbanSound8K", recognise=recognise, read=read)
