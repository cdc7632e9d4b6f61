"""Checking a data folder: its files are listed as a run lists them, decoded, counted, and compared with official lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from statistics import median

from hwasc.audio.reading import Header, UnreadableClip
from hwasc.data import findings, folder, inventory, left_out, tau, twins
from hwasc.data.clips import Dataset
from hwasc.data.cutting import starts
from hwasc.data.dividing import Shares
from hwasc.data.findings import Findings
from hwasc.data.folder import Opened
from hwasc.data.inventory import Inventory
from hwasc.data.layouts import Options, official_lists
from hwasc.data.listening import Heard, listen
from hwasc.data.probing import Probe, probe
from hwasc.errors import DataError, UsageError
from hwasc.progress import Reporter
from hwasc.records.data_settings import DataSettings

CHUNK = 64  # files that a worker decodes between two updates of the progress bar


def check(
    root: Path,
    *,
    quick: bool = False,
    seconds: float | None = None,
    workers: int = 4,
    reporter: Reporter | None = None,
    settings: DataSettings | None = None,
    seed: int = 0,
    cache: Path | None = None,
) -> Inventory:
    """Check the files of a data folder of any known layout.

    Args:
        root: The data folder.
        quick: Check only whether the files exist; nothing is decoded.
        seconds: Length of a clip in seconds; None: the settings'.
        workers: Number of threads that decode.
        reporter: Output for progress.
        settings: How the folder is read and split; None: the defaults.
        seed: Of the split, whose shares of unusable clips are compared with the limit.
        cache: Folder in which later runs find the lengths and fingerprints of the recordings; None: nothing is kept.

    Returns:
        Counts, unusable files, faults and warnings.

    Raises:
        DataError: There is nothing to count.
    """
    reporter, d = reporter or Reporter(quiet=True), settings or DataSettings()
    seconds = d.seconds if seconds is None else seconds
    if not root.is_dir():
        raise DataError(f"{root}: there is no such data folder; check the path")
    options = Options(layout=d.layout, table=d.table, columns=d.columns, rename=d.rename)
    opened = folder.list_folder(root, options)
    entries = inventory.list_entries(root, opened)
    names = [e.name for e in entries]
    states = inventory.find_files(root, names)
    files = left_out.account(opened.folder.files, opened.listing)
    if quick:
        found = inventory.build(
            root, entries, states, seconds=seconds, quick=True, max_unreadable=d.max_unreadable
        )
        return _with(found, _listed(opened, files), opened, files)
    present = [name for name in names if states[name] is None]
    with reporter.track("headers", len(present)) as update:
        probes = dict(
            zip(present, probe([root / n for n in present], cache, lambda done, _: update(done, "files")), strict=True)
        )
    heard: dict[str, Heard] = {}
    chunks = [present[first : first + CHUNK] for first in range(0, len(present), CHUNK)]
    with reporter.track("decoding", len(present)) as update:
        done = 0
        for chunk, outcome in _decode(root, chunks, seconds, workers):
            for name, result in zip(chunk, outcome, strict=True):
                p = probes[name]
                if isinstance(result, Heard) and isinstance(p, Probe):
                    heard[name] = result
                    whole = len(result.unusable) < result.clips
                    states[name] = (
                        Header(seconds=p.seconds, rate=p.rate, channels=p.channels)
                        if whole
                        else next(iter(result.unusable.values()))
                    )
                else:
                    states[name] = result if isinstance(result, str) else str(p)
            done += len(chunk)
            update(done, "files")
    united = folder.unite_twins(opened, probes)
    official = entries[0].part != inventory.RECORDINGS
    data, split_faults = _split(united, probes, seconds=seconds, settings=d, seed=seed)
    found = inventory.build(
        root,
        entries,
        states,
        seconds=seconds,
        quick=False,
        max_unreadable=d.max_unreadable,
        split_faults=None if official else split_faults,
    )
    notes = _listed(opened, files)
    _twins(notes, united, probes, data)
    good = {n: h for n, h in heard.items() if len(h.unusable) < h.clips}
    sound = findings.of_sound(entries, good)
    notes.warnings += sound.warnings
    notes.names |= sound.names
    loud = [n for n, h in heard.items() if h.too_loud]
    if loud:
        notes.names["too_loud"] = tuple(loud)
        notes.faults.append(
            f"{len(loud):,} files have samples far beyond full scale: {left_out.named(loud)}; export them again with samples "
            "from -1 to 1"
        )
    if data is not None:
        clips = findings.of_clips(data, _unusable(heard, states, seconds), d.max_unreadable)
        notes.faults += [] if found.unreadable and clips.faults and found.faults else clips.faults
        notes.warnings += clips.warnings
        notes.names |= clips.names
    levels = sorted(h.level for h in good.values() if h.level > float("-inf"))
    return replace(
        _with(found, notes, opened, files),
        levels=(levels[0], median(levels), levels[-1]) if levels else None,
    )


def _listed(opened: Opened, files: Mapping[str, Sequence[str]]) -> Findings:
    """Findings of the listing: faults, notes on names, and sound that is not used."""
    listing = opened.listing
    return Findings(faults=list(listing.faults), warnings=[*listing.notes, *left_out.warnings(files)])


def _with(found: Inventory, notes: Findings, opened: Opened, files: Mapping[str, tuple[str, ...]]) -> Inventory:
    """The inventory with more lines."""
    return replace(
        found,
        layout=opened.title,
        left_out={reason: names for reason, names in files.items() if reason != left_out.USED and names},
        faults=(*found.faults, *notes.faults),
        warnings=(*found.warnings, *notes.warnings),
        names=notes.names,
    )


def _split(
    opened: Opened, probes: Mapping[str, Probe | str], *, seconds: float, settings: DataSettings, seed: int
) -> tuple[Dataset | None, list[str]]:
    """The folder as a run splits it, or why it cannot."""
    root, d = opened.folder.root, settings
    try:
        if opened.title == official_lists.LAYOUT.title:
            data = tau.open_tau(
                root,
                seconds=seconds,
                subset=d.subset,
                seed=seed,
                validation_share=d.validation_share,
                fold=d.part(),
                rename=d.rename,
            )
            return data, []
        lengths = {r.name: _length(probes.get(r.name, inventory.MISSING)) for r in opened.listing.recordings}
        shares = Shares(seed=seed, validation=d.validation_share, test=d.test_share, fold=d.part())
        return folder.split(opened, lengths, seconds=seconds, shares=shares), []
    except (DataError, UsageError) as e:
        return None, [str(e)]


def _length(probe: Probe | str) -> float | str:
    return probe if isinstance(probe, str) else probe.seconds


def _twins(notes: Findings, opened: Opened, probes: Mapping[str, Probe | str], data: Dataset | None) -> None:
    """Add lines on recordings that are the same sound, and on those of them that an official split separates."""
    recordings = opened.listing.recordings
    groups = twins.find(recordings, folder.sketches(recordings, probes))
    if not groups:
        return
    notes.names["twins"] = tuple(" = ".join(r.name for r in group) for group in groups)
    side: dict[str, str] = {}
    if data is not None:
        for part, clips in (("train", data.train), ("validation", data.validation), ("test", data.test)):
            side |= {c.id.rpartition("#")[0] or c.id: part for c in clips}
    across = twins.between(groups, side)
    notes.warnings += twins.lines(groups, one_place=opened.united)
    if across:
        notes.names["twins_in_test"] = tuple(f"{a.name} = {b.name}" for a, b in across)
        shown = left_out.named([f"{a.name} = {b.name}" for a, b in across])
        notes.warnings.append(
            f"{len(across):,} sounds are in the official test split and outside of it: {shown}; the figures on the test are too "
            "good by them"
        )


def _unusable(heard: Mapping[str, Heard], states: Mapping[str, inventory.State], seconds: float) -> dict[str, str]:
    """Why clips cannot be used, by their ids; of a recording that has none, its name is the id."""
    found = {name: state for name, state in states.items() if isinstance(state, str)}
    for name, h in heard.items():
        ids = starts(name, h.clips, seconds)
        found |= {ids[k][0]: why for k, why in h.unusable.items()}
    return found


def _decode(
    root: Path, chunks: list[list[str]], seconds: float, workers: int
) -> Iterator[tuple[list[str], list[Heard | str]]]:
    def decoded(chunk: list[str]) -> list[Heard | str]:
        outcome: list[Heard | str] = []
        for name in chunk:
            try:
                outcome.append(listen(root / name, seconds))
            except UnreadableClip as e:
                outcome.append(str(e))
        return outcome

    pool = ThreadPoolExecutor(workers)
    try:
        yield from zip(chunks, pool.map(decoded, chunks), strict=True)
    finally:
        pool.shutdown(cancel_futures=True)  # after Ctrl-C, wait for the chunks being decoded, not for all
