"""The layouts of data folders that are known: each a module that recognises a folder and lists its recordings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from hwasc.data import names, renaming
from hwasc.data.layouts import (
    cochlscene,
    dcase2013,
    esc50,
    fold_folders,
    official_lists,
    scene_folders,
    sessions,
    speech_commands,
    split_folders,
    suspicious,
    table,
    urbansound8k,
)
from hwasc.data.layouts.base import Folder, Layout, Listing, Options, Recording
from hwasc.errors import DataError, UsageError
from hwasc.suggestion import did_you_mean

AUTO = "auto"
KNOWN: tuple[Layout, ...] = (
    official_lists.LAYOUT,
    table.LAYOUT,
    esc50.LAYOUT,
    urbansound8k.LAYOUT,
    speech_commands.LAYOUT,
    dcase2013.LAYOUT,
    cochlscene.LAYOUT,
    split_folders.LAYOUT,
    fold_folders.LAYOUT,
)
BY_LISTS = KNOWN[
    :5
]  # recognised by files at fixed places: safe to look for in the folder above, whatever else is there
SCENES = scene_folders.LAYOUT
OFFICIAL = official_lists.LAYOUT
WANTED = (sessions.LAYOUT, SCENES)  # read where the user says so; scenes also where nothing else is recognised
NAMES = (AUTO, *(layout.name for layout in (*KNOWN, *WANTED)))


def recognise(folder: Folder) -> Layout:
    """Find the layout of a folder.

    Args:
        folder: The folder, with the layout that the user wants, if any.

    Returns:
        The layout.

    Raises:
        DataError: It has none; it is not laid out as the user says; or its folders are taken for scenes only by mistake.
        UsageError: There is no layout of the wanted name.
    """
    options = folder.options
    if options.layout not in NAMES:
        raise UsageError(
            f"data.layout: there is no layout '{options.layout}'{did_you_mean(options.layout, NAMES)} "
            f"(known: {', '.join(NAMES)})"
        )
    if options.layout != AUTO:
        wanted = next(layout for layout in (*KNOWN, *WANTED) if layout.name == options.layout)
        if not wanted.recognise(folder):
            raise DataError(
                f"{folder.root}: is not laid out as {wanted.title} (data.layout={wanted.name}){_nearby(folder)}"
            )
        return wanted
    if options.table or options.columns:
        return table.LAYOUT
    found = next((layout for layout in KNOWN if layout.recognise(folder)), None)
    if found:
        return found
    if not SCENES.recognise(folder):
        loose = len(folder.files.audio)
        otherwise = (
            f"its {loose:,} loose recordings need a folder a scene or a table" if loose else "expected one of them"
        )
        unread = next(iter(SCENES.read(folder).faults), otherwise)
        raise DataError(
            f"{folder.root}: there is neither a meta.csv nor a scene folder with recordings{_nearby(folder) or f'; {unread}'}"
        )
    suspicious.check(folder, partial(_title, folder))
    return SCENES


def read(folder: Folder, layout: Layout) -> Listing:
    """List the recordings of a folder, with the final names of scenes, locations and devices.

    Args:
        folder: The folder.
        layout: Its layout.

    Returns:
        The recordings, and notes on names that were cleaned.

    Raises:
        DataError: A list is broken, files contradict it, or two names are so alike that they may be one.
    """
    listing = layout.read(folder)
    rename, where = folder.options.rename, str(folder.root)
    found = {r.scene for r in listing.recordings}
    changed = {raw: cleaned for raw in found if (cleaned := names.clean(raw)) != raw}
    notes = [*listing.notes, names.note(changed)] if changed else list(listing.notes)
    devices = {r.device for r in listing.recordings}
    places = {r.location for r in listing.recordings} if listing.typed else set()
    renaming.check_rename(rename, map(names.clean, found | devices | places))
    scene = _final(found, rename, f"{where}: scenes")
    device = _final(devices, rename, f"{where}: devices")
    place = _final(places, rename, f"{where}: locations")
    recordings = tuple(
        replace(r, scene=s, device=d, location=p)
        if (s := scene[r.scene], d := device[r.device], p := place.get(r.location, r.location))
        != (r.scene, r.device, r.location)
        else r
        for r in listing.recordings
    )
    return replace(listing, recordings=recordings, notes=tuple(notes))


def _final(found: set[str], rename: Mapping[str, str], where: str) -> dict[str, str]:
    """The final name of each name that was found."""
    settled = renaming.settle({names.clean(raw) for raw in found}, rename, where)
    return {raw: settled[names.clean(raw)] for raw in found}


def _title(folder: Folder, below: str) -> str:
    """Title of the known layout of a folder relative to this one; '' if it has none."""
    above = below == ".."
    other = Folder(folder.root.resolve().parent if above else folder.root / below)
    return next((layout.title for layout in (BY_LISTS if above else KNOWN) if layout.recognise(other)), "")


def _nearby(folder: Folder) -> str:
    """Advice: which folder nearby, or which table, is likely meant; begins with a semicolon, or is ''."""
    from hwasc.data import walking

    for below in (*walking.subfolders(folder.root)[: suspicious.MOST], ".."):
        if title := _title(folder, below):
            meant = folder.root.resolve().parent if below == ".." else folder.root / below
            return f"; did you mean {meant}? ({title})"
    return table.advice(folder)


__all__ = [
    "AUTO",
    "KNOWN",
    "NAMES",
    "OFFICIAL",
    "SCENES",
    "Folder",
    "Layout",
    "Listing",
    "Options",
    "Recording",
    "read",
    "recognise",
]
