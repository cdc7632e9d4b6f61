"""TUT and TAU scenes with their official lists: TUT Acoustic Scenes 2016 and 2017, TUT Urban 2018, TAU Urban 2019 to 2022.

`meta.txt` (2016, 2017: no header; 2016 without identifiers, which are then the recordings' numbers in the file names) or
`meta.csv`, and lists of files in `evaluation_setup/`, `split_setup/` or beside it: `fold1_train`, and `fold1_evaluate` or
`fold1_test`, as `.csv` or `.txt`, with or without a header and scenes. The evaluation list is the test split. Where there are
several folds (four in 2016 and 2017), `data.fold=k/4` chooses one (default: the first). The DCASE subsets `split5.csv` to
`split50.csv` are chosen by `data.subset`. Locations are the column identifier; two lists of one fold must not share one. Files
that are longer than `data.seconds` are cut into clips, all of one file on one side.
"""

from __future__ import annotations

from dataclasses import replace

from hwasc.data import tau
from hwasc.data.layouts.base import Folder, Layout, Listing, Recording


def recognise(folder: Folder) -> bool:
    """By the lists of the first fold."""
    return tau.has_official_lists(folder.root)


def chosen(folder: Folder) -> bool:
    """Whether a folder is to be read by its official lists: the user wants it, or wants nothing and they are there."""
    o = folder.options
    return o.layout == LAYOUT.name or (o.layout == "auto" and not o.table and not o.columns and recognise(folder))


def read(folder: Folder) -> Listing:
    """Read meta."""
    recordings = tuple(
        Recording(name=name, scene=scene, location=location, device=device)
        for name, (scene, location, device) in tau.read_meta(folder.root, folder.options.rename).items()
    )
    return replace(unread(folder), recordings=recordings)


def unread(folder: Folder) -> Listing:
    """The listing without its recordings, for which meta must be read."""
    lists = tuple(path.relative_to(folder.root).as_posix() for path in tau.lists(folder.root))
    return Listing(recordings=(), typed=True, otherwise="not named in meta.csv", table="meta.csv", lists=lists)


LAYOUT = Layout(name="official_lists", title="TUT or TAU scenes by official lists", recognise=recognise, read=read)
