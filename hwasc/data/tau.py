"""TUT and TAU scenes by their official lists, and the DCASE training subsets.

The folder is used as it is unpacked: `meta.csv` (TAU, TUT 2018) or `meta.txt` (TUT 2016 and 2017), the audio, and
`evaluation_setup/fold1_train.csv` and `fold1_evaluate.csv` (or `.txt`, or `fold1_test`; four folds in 2016 and 2017). The
subsets `split5.csv` ... `split50.csv` of TAU 2022 Mobile (Heittola, Mesaros, Virtanen; Zenodo 6337421) may be in any folder of
these lists. Every list may be xz-compressed.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path

from hwasc.data import renaming, splits, tables
from hwasc.data.clip_counts import long_files, starts
from hwasc.data.clips import Clip, Dataset, check_classes, check_locations
from hwasc.errors import DataError, UsageError

SUBSETS = ("5", "10", "25", "50")
WHOLE = "100"  # the training list itself
SUFFIXES = (".csv", ".txt")
TEST_LISTS = ("evaluate", "test")  # in 2016 to 2021 both exist, the second without scenes
LIST_NAME = re.compile(r"(meta|error|fold\d+_(train|test|evaluate)|split\d+)\.(csv|txt)(\.xz)?")
MOST_FOLDS = 20
NUMBERED = re.compile(r"([a-z]+\d+)_\d+_\d+")  # TUT 2016: the recording, and where the clip begins and ends in it
CHECKED_FILES = 16  # files checked when a data set is opened; the others when features are computed


def has_official_lists(root: Path) -> bool:
    """Whether the folder has one of the lists of the first fold; a list of test files alone is an unlabelled set's."""
    return any(_find(root, f"fold1_{part}") for part in ("train", "evaluate"))


def count_folds(root: Path) -> int:
    """Number of official folds, 1 at least."""
    return next(k for k in range(1, MOST_FOLDS + 1) if not _find(root, f"fold{k + 1}_train"))


def open_tau(
    root: Path,
    *,
    seconds: float = 1.0,
    subset: str | None = None,
    seed: int = 0,
    validation_share: float = 0.2,
    look_for_audio: bool = True,
    fold: tuple[int, int] | None = None,
    rename: Mapping[str, str] | None = None,
) -> Dataset:
    """Open the official split. The evaluation list is the test set; validation clips are held out of the training list.

    Files that are longer than a clip are cut into clips.

    Args:
        root: The data folder.
        seconds: Length of a clip in seconds.
        subset: `5` ... `50` takes training and validation clips from the DCASE list of that name; `100` takes all.
        seed: Seed of the validation split.
        validation_share: Share of the training clips to hold out by location, between 0 and 1.
        look_for_audio: Look at the audio: of some files whether they exist (the first must), of all how long they are.
        fold: (k, n): the k-th of n official folds. None: the first.
        rename: Final names of scenes, locations and devices.

    Returns:
        The data set.

    Raises:
        DataError: A list is missing or broken; a clip is in both lists or not in meta.csv, or its scenes differ; a location is
            in both lists; a scene has too few locations; audio is missing.
        UsageError: The data set has not that many official folds.
    """
    number, count = _chosen(root, fold)
    notes: list[str] = []
    meta, official, evaluation = read_lists(root, number, rename=rename, notes=notes)
    subset = None if subset == WHOLE else subset
    chosen = official if subset is None else _read_subset(root, subset, official, meta)
    both = set(official) & set(evaluation)
    if both:
        raise DataError(f"{root}: training and evaluation list share {len(both):,} clips, first {min(both)}")
    if look_for_audio:
        _check_audio(root, [*chosen, *evaluation])
    kinds = {n: (meta[n][0], meta[n][2]) for n in (*chosen, *evaluation)} if look_for_audio else {}
    several = long_files(root, kinds, seconds)

    folders: dict[str, Path] = {}  # for speed: to join a whole path takes twice as long as a file's name

    def clips(names: list[str]) -> list[Clip]:
        found = []
        for name in names:
            scene, location, device = meta[name]
            below, _, file = name.rpartition("/")
            path = (folders.get(below) or folders.setdefault(below, root / below)) / file
            for clip_id, start in starts(name, several[name], seconds) if name in several else ((name, 0.0),):
                found.append(
                    Clip(
                        id=clip_id,
                        path=path,
                        start=start,
                        seconds=seconds,
                        scene=scene,
                        location=location,
                        device=device,
                    )
                )
        return found

    train, test = clips(chosen), clips(evaluation)
    shared = {c.location for c in train} & {c.location for c in test}
    if shared:
        raise DataError(f"{root}: location {min(shared)} is in both lists; clips of one location must not be in both")
    classes = check_classes(root, train)
    unknown = {c.scene for c in test} - set(classes)
    if unknown:
        raise DataError(f"{root}: the evaluation list has clips of '{min(unknown)}', the training list has none")
    check_locations(root, train, classes, needed=2, why="one for training, one for validation")
    rest, validation = splits.hold_out(train, validation_share, seed)
    locations = len({c.location for c in validation})
    if count > 1:
        notes.append(f"official fold {number}/{count} (data.fold={number % count + 1}/{count} takes the next)")
    notes.append(
        f"validation: {len(validation):,} of {len(train):,} training clips, {locations} locations, seed {seed}"
    )
    if subset is not None:
        notes.append(f"training clips: the {subset} % subset, {len(chosen):,} of {len(official):,} files")
    if several:
        total = len(train) + len(test)
        notes.append(
            f"{len(several):,} of {len(chosen) + len(evaluation):,} files are cut into clips of {seconds:g} s: {total:,} clips"
        )
    ignored = len(meta) - len(official) - len(evaluation)
    if ignored:
        notes.append(f"{ignored:,} clips of meta.csv are in neither official list and are not used")
    return Dataset(
        name=root.resolve().name,
        root=root,
        classes=classes,
        train=tuple(rest),
        validation=tuple(validation),
        test=tuple(test),
        notes=tuple(notes),
        drawn=f"official lists{f', fold {number}/{count}' if count > 1 else ''}, seed {seed} for validation",
    )


