"""ESC-50 (Piczak 2015): `audio/` with 2,000 clips of 5 s, `meta/esc50.csv` with five official folds.

The scene is the column `category`, and the location is the recording that a clip was cut from, `src_file`. Official folds share
no recording. The columns `target`, `esc10` and `take` are not used.
"""

from __future__ import annotations

from hwasc.data import tables
from hwasc.data.layouts.base import Folder, Layout, Listing, Recording

TABLE = "meta/esc50.csv"
COLUMNS = {"filename": "filename", "scene_label": "category", "identifier": "src_file", "fold": "fold"}


def recognise(folder: Folder) -> bool:
    """By the name of its table."""
    return (folder.root / TABLE).is_file()


def read(folder: Folder) -> Listing:
    """Read the table."""
    notes: list[str] = []
    rows = tables.read_columns(folder.root / TABLE, COLUMNS, notes=notes)
    return Listing(
        recordings=tuple(
            Recording(name=f"audio/{name}", scene=scene, location=source, fold=fold)
            for name, scene, source, fold in rows
        ),
        otherwise=f"not named in {TABLE}",
        table=TABLE,
        notes=tuple(notes),
    )


LAYOUT = Layout(name="esc50", title="ESC-50", recognise=recognise, read=read)
