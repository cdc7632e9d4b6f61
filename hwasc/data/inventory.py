"""Inventory of a data folder: its files, compared with its lists and with the official counts."""

from __future__ import annotations

import os
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hwasc.audio.reading import Header, UnreadableClip, clip_count, header
from hwasc.data import tau
from hwasc.data.clips import Clip, check_classes, check_locations
from hwasc.data.folder import Opened, list_folder
from hwasc.data.layouts import Options, official_lists
from hwasc.data.official import PARTS, TAU2022, Facts, fingerprint, segment, subset_faults
from hwasc.errors import DataError
from hwasc.records.data_settings import DataSettings

RECORDINGS = "recordings"  # the only part of a folder without official lists
FIRST = 5  # file names in a message
MISSING = "missing"
State = Header | str | None  # the header, the reason why a file cannot be used, or None: it exists and was not read


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file in the lists of a folder.

    Attributes:
        name: Posix path below the data folder.
        part: train, evaluate or neither; recordings if there are no official lists.
        scene: Name of the class.
        location: Where it was recorded.
        device: The recording device.
    """

    name: str
    part: str
    scene: str
    location: str
    device: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """Number of files of one scene, device or location of a part.

    Attributes:
        part: Part of the data set.
        group: all, scene, device or location.
        name: Name of the scene, device or location.
        expected: Files according to the official counts; None if there are none.
        listed: Files in the lists.
        found: Listed files that can be used.
        clips: Clips in these; None if no header was read.
        seconds: Length of these in seconds; None if no header was read.
    """

    part: str
    group: str
    name: str
    expected: int | None
    listed: int
    found: int
    clips: int | None
    seconds: float | None


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """The files of a data folder.

    Attributes:
        root: The data folder.
        kind: tau2022 (its official lists), lists (others in its layout) or folder.
        quick: No headers were read.
        files: Number of listed files.
        missing: Number of missing files.
        unreadable: Number of files that exist and cannot be used.
        unusable: Reasons by file name, missing files first.
        lengths: Least, median and greatest length in seconds.
        rates: Number of files by sample rate in Hz.
        subsets: Clips of each training subset.
        faults: Problems that must be solved before the folder can be used.
        warnings: Other problems.
        rows: Counts.
        clip_seconds: Length of a clip, s.
        layout: How the folder was read.
        left_out: Files that are not used, by the reason.
        names: All files of each kind of warning that names only the first.
        channels: Number of files by number of channels.
        levels: Least, median and greatest level of the files, dB of full scale; None if they were not decoded.
    """

    root: str
    kind: str
    quick: bool
    files: int
    missing: int
    unreadable: int
    unusable: dict[str, str]
    lengths: tuple[float, float, float] | None
    rates: dict[int, int]
    subsets: dict[str, int]
    faults: tuple[str, ...]
    warnings: tuple[str, ...]
    rows: tuple[Row, ...]
    clip_seconds: float = 1.0
    layout: str = ""
    left_out: dict[str, tuple[str, ...]] = field(default_factory=dict)
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    channels: dict[int, int] = field(default_factory=dict)
    levels: tuple[float, float, float] | None = None


def list_entries(root: Path, opened: Opened | None = None) -> list[Entry]:
    """List all files in the lists of a folder.

    Args:
        root: The data folder.
        opened: Its recordings, if it was opened already.

    Returns:
        The files.

    Raises:
        DataError: A list is missing or broken, or there are no recordings.
    """
    opened = opened or list_folder(root, Options())
    if opened.title != official_lists.LAYOUT.title:
        return [
            Entry(name=r.name, part=RECORDINGS, scene=r.scene, location=r.location, device=r.device)
            for r in opened.listing.recordings
        ]
    meta, train, evaluation = tau.read_lists(root, rename=opened.folder.options.rename)
    part = dict.fromkeys(evaluation, "evaluate") | dict.fromkeys(train, "train")
    return [
        Entry(name=name, part=part.get(name, "neither"), scene=scene, location=location, device=device)
        for name, (scene, location, device) in meta.items()
    ]


def find_files(root: Path, names: Iterable[str]) -> dict[str, State]:
    """Check which files exist. Each folder is listed once, and no file is opened.

    Args:
        root: The data folder.
        names: Posix paths below it.

    Returns:
        By name: None if the file exists, else `missing`.
    """
    folders: dict[str, set[str]] = {}
    states: dict[str, State] = {}
    for name in names:
        folder, _, file = name.rpartition("/")
        if folder not in folders:
            try:
                folders[folder] = set(os.listdir(root / folder))
            except OSError:
                folders[folder] = set()
        states[name] = None if file in folders[folder] else MISSING
    return states


def read_headers(root: Path, names: Sequence[str], seconds: float) -> list[State]:
    """Read the headers of files.

    Args:
        root: The data folder.
        names: Posix paths below it.
        seconds: Length of a clip in seconds.

    Returns:
        The header of each file, or the reason why it cannot be used: missing, empty, not audio, or shorter than a clip.
    """
    states: list[State] = []
    for name in names:
        try:
            found = header(root / name)
        except UnreadableClip as e:
            states.append(str(e))
            continue
        short = clip_count(found.seconds, seconds) < 1
        states.append(f"too short: {found.seconds:.2f} s of {seconds:g} s" if short else found)
    return states


def build(
    root: Path,
    entries: Sequence[Entry],
    states: Mapping[str, State],
    *,
    seconds: float,
    quick: bool,
    facts: Facts = TAU2022,
    max_unreadable: float | None = None,
    split_faults: Sequence[str] | None = None,
) -> Inventory:
    """Count the files of a folder, and compare them with its lists and with the official counts.

    Args:
        root: The data folder.
        entries: The listed files.
        states: State of every entry by name.
        seconds: Length of a clip in seconds.
        quick: No headers were read.
        facts: Official counts; they are used if the folder has the lists of that data set.
        max_unreadable: Share of files that may be unusable; None: the setting's default.
        split_faults: Why a folder without official lists cannot be split; None: look at the number of its locations.

    Returns:
        Counts, unusable files, faults and warnings.
    """
    official = entries[0].part != RECORDINGS
    known = facts if official and _matches(facts, entries) else None
    unusable = {e.name: s for e in entries if isinstance(s := states[e.name], str)}
    missing = [name for name, why in unusable.items() if why == MISSING]
    unreadable = [name for name, why in unusable.items() if why != MISSING]
    headers = [s for s in states.values() if isinstance(s, Header)]
    rates = Counter(h.rate for h in headers)
    rows = _count(entries, states, seconds, known)
    subsets = tau.read_subsets(root) if official else {}
    faults = [_first(f"of {len(entries):,} files are missing", missing)] if missing else []
    warnings: list[str] = []
    if unreadable:
        named = [f"{name} ({unusable[name]})" for name in unreadable]
        most = DataSettings().max_unreadable if max_unreadable is None else max_unreadable
        line = _first(f"of {len(entries):,} files cannot be used", named)
        if known or len(unreadable) <= most * len(entries):
            (faults if known else warnings).append(line)
        else:
            faults.append(f"{line}; at most {most:.3g} of them may be (data.max_unreadable)")
    if official:
        faults += _list_faults(root, rows, entries, subsets=subsets, facts=known)
    else:
        faults += _split_faults(root, entries, states) if split_faults is None else split_faults
    if known and (other := sum(n for rate, n in rates.items() if rate != known.rate)):
        warnings.append(f"{other:,} files do not have the {known.rate:,} Hz of the originals")
    elif len(rates) > 1:
        warnings.append(
            f"mixed rates ({', '.join(f'{r:,} Hz: {n:,}' for r, n in sorted(rates.items()))}); all are resampled"
        )
    if known and (absent := [name for name in known.subsets if name not in subsets]):
        warnings.append(f"no lists of the subsets {', '.join(absent)}; only data.subset needs them")
    lengths = sorted(h.seconds for h in headers)
    return Inventory(
        root=str(root),
        kind="tau2022" if known else "lists" if official else "folder",
        quick=quick,
        files=len(entries),
        missing=len(missing),
        unreadable=len(unreadable),
        unusable={name: unusable[name] for name in (*missing, *unreadable)},
        lengths=(lengths[0], statistics.median(lengths), lengths[-1]) if lengths else None,
        rates=dict(sorted(rates.items())),
        subsets={name: len(names) for name, names in subsets.items()},
        faults=tuple(faults),
        warnings=tuple(warnings),
        rows=tuple(rows),
        clip_seconds=seconds,
        channels=dict(sorted(Counter(h.channels for h in headers).items())),
    )


def _matches(facts: Facts, entries: Sequence[Entry]) -> bool:
    """Whether these are the official lists. One of them may be damaged or incomplete."""
    names: defaultdict[str, list[str]] = defaultdict(list)
    for entry in entries:
        names[entry.part].append(entry.name)
    return any(fingerprint(names[part]) == found for part, found in facts.fingerprints.items())


def _count(entries: Sequence[Entry], states: Mapping[str, State], seconds: float, facts: Facts | None) -> list[Row]:
    Key = tuple[str, str, str]
    files: Counter[Key] = Counter()
    found: Counter[Key] = Counter()
    clips: Counter[Key] = Counter()
    length: defaultdict[Key, float] = defaultdict(float)
    known = facts.counts if facts else {}
    expected = {
        (p, g, n): count for p, groups in known.items() for g, names in groups.items() for n, count in names.items()
    }
    for e in entries:
        state = states[e.name]
        for group, name in (("all", "clips"), ("scene", e.scene), ("device", e.device), ("location", e.location)):
            key = (e.part, group, name)
            files[key] += 1
            found[key] += not isinstance(state, str)
            if isinstance(state, Header):
                clips[key] += 1 if e.part != RECORDINGS else clip_count(state.seconds, seconds)
                length[key] += state.seconds
    read = any(isinstance(s, Header) for s in states.values())
    parts, groups = [*PARTS, RECORDINGS], ["all", "scene", "device", "location"]
    keys = sorted(files.keys() | expected, key=lambda k: (parts.index(k[0]), groups.index(k[1]), k[2]))
    return [
        Row(
            part=key[0],
            group=key[1],
            name=key[2],
            expected=expected.get(key, 0) if facts and key[1] != "location" else None,
            listed=files[key],
            found=found[key],
            clips=clips[key] if read else None,
            seconds=round(length[key], 3) if read else None,
        )
        for key in keys
    ]


def _list_faults(
    root: Path, rows: Sequence[Row], entries: Sequence[Entry], *, subsets: Mapping[str, list[str]], facts: Facts | None
) -> list[str]:
    """Problems of official lists: contradictions between them, and differences from the official counts."""
    faults = [
        f"the lists have {row.listed:,} clips of {row.part}, {row.group} {row.name}; expected {row.expected:,}"
        for row in rows
        if row.expected is not None and row.expected != row.listed
    ]
    if facts:
        segments = len({segment(e.name) for e in entries})
        if (len(entries), segments) != (facts.clips, facts.segments):
            faults.append(
                f"meta.csv has {len(entries):,} clips of {segments:,} recordings; "
                f"expected {facts.clips:,} of {facts.segments:,}"
            )
        faults += [
            f"split{name}.csv has {len(names):,} clips; expected {facts.subsets[name]:,}"
            for name, names in subsets.items()
            if len(names) != facts.subsets[name]
        ]
    try:
        tau.open_tau(root, look_for_audio=False)
    except DataError as e:
        faults.append(str(e))
    return faults + subset_faults([e.name for e in entries if e.part == "train"], subsets)


def _split_faults(root: Path, entries: Sequence[Entry], states: Mapping[str, State]) -> list[str]:
    """Reasons why a folder without official lists cannot be split."""
    usable = [
        Clip(
            id=e.name,
            path=root / e.name,
            start=0.0,
            seconds=1.0,
            scene=e.scene,
            location=e.location,
            device=e.device,
        )
        for e in entries
        if not isinstance(states[e.name], str)
    ]
    try:
        classes = check_classes(root, usable)
        check_locations(root, usable, classes, needed=3, why="one each for training, validation and test")
    except DataError as e:
        return [str(e)]
    return []


def _first(what: str, names: Sequence[str]) -> str:
    more = ", ..." if len(names) > FIRST else ""
    return f"{len(names):,} {what}: {', '.join(names[:FIRST])}{more}"