def read_lists(
    root: Path, fold: int = 1, *, rename: Mapping[str, str] | None = None, notes: list[str] | None = None
) -> tuple[dict[str, tuple[str, ...]], list[str], list[str]]:
    """Read meta.csv as (scene, location, device) by file name, the training list and the evaluation list.

    Args:
        root: The data folder.
        fold: Number of the official fold.
        rename: Final names of scenes, locations and devices.
        notes: Gets lines on names that had to be cleaned.

    Returns:
        The table, and the files of the two lists.

    Raises:
        DataError: A list is missing or broken, or does not agree with meta.csv.
    """
    meta = read_meta(root, rename, notes=notes)
    test = next((part for part in TEST_LISTS if _find(root, f"fold{fold}_{part}")), TEST_LISTS[0])
    scene = renaming.settled(rename or {})
    train, evaluation = (_read_list(_list(root, f"fold{fold}_{part}"), meta, scene) for part in ("train", test))
    return meta, train, evaluation


def _chosen(root: Path, fold: tuple[int, int] | None) -> tuple[int, int]:
    """Number of the official fold, and how many there are."""
    count = count_folds(root)
    if fold is None:
        return 1, count
    if count == 1:
        raise UsageError(f"data.fold: {root} has official lists, which define the test clips; leave it out")
    if fold[1] != count:
        raise UsageError(f"data.fold: {root} has {count} official folds; expected k/{count}, found {fold[0]}/{fold[1]}")
    return fold


def read_meta(
    root: Path, rename: Mapping[str, str] | None = None, *, notes: list[str] | None = None
) -> dict[str, tuple[str, ...]]:
    """Read meta.csv or meta.txt as (scene, location, device) by file name.

    Args:
        root: The data folder.
        rename: Final names of scenes, locations and devices.
        notes: Gets lines on names that had to be cleaned.

    Returns:
        The table.

    Raises:
        DataError: It is missing or broken, or two names are so alike that they may be one.
    """
    rename, path = rename or {}, _list(root, "meta")
    rows = tables.read(path, tables.META_COLUMNS, optional=tables.META_COLUMNS[2:], notes=notes)
    found = [{row[k] for row in rows} for k in _KINDS]
    renaming.check_rename(rename, set().union(*found))
    final = [renaming.settle(f, rename, f"{path}: {what}") for f, what in zip(found, _KINDS.values(), strict=True)]
    if any(raw != name for mapping in final for raw, name in mapping.items()):
        rows = [(row[0], *(names[cell] for names, cell in zip(final, row[1:], strict=True))) for row in rows]
    if not rows[0][2] or not rows[0][3]:  # TUT 2016 and 2017
        rows = [(name, scene, place or _recording(name), device or "unknown") for name, scene, place, device in rows]
    return {row[0]: row[1:] for row in rows}


