"""Speech Commands (Warden 2018): a folder a word, `validation_list.txt`, `testing_list.txt`, `_background_noise_/`.

The scene is the word. The location is the speaker, the part of a file's name before `_nohash_`. The two lists are the official
validation and test split; every other file is for training. The long recordings in `_background_noise_` are no word and are not
used. Without the two lists the splits are drawn by speaker. Some files are shorter than 1 s: see `data.max_unreadable`.
"""

from __future__ import annotations

from hwasc.data import tables, walking
from hwasc.data.layouts.base import TEST, TRAIN, VALIDATION, Folder, Layout, Listing, Recording
from hwasc.data.layouts.vanishing import vanished
from hwasc.errors import DataError

NOISE = "_background_noise_"
LISTS = {"validation_list.txt": VALIDATION, "testing_list.txt": TEST}
MARK = "_nohash_"


def recognise(folder: Folder) -> bool:
    """By its lists, or by the folder of noise beside files with speakers in their names."""
    if any((folder.root / name).is_file() for name in LISTS):
        return True
    if not (folder.root / NOISE).is_dir():
        return False
    words = [f for f in walking.subfolders(folder.root) if f != NOISE]
    files = (name for word in words[:3] for name in walking.audio_in(folder.root / word)[:20])
    return folder.options.layout == LAYOUT.name or any(MARK in name for name in files)


def read(folder: Folder) -> Listing:
    """Read the lists and the folders of words."""
    found = [name for name in LISTS if (folder.root / name).is_file()]
    if len(found) == 1:
        missing = next(name for name in LISTS if name not in found)
        raise DataError(f"{folder.root}: {missing} is missing beside {found[0]}; copy it from the data set's archive")
    part: dict[str, str] = {}
    for name in found:
        for (file,) in tables.read(folder.root / name, ("filename",)):
            if file in part:
                raise DataError(f"{folder.root / name}: {file} is in both lists; a clip must be in one split")
            part[file] = LISTS[name]
    recordings, excluded = [], {}
    for name in folder.files.audio:
        word, _, file = name.partition("/")
        if word == NOISE:
            excluded[name] = f"background noise ({NOISE}), no word"
        elif file:
            speaker = file.split(MARK)[0] if MARK in file else name
            official = part.pop(name, TRAIN) if found else ""
            recordings.append(Recording(name=name, scene=word, location=speaker, part=official))
    if part:
        raise DataError(
            f"{folder.root}: {len(part):,} files of {' and '.join(found)} are missing, first {', '.join(sorted(part)[:3])}"
        )
    notes = [] if found else [f"{' and '.join(LISTS)} are missing: the official split is not used, speakers are drawn"]
    return Listing(
        recordings=tuple(recordings), excluded=excluded, lists=tuple(found), notes=tuple(notes), faults=vanished(folder)
    )


LAYOUT = Layout(name="speech_commands", title="Speech Commands", recognise=recognise, read=read)
