"""Inventory of a data folder: its files, compared with its lists and with the official counts."""

from __future__ import annotations

import os
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hwasc.audio.reading import Header, UnreadableClip, clip_count, header
from hwasc.data import left_out, run_split, tau, walking
from hwasc.data.folder import Opened
from hwasc.data.layouts import SCENES, table
from hwasc.data.official import PARTS, TAU2022, Facts, fingerprint, segment, subset_faults
from hwasc.data.run_split import Split
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
        kind: tau2022 (its official lists), lists (others in its layout), folder (scene folders or a meta.csv) or layout (another
            known one).
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
        layout: What the layout of a folder without official lists is called.
        notes: Lines on how the folder is read and split.
        files_by_reason: Number of all files below the folder by what becomes of them: used, cannot be used, and why others are no
            recordings.
        left_out: First names of the files that are not used, by reason.
        names: All files of each kind of warning or fault that names only the first.
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
    layout: str = ""
    notes: tuple[str, ...] = ()
    files_by_reason: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, tuple[str, ...]] = field(default_factory=dict)
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    channels: dict[int, int] = field(default_factory=dict)
    levels: tuple[float, float, float] | None = None


def list_entries(root: Path, opened: Opened | None = None, data: DataSettings | None = None) -> list[Entry]:
    """List all files in the official lists of a folder, or its recordings.

    Args:
        root: The data folder.
        opened: The recordings, if the folder has no official lists.
        data: Which official fold, and how names are taken.

    Returns:
        The files.

    Raises:
        DataError: A list is missing or broken.
    """
    if opened:
        return [
            Entry(name=r.name, part=RECORDINGS, scene=r.scene, location=r.location, device=r.device)
            for r in opened.listing.recordings
        ]
    data = data or DataSettings()
    fold = data.part()
    meta, train, evaluation = tau.read_lists(root, fold[0] if fold else 1, rename=data.rename)
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
            states.append(walking.reason(name, str(e)))
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
    opened: Opened | None = None,
    data: DataSettings | None = None,
    reasons: Mapping[str, Sequence[str]] | None = None,
    split: Split | None = None,
) -> Inventory:
    """Count the files of a folder, and compare them with its lists and with the official counts.

    Args:
        root: The data folder.
        entries: The listed files.
        states: State of every entry by name.
        seconds: Length of a clip in seconds.
        quick: No headers were read.
        facts: Official counts; they are used if the folder has the lists of that data set.
        opened: The recordings, if the folder has no official lists.
        data: How the folder is read and split.
        reasons: All files below the folder by what becomes of them (`left_out.account`).
        split: The folder as a run splits it, if that is known already.

    Returns:
        Counts, unusable files, faults and warnings.
    """
    plain = opened is not None and opened.title in (SCENES.title, table.LAYOUT.title)
    official, data, reasons = opened is None, data or DataSettings(), reasons or {}
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
        line, most = _first(f"of {len(entries):,} files cannot be used", named), data.max_unreadable
        if known or len(unreadable) <= most * len(entries):
            (faults if known else warnings).append(line)
        else:
            faults.append(f"{line}; at most {most:.3g} of them may be (data.max_unreadable)")
    notes: tuple[str, ...] = ()
    if opened:
        faults += opened.listing.faults
        measured: dict[str, float | str] = {
            name: state.seconds if isinstance(state, Header) else state or seconds  # --quick reads no lengths
            for name, state in states.items()
        }
        split = split or run_split.drawn(opened, measured, seconds=seconds, data=data, measured=not quick)
        faults += split.faults
        notes = split.notes
    else:
        faults += _list_faults(root, rows, entries, subsets=subsets, facts=known, data=data)
    warnings += left_out.warnings(reasons)
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
        kind="tau2022" if known else "lists" if official else "folder" if plain else "layout",
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
        layout=opened.title if opened else "",
        notes=notes,
        files_by_reason=_sum(reasons, unreadable),
        channels=dict(sorted(Counter(h.channels for h in headers).items())),
        left_out={why: tuple(names[:FIRST]) for why, names in reasons.items() if why != left_out.USED},
    )


def _sum(reasons: Mapping[str, Sequence[str]], unreadable: Sequence[str]) -> dict[str, int]:
    """Every file below the folder is in one of these numbers."""
    broken = len(set(unreadable).intersection(reasons.get(left_out.USED, ())))
    counts = {why: len(names) for why, names in reasons.items() if why != left_out.USED}
    return {"used": len(reasons.get(left_out.USED, ())) - broken, "cannot be used": broken, **counts}


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
                clips[key] += clip_count(state.seconds, seconds)
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
    root: Path,
    rows: Sequence[Row],
    entries: Sequence[Entry],
    *,
    subsets: Mapping[str, list[str]],
    facts: Facts | None,
    data: DataSettings,
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
        tau.open_tau(root, look_for_audio=False, fold=data.part(), rename=data.rename)
    except DataError as e:
        faults.append(str(e))
    return faults + subset_faults([e.name for e in entries if e.part == "train"], subsets)


def _first(what: str, names: Sequence[str]) -> str:
    more = ", ..." if len(names) > FIRST else ""
    return f"{len(names):,} {what}: {', '.join(names[:FIRST])}{more}"
