"""Folders at the top whose names are rarely scenes, and what they mean more likely."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NoReturn

from hwasc.data import walking
from hwasc.data.layouts import fold_folders, scene_folders, speech_commands, split_folders, table
from hwasc.data.layouts.base import TEST, TRAIN, Folder
from hwasc.errors import DataError

CONTAINERS = frozenset((
    "audio", "audios", "audio_files", "wav", "wavs", "wave", "waves", "flac", "mp3", "ogg", "data", "dataset",
    "datasets", "recording", "recordings", "record", "records", "clip", "clips", "sound", "sounds", "sample",
    "samples", "raw", "file", "files", "segment", "segments", "audio_data", "raw_data", "recs", "output", "unlabeled",
    "unlabelled", "tmp", "temp", "backup", "scenes", "classes",
))  # fmt: skip
NUMBERED = re.compile(
    r"(?:(?:session|sess|day|week|night|take|tape|disk|disc|cd|card|batch|group|chunk|folder|dir|track|channel|ch|mic|microphone|"
    r"device|dev|recorder|phone|node|sensor|station|speaker|user|subject|participant|person|site|rec|recording|run|set|part|no|"
    r"nr|vol|s|d|r|p|t)?[-_ .]?\d+[a-z]?(?:[-_ .T]?\d+)*|20\d\d[-_.]?\d\d[-_.]?\d\d.*)",
    re.IGNORECASE,
)
BARE = re.compile(r"[a-z]?[-_ .]?\d{1,4}", re.IGNORECASE)  # 0, 1, s2: as good a name of a class as of a session
MOST = 50  # folders that are looked into for a data set of their own
INSIST = "--set data.layout=scenes"


def check(folder: Folder, nearby: Callable[[str], str]) -> None:
    """Refuse folders that are taken for scenes only by mistake.

    Args:
        folder: A folder that is no known layout.
        nearby: Title of the known layout of a folder given relative to this one, `..` too; '' if it has none.

    Raises:
        DataError: It names the likely reading and the command that takes it.
    """
    scenes = scene_folders.scenes(folder)
    below = {s: walking.subfolders(folder.root / s) for s in scenes}
    for scene in scenes[:MOST]:
        if title := nearby(scene):
            _refuse(folder, f"'{scene}' is a data set of its own ({title})", _inside(folder, scene))
    shared = _shared(below)
    for what, likely in (
        *_of_parts(folder, below),
        *_of_folds(scenes),
        *_of_boxes(folder, below),
        *_of_noise(scenes),
        *_of_sessions(scenes, shared),
    ):
        parent = nearby("..")
        advice = f"did you mean {folder.root.parent} ({parent})?" if parent else likely
        _refuse(folder, what, advice if parent or "--" in likely else table.advice(folder)[2:] or advice)


def _of_parts(folder: Folder, below: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    parts = split_folders.parts(below)
    vehicle = list(parts.values()) == [TRAIN] and len(below) > 1 and not set(below) & set(below[next(iter(parts))])
    if not parts or (vehicle and "train" in (n.strip().lower() for n in parts)):
        return  # bus, train, tram
    if len(below) == 1:
        only = next(iter(below))
        yield f"holds only '{only}', which looks like one part of a split", _inside(folder, only)
    flat = [name for name in parts if not below[name]]
    without = f", but there are no folders of scenes in {_named(flat)}" if flat else ""
    yield (
        f"{_look(list(parts))} like {'part' if len(parts) == 1 else 'parts'} of an official split, not like scenes{without}",
        "there is no folder for the test: call one of them test"
        if not flat and TEST not in parts.values() and len(parts) > 1
        else "lay it out as train/<scene>/ and test/<scene>/, or add a table with a column split (data.table, data.columns)",
    )


def _of_folds(scenes: list[str]) -> Iterator[tuple[str, str]]:
    folds = [s for s in scenes if fold_folders.number(s)]
    if folds:
        yield (
            f"{_look(folds)} like folds without folders of scenes, not like scenes",
            "lay them out as fold1/<scene>/, or add a table with a column fold (data.table, data.columns)",
        )


def _of_boxes(folder: Folder, below: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    boxes = [s for s in below if s.strip().lower() in CONTAINERS]
    full = [b for b in boxes if len(below[b]) > 1]
    if full:
        yield f"'{full[0]}' looks like a container of scenes, not like a scene", _inside(folder, full[0])
    elif boxes:
        yield (
            f"{_look(boxes)} like containers of files, not like scenes",
            "make a folder a scene, or add a table of the recordings (meta.csv, or data.table and data.columns)",
        )
    elif len(below) == 1 and not _is_one_scene(folder):
        only = next(iter(below))
        yield f"holds only the folder '{only}', whose folders look like the scenes", _inside(folder, only)


def _of_noise(scenes: list[str]) -> Iterator[tuple[str, str]]:
    beside = [s for s in scenes if s.startswith("_")]
    noise = beside == [speech_commands.NOISE]
    likely = (
        f"leave it out by --set data.layout={speech_commands.LAYOUT.name}" if noise else "move them out of the folder"
    )
    if beside:
        yield f"{_look(beside)} like sounds beside the scenes, not like scenes", likely


def _of_sessions(scenes: list[str], shared: list[str]) -> Iterator[tuple[str, str]]:
    letters = all(len(s) == 1 for s in scenes) and bool(shared)
    numbered = all(map(NUMBERED.fullmatch, scenes)) and (bool(shared) or not all(map(BARE.fullmatch, scenes)))
    if len(scenes) > 1 and (letters or numbered):
        inner = f"; the scenes rather are the folders below ({_named(shared)})" if shared else ""
        yield (
            f"{_look(scenes)} like sessions or devices, not like scenes{inner}",
            "take the folders at the top as places by --set data.layout=sessions"
            if shared
            else "add a table of the recordings (meta.csv, or data.table and data.columns)",
        )


def _inside(folder: Folder, name: str) -> str:
    return f"read it by --data {shlex.quote(str(folder.root / name))}"


def _refuse(folder: Folder, what: str, likely: str) -> NoReturn:
    raise DataError(f"{folder.root}: {what}; {likely}; if these folders are scenes all the same, add {INSIST}")


def _is_one_scene(folder: Folder) -> bool:
    """Whether the only folder has fewer than two folders of audio."""
    return len(folder.seconds) < 2


def _shared(below: dict[str, list[str]]) -> list[str]:
    """Names of folders that most of the folders have."""
    counts = Counter(b for inner in below.values() for b in inner)
    often = sorted(b for b, n in counts.items() if n > len(below) / 2)
    return often if len(often) > 1 else []


def _look(names: list[str]) -> str:
    return f"{_named(names)} {'looks' if len(names) == 1 else 'look'}"


def _named(names: list[str]) -> str:
    return ", ".join(f"'{n}'" for n in names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