_KINDS = {1: "scenes", 2: "locations", 3: "devices"}  # by column


def _recording(name: str) -> str:
    """The recording that a clip was cut from, by its name: b020 of `audio/b020_90_120.wav`."""
    stem = posixpath.splitext(posixpath.basename(name))[0]
    match = NUMBERED.fullmatch(stem)
    return match[1] if match else name


def read_subsets(root: Path) -> dict[str, list[str]]:
    """Read the file names of the subset lists that exist, by their percentage: `5` ... `50`.

    Raises:
        DataError: A list is broken.
    """
    found = {name: tables.find(_folders(root), f"split{name}.csv") for name in SUBSETS}
    return {
        name: [row[0] for row in tables.read(path, tables.LIST_COLUMNS, optional=("scene_label",))]
        for name, path in found.items()
        if path
    }


def lists(root: Path) -> list[Path]:
    """All files of a folder that are official lists."""
    found = [path for folder in _folders(root) if folder.is_dir() for path in folder.iterdir()]
    return [path for path in found if LIST_NAME.fullmatch(path.name)]


def _folders(root: Path) -> list[Path]:
    return [root, root / "evaluation_setup", root / "split_setup"]


def _find(root: Path, name: str) -> Path | None:
    return next((path for suffix in SUFFIXES if (path := tables.find(_folders(root), f"{name}{suffix}"))), None)


def _list(root: Path, name: str) -> Path:
    path = _find(root, name)
    if path is None:
        raise DataError(f"{root}: {name}.csv is missing; put it into this folder or into evaluation_setup")
    return path


def _read_list(path: Path, meta: Mapping[str, tuple[str, ...]], final: Mapping[str, str] | None = None) -> list[str]:
    names = []
    for name, scene in tables.read(path, tables.LIST_COLUMNS, optional=("scene_label",)):
        if name not in meta:
            raise DataError(f"{path}: {name} is not in meta.csv; the lists are of different data sets")
        if scene and scene != meta[name][0] and (final or {}).get(scene) != meta[name][0]:
            raise DataError(f"{path}: {name} is '{scene}' here and '{meta[name][0]}' in meta.csv")
        names.append(name)
    return names


def _read_subset(root: Path, subset: str, official: list[str], meta: Mapping[str, tuple[str, ...]]) -> list[str]:
    name = subset.removeprefix("split").removesuffix("%").strip()
    path = tables.find(_folders(root), f"split{name}.csv") if name in SUBSETS else None
    if path is None:
        existing = [s for s in SUBSETS if tables.find(_folders(root), f"split{s}.csv")]
        found = ", ".join(existing) if existing else "none; put split25.csv and the others beside meta.csv"
        raise DataError(f"{root}: there is no list for subset '{subset}' (found: {found})")
    names = _read_list(path, meta)
    extra = set(names) - set(official)
    if extra:
        raise DataError(f"{path}: {len(extra):,} of its clips are not in fold1_train.csv, first {min(extra)}")
    return names


def _check_audio(root: Path, names: list[str]) -> None:
    """Check some of the files: audio may not be unpacked, or not into this folder."""
    step = max(1, len(names) // CHECKED_FILES)
    checked = names[::step][:CHECKED_FILES]
    missing = [name for name in checked if not (root / name).is_file()]
    if missing and missing[0] == names[0]:
        existing = "none" if len(missing) == len(checked) else f"{len(checked) - len(missing)}"
        raise DataError(
            f"{root}: audio is missing: {missing[0]} is missing, {existing} of {len(checked)} files checked exist; "
            "unpack the audio archives into this folder"
        )
