"""Checking a data folder: its files are listed and split as a run does it, decoded, counted, and compared with official lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from statistics import median

from hwasc.audio.reading import Header, UnreadableClip
from hwasc.data import findings, folder, inventory, run_split, twins
from hwasc.data.clips import Dataset
from hwasc.data.cutting import starts
from hwasc.data.examination import Examination, examine
from hwasc.data.findings import Findings
from hwasc.data.inventory import Inventory, State
from hwasc.data.layouts import Folder, Options, Recording, official_lists
from hwasc.data.left_out import account
from hwasc.data.probing import Probe, probe
from hwasc.data.run_split import Split
from hwasc.errors import DataError
from hwasc.progress import Reporter
from hwasc.records.data_settings import DataSettings

CHUNK = 64  # files that a worker decodes between two updates of the progress bar


def check(
    root: Path,
    *,
    quick: bool = False,
    seconds: float | None = None,
    workers: int = 4,
    data: DataSettings | None = None,
    seed: int = 0,
    cache: Path | None = None,
    reporter: Reporter | None = None,
) -> Inventory:
    """Check the files of a data folder: TAU 2022 Mobile, other official lists, or a folder of recordings in a known layout.

    Args:
        root: The data folder.
        quick: Check only whether the files exist; nothing is decoded.
        seconds: Length of a clip in seconds; None: that of `data`.
        workers: Number of threads that decode.
        data: How the folder is read and split; None: the defaults.
        seed: Of the split, in whose parts unusable clips are counted.
        cache: Folder in which later runs find the lengths and fingerprints of the recordings; None: nothing is kept.
        reporter: Output for progress.

    Returns:
        Counts, unusable files, faults and warnings.

    Raises:
        DataError: There is nothing to count.
    """
    reporter = reporter or Reporter(quiet=True)
    if not root.is_dir():
        raise DataError(f"{root}: there is no such data folder; check the path")
    data = data or DataSettings()
    seconds = seconds or data.seconds
    place = Folder(root, Options.of(data))
    opened = None if official_lists.chosen(place) else folder.list_folder(place)
    listing = opened.listing if opened else official_lists.unread(place)
    entries = inventory.list_entries(root, opened, data)
    names = [e.name for e in entries]
    states = inventory.find_files(root, names)
    lines = Findings()
    split: Split | None = None
    if not quick:
        present = [name for name in names if states[name] is None]
        probes = _probed(root, present, cache, reporter)
        examined = _examined(root, present, seconds=seconds, workers=workers, reporter=reporter)
        states |= {name: _state(examined[name], probes[name]) for name in present}
        if opened:
            opened, _ = folder.unite_twins(opened, probes)
            lengths = {name: _length(probes.get(name, inventory.MISSING)) for name in names}
            split = run_split.drawn(opened, lengths, seconds=seconds, data=data, seed=seed)
        else:
            split = run_split.official(root, seconds=seconds, data=data, seed=seed)
        _twins(lines, _recordings(entries), probes, split.dataset, drawn=bool(opened and opened.united))
        sounds = {name: h for name, h in examined.items() if isinstance(h, Examination)}
        lines.add(findings.of_sound(entries, {n: h for n, h in sounds.items() if len(h.unusable) < h.clips}))
        if split.dataset:
            unusable = _unusable(sounds, states, seconds)
            lines.add(findings.of_clips(split.dataset, unusable, data.max_unreadable, broken=_broken(states)))
    found = inventory.build(
        root,
        entries,
        states,
        seconds=seconds,
        quick=quick,
        opened=opened,
        data=data,
        reasons=account(place.files, listing, names),
        split=split,
    )
    levels = sorted(lines.levels)
    return replace(
        found,
        faults=(*found.faults, *lines.faults) if not _too_many(found) else found.faults,
        warnings=(*found.warnings, *lines.warnings),
        names=lines.names,
        levels=(levels[0], median(levels), levels[-1]) if levels else None,
    )


def _recordings(entries: Sequence[inventory.Entry]) -> list[Recording]:
    return [Recording(name=e.name, scene=e.scene, location=e.location, device=e.device) for e in entries]


def _probed(root: Path, names: Sequence[str], cache: Path | None, reporter: Reporter) -> dict[str, Probe | str]:
    with reporter.track("headers", len(names)) as update:
        found = probe([root / n for n in names], cache, lambda done, _: update(done, "files"))
        return dict(zip(names, found, strict=True))


def _examined(
    root: Path, names: Sequence[str], *, seconds: float, workers: int, reporter: Reporter
) -> dict[str, Examination | str]:
    chunks = [names[first : first + CHUNK] for first in range(0, len(names), CHUNK)]
    examined: dict[str, Examination | str] = {}
    with reporter.track("decoding", len(names)) as update:
        for chunk, outcome in zip(chunks, _decode(root, chunks, seconds, workers), strict=True):
            examined.update(zip(chunk, outcome, strict=True))
            update(len(examined), "files")
    return examined


def _decode(
    root: Path, chunks: Sequence[Sequence[str]], seconds: float, workers: int
) -> Iterator[list[Examination | str]]:
    def decoded(chunk: Sequence[str]) -> list[Examination | str]:
        outcome: list[Examination | str] = []
        for name in chunk:
            try:
                outcome.append(examine(root / name, seconds))
            except UnreadableClip as e:
                outcome.append(str(e))
        return outcome

    pool = ThreadPoolExecutor(workers)
    try:
        yield from pool.map(decoded, chunks)
    finally:
        pool.shutdown(cancel_futures=True)  # after Ctrl-C, wait for the chunks being decoded, not for all


def _state(examined: Examination | str, probe: Probe | str) -> State:
    """The header of a file of which a clip can be used, or why there is none."""
    if isinstance(examined, str) or isinstance(probe, str):
        return examined if isinstance(examined, str) else str(probe)
    if len(examined.unusable) == examined.clips:
        return next(iter(examined.unusable.values()))
    return Header(seconds=probe.seconds, rate=probe.rate, channels=probe.channels)


def _length(probe: Probe | str) -> float | str:
    return probe if isinstance(probe, str) else probe.seconds


def _twins(
    lines: Findings,
    recordings: Sequence[Recording],
    probes: Mapping[str, Probe | str],
    data: Dataset | None,
    *,
    drawn: bool,
) -> None:
    """Add lines on recordings that are the same sound, and on those of them that an official split separates."""
    groups = twins.find(recordings, folder.sketches(recordings, probes))
    if not groups:
        return
    lines.names["twins"] = tuple(" = ".join(r.name for r in group) for group in groups)
    lines.warnings += twins.lines(groups, one_place=drawn)
    side: dict[str, str] = {}
    if data is not None:
        for part, clips in (("train", data.train), ("validation", data.validation), ("test", data.test)):
            side |= {c.id.rpartition("#")[0] or c.id: part for c in clips}
    across = [f"{a.name} = {b.name}" for a, b in twins.between(groups, side)]
    if across:
        lines.names["twins_in_test"] = tuple(across)
        lines.warnings.append(
            f"{len(across):,} sounds are in the official test split and outside of it: {', '.join(across[:3])}"
            f"{', ...' if len(across) > 3 else ''}; they make the test figures too good"
        )


def _too_many(found: Inventory) -> bool:
    """Whether so many files cannot be used that a line on their clips says nothing new."""
    return any("files cannot be used" in fault for fault in found.faults)


def _broken(states: Mapping[str, State]) -> frozenset[str]:
    """Files without any usable clip; they have a line of their own."""
    return frozenset(name for name, state in states.items() if isinstance(state, str))


def _unusable(examined: Mapping[str, Examination], states: Mapping[str, State], seconds: float) -> dict[str, str]:
    """Why clips cannot be used, by their ids; of a recording that has none, its name is the id."""
    found = {name: state for name, state in states.items() if isinstance(state, str)}
    for name, h in examined.items():
        ids = starts(name, h.clips, seconds)
        found |= {ids[k][0]: why for k, why in h.unusable.items()}
    return found
