"""Folders of recordings in any known layout but the official lists of TUT and TAU: listed, cut into clips and split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hwasc.data import layouts, left_out, twins
from hwasc.data.clips import Clip, Dataset, check_classes
from hwasc.data.cutting import Lengths, cut
from hwasc.data.dividing import Shares, divide
from hwasc.data.layouts import Folder, Listing, Options, Recording
from hwasc.data.probing import Probe, probe
from hwasc.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A folder whose recordings are listed.

    Attributes:
        folder: The folder.
        title: What its layout is called.
        listing: The recordings.
        united: Whether recordings that are the same sound have one location.
    """

    folder: Folder
    title: str
    listing: Listing
    united: bool = False


def list_folder(folder: Folder) -> Opened:
    """Recognise the layout of a folder, and list its recordings. Files of a table may be missing.

    Raises:
        DataError: There are no recordings, a list is broken, or folders have names that are rarely scenes.
        UsageError: There is no such layout.
    """
    layout = layouts.recognise(folder)
    return Opened(folder=folder, title=layout.title, listing=layouts.read(folder, layout))


def open_folder(
    root: Path,
    *,
    seconds: float,
    shares: Shares,
    whole: bool = False,
    options: Options | None = None,
    cache: Path | None = None,
) -> Dataset:
    """List the recordings of a folder, cut them into clips, and split the clips by location.

    Args:
        root: The data folder.
        seconds: Length of a clip in seconds.
        shares: What the splits are drawn by, where there is no official split.
        whole: Do not split: every clip is a test clip, and any number of locations and scenes will do.
        options: How the user wants the folder to be read.
        cache: Folder that keeps what is known of the recordings; None: nothing is kept.

    Returns:
        The data set.

    Raises:
        DataError: There are no recordings, files are missing, a scene vanishes, there is only one scene, or a scene has too few
            locations.
        UsageError: `data.fold` does not fit, or there is no such layout.
    """
    opened = list_folder(Folder(root, options or Options()))
    listing = opened.listing
    absent = [r.name for r in listing.recordings if not (root / r.name).is_file()] if listing.table else []
    if absent:
        raise DataError(
            f"{root / listing.table}: {len(absent):,} of {len(listing.recordings):,} files are missing, first "
            f"{', '.join(absent[:3])}; paths are relative to the data folder"
        )
    if listing.faults:
        raise DataError(f"{root}: {listing.faults[0]}")
    probes = probe([root / r.name for r in listing.recordings], cache)
    known = {r.name: p for r, p in zip(listing.recordings, probes, strict=True)}
    lengths = {name: p if isinstance(p, str) else p.seconds for name, p in known.items()}
    said: tuple[str, ...] = ()
    if not whole:
        opened, said = unite_twins(opened, known)
    data = split(opened, lengths, seconds=seconds, shares=shares, whole=whole)
    data = replace(data, notes=(*data.notes, *said))
    summary = left_out.summary(left_out.account(opened.folder.files, listing))
    return replace(data, notes=(*data.notes, summary)) if summary else data


def unite_twins(opened: Opened, probes: Mapping[str, Probe | str]) -> tuple[Opened, tuple[str, ...]]:
    """Give recordings that are the same sound one location, so that no split separates them.

    Args:
        opened: The recordings.
        probes: What is known of them, by name.

    Returns:
        The recordings, unchanged if there are no twins, or an official split or folds; and lines for the user.
    """
    listing = opened.listing
    if any(r.part or r.fold for r in listing.recordings) or opened.title == layouts.OFFICIAL.title:
        return opened, ()
    found = twins.unite(listing.recordings, sketches(listing.recordings, probes))
    if not found.groups:
        return opened, ()
    return replace(opened, listing=replace(listing, recordings=found.recordings), united=True), found.notes


def sketches(recordings: Sequence[Recording], probes: Mapping[str, Probe | str]) -> list[str]:
    """The fingerprint of each recording, '' where it has none.

    Args:
        recordings: The recordings.
        probes: What is known of them, by name.

    Returns:
        As many texts.
    """
    known = [probes.get(r.name, "") for r in recordings]
    return ["" if isinstance(p, str) else p.sketch for p in known]


def split(opened: Opened, lengths: Lengths, *, seconds: float, shares: Shares, whole: bool = False) -> Dataset:
    """Cut listed recordings into clips, and split these.

    Unreadable recordings, and those shorter than a clip, are not split; each is added as one training clip, so that the
    feature extraction lists it with the reason.

    Args:
        opened: The recordings.
        lengths: Of all of them.
        seconds: Length of a clip in seconds.
        shares: What the splits are drawn by, where there is no official split.
        whole: Do not split.

    Returns:
        The data set.

    Raises:
        DataError: There is only one scene, or a scene has too few locations.
        UsageError: `data.fold` does not fit an official split.
    """
    root, recordings = opened.folder.root, opened.listing.recordings
    by_name, reasons = cut(root, recordings, lengths, seconds)
    broken = [c for name in reasons for c in by_name[name]]
    usable = [r for r in recordings if r.name not in reasons]
    clips = [c for r in usable for c in by_name[r.name]]
    title = "" if opened.title == layouts.SCENES.title else f"read as {opened.title}"
    notes = [*filter(None, [title]), *opened.listing.notes]
    if whole:
        return _whole(root, [*clips, *broken], notes)
    classes = check_classes(root, [*clips, *broken])
    first = next(iter(reasons.items()), None)
    unusable = (
        f"{len(reasons)} of {len(recordings)} recordings cannot be used, first {first[0]} ({first[1]})" if first else ""
    )
    made = divide(root, usable, by_name, classes=classes, shares=shares, unusable=f"; {unusable}" if unusable else "")
    notes.append(f"{len(clips):,} clips of {seconds:g} s from {len(usable):,} recordings; {made.notes[0]}")
    notes += [*made.notes[1:], *filter(None, [unusable])]
    return Dataset(
        name=root.resolve().name,
        root=root,
        classes=classes,
        train=(*made.train, *broken),
        validation=tuple(made.validation),
        test=tuple(made.test),
        notes=tuple(notes),
        drawn=made.drawn,
    )


def _whole(root: Path, clips: list[Clip], notes: list[str]) -> Dataset:
    return Dataset(
        name=root.resolve().name,
        root=root,
        classes=tuple(sorted({c.scene for c in clips})),
        train=(),
        validation=(),
        test=tuple(clips),
        notes=(*notes, f"{len(clips):,} clips, all of them to be measured"),
        whole=True,
    )
