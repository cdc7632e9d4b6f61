"""What a data folder holds, file by file, beside what it lists and what its data set is known to hold."""

from __future__ import annotations

import os
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hwasc.audio.reading import Header, UnreadableClip, clip_count, header
from hwasc.data import tau
from hwasc.data.clips import Clip, check_classes, check_locations
from hwasc.data.folder import list_recordings
from hwasc.data.official import PARTS, TAU2022, Facts, fingerprint, segment, subset_faults
from hwasc.errors import DataError
from hwasc.records.data_settings import DataSettings

RECORDINGS = "recordings"  # the one part of a folder without official lists
FIRST = 5  # names that a person is shown
MISSING = "missing"
State = Header | str | None  # a header, the reason why a file is of no use, or present and not looked into


@dataclass(frozen=True, slots=True)
class Entry:
    """A file as a folder lists it. part: train, evaluate, neither; or recordings, where there are no official lists."""

    name: str
    part: str
    scene: str
    location: str
    device: str


@dataclass(frozen=True)
class Row:
    """Files of one part by group (all, scene, device, location) and name.

    expected: known to be in the data set, None where nothing is known. found: of the listed ones, those that can be used.
    clips, seconds: what these hold; None where no header was read.
    """

    part: str
    group: str
    name: str
    expected: int | None
    listed: int
    found: int
    clips: int | None
    seconds: float | None


@dataclass(frozen=True)
class Inventory:
    """kind: tau2022 (its official lists), lists (others in its layout) or folder. unusable: names with their reasons,
    missing ones first. lengths: least, median and greatest in s. rates: Hz to files. faults: what stands in the way;
    warnings: what does not.
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


def listed(root: Path) -> list[Entry]:
    """All files that the folder lists, read as every other verb reads it. Raises DataError."""
    if not tau.has_official_lists(root):
        return [Entry(r.name, RECORDINGS, r.scene, r.location, r.device) for r in list_recordings(root)[0]]
    meta, train, evaluation = tau.read_lists(root)
    part = dict.fromkeys(evaluation, "evaluate") | dict.fromkeys(train, "train")
    return [Entry(name, part.get(name, "neither"), *row) for name, row in meta.items()]


def present(root: Path, names: Iterable[str]) -> dict[str, State]:
    """None for every file that is there, `missing` for the others; each folder is listed once, no file is touched."""
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


def inspect(root: Path, names: Sequence[str], seconds: float) -> list[State]:
    """The header of every file, or why it is of no use: missing, empty, not audio, shorter than a clip of `seconds`."""
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


def take(
    root: Path,
    entries: Sequence[Entry],
    states: Mapping[str, State],
    seconds: float,
    quick: bool,
    facts: Facts = TAU2022,
) -> Inventory:
    """Compare and count. states: of every entry, by name. facts: those of the data set whose official lists it may be."""
    official = entries[0].part != RECORDINGS
    known = facts if official and _is(facts, entries) else None
    unusable = {e.name: s for e in entries if isinstance(s := states[e.name], str)}
    missing = [name for name, why in unusable.items() if why == MISSING]
    unreadable = [name for name, why in unusable.items() if why != MISSING]
    headers = [s for s in states.values() if isinstance(s, Header)]
    rates = Counter(h.rate for h in headers)
    rows = _rows(entries, states, seconds, known)
    subsets = tau.read_subsets(root) if official else {}
    faults = [_first(f"of {len(entries):,} files are missing", missing)] if missing else []
    warnings: list[str] = []
    if unreadable:
        named = [f"{name} ({unusable[name]})" for name in unreadable]
        bearable = not known and len(unreadable) <= DataSettings().max_unreadable * len(entries)
        (warnings if bearable else faults).append(_first(f"of {len(entries):,} files cannot be used", named))
    faults += _list_faults(root, rows, entries, subsets, known) if official else _split_faults(root, entries, states)
    if known and (other := sum(n for rate, n in rates.items() if rate != known.rate)):
        warnings.append(f"{other:,} files are not at {known.rate:,} Hz as the originals are")
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
    )


def _is(facts: Facts, entries: Sequence[Entry]) -> bool:
    """Whether these are the data set's lists, one of which may be damaged or shortened."""
    names: defaultdict[str, list[str]] = defaultdict(list)
    for entry in entries:
        names[entry.part].append(entry.name)
    return any(fingerprint(names[part]) == mark for part, mark in facts.marks.items())


def _rows(entries: Sequence[Entry], states: Mapping[str, State], seconds: float, facts: Facts | None) -> list[Row]:
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
    looked = any(isinstance(s, Header) for s in states.values())
    parts, groups = [*PARTS, RECORDINGS], ["all", "scene", "device", "location"]
    keys = sorted(files.keys() | expected, key=lambda k: (parts.index(k[0]), groups.index(k[1]), k[2]))
    return [
        Row(
            *key,
            expected=expected.get(key, 0) if facts and key[1] != "location" else None,
            listed=files[key],
            found=found[key],
            clips=clips[key] if looked else None,
            seconds=round(length[key], 3) if looked else None,
        )
        for key in keys
    ]


def _list_faults(
    root: Path, rows: Sequence[Row], entries: Sequence[Entry], subsets: Mapping[str, list[str]], facts: Facts | None
) -> list[str]:
    """What is wrong with official lists: with one another, as every verb sees it, and beside what is known of them."""
    faults = [
        f"the lists hold {row.listed:,} clips of {row.part}, {row.group} {row.name}; {row.expected:,} are known"
        for row in rows
        if row.expected is not None and row.expected != row.listed
    ]
    if facts:
        segments = len({segment(e.name) for e in entries})
        if (len(entries), segments) != (facts.clips, facts.segments):
            faults.append(
                f"meta.csv holds {len(entries):,} clips of {segments:,} recordings; "
                f"{facts.clips:,} of {facts.segments:,} are known"
            )
        faults += [
            f"split{name}.csv holds {len(names):,} clips, {facts.subsets[name]:,} are known"
            for name, names in subsets.items()
            if len(names) != facts.subsets[name]
        ]
    try:
        tau.open_tau(root, look_for_audio=False)
    except DataError as e:
        faults.append(str(e))
    return faults + subset_faults([e.name for e in entries if e.part == "train"], subsets)


def _split_faults(root: Path, entries: Sequence[Entry], states: Mapping[str, State]) -> list[str]:
    """Why a folder without official lists cannot be split, if it cannot: by the rules of every other verb."""
    usable = [
        Clip(e.name, root / e.name, 0.0, 1.0, e.scene, e.location, e.device)
        for e in entries
        if not isinstance(states[e.name], str)
    ]
    try:
        classes = check_classes(root, usable)
        check_locations(root, usable, classes, 3, "one each for training, validation and test")
    except DataError as e:
        return [str(e)]
    return []


def _first(what: str, names: Sequence[str]) -> str:
    more = ", ..." if len(names) > FIRST else ""
    return f"{len(names):,} {what}: {', '.join(names[:FIRST])}{more}"
