"""TAU Urban Acoustic Scenes 2022 Mobile, by its official lists and the DCASE training subsets.

Heittola, Mesaros, Virtanen: TAU Urban Acoustic Scenes 2022 Mobile, development dataset (Zenodo 6337421). The folder is
used as it is unpacked: `meta.csv`, `audio/`, `evaluation_setup/fold1_train.csv` and `fold1_evaluate.csv`. The subsets
`split5.csv` ... `split50.csv` may be in any folder of these lists. Every list may be xz-compressed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hwasc.data import splits, tables
from hwasc.data.clips import Clip, Dataset, check_classes, check_locations
from hwasc.errors import DataError

SUBSETS = ("5", "10", "25", "50")
WHOLE = "100"  # the training list itself
CHECKED_FILES = 16  # files checked when a data set is opened; the others when features are computed


def has_official_lists(root: Path) -> bool:
    """Whether the folder has one of the two official lists."""
    return any(tables.find(_folders(root), f"fold1_{part}.csv") for part in ("train", "evaluate"))


def open_tau(
    root: Path,
    *,
    seconds: float = 1.0,
    subset: str | None = None,
    seed: int = 0,
    validation_share: float = 0.2,
    look_for_audio: bool = True,
) -> Dataset:
    """Open the official split. The evaluation list is the test set; validation clips are held out of the training list.

    Args:
        root: The data folder.
        seconds: Length of a clip in seconds.
        subset: `5` ... `50` takes training and validation clips from the DCASE list of that name; `100` takes all.
        seed: Seed of the validation split.
        validation_share: Share of the training clips to hold out by location, between 0 and 1.
        look_for_audio: Check whether some of the audio files exist; the first must. No other file is checked.

    Returns:
        The data set.

    Raises:
        DataError: A list is missing or broken; a clip is in both lists or not in meta.csv, or its scenes differ; a location is
            in both lists; a scene has too few locations; audio is missing.
    """
    meta, official, evaluation = read_lists(root)
    subset = None if subset == WHOLE else subset
    chosen = official if subset is None else _read_subset(root, subset, official, meta)
    both = set(official) & set(evaluation)
    if both:
        raise DataError(f"{root}: training and evaluation list share {len(both):,} clips, first {min(both)}")

    def clip(name: str) -> Clip:
        scene, location, device = meta[name]
        return Clip(
            id=name,
            path=root / name,
            start=0.0,
            seconds=seconds,
            scene=scene,
            location=location,
            device=device,
        )

    train, test = [clip(name) for name in chosen], [clip(name) for name in evaluation]
    shared = {c.location for c in train} & {c.location for c in test}
    if shared:
        raise DataError(f"{root}: location {min(shared)} is in both lists; clips of one location must not be in both")
    classes = check_classes(root, train)
    unknown = {c.scene for c in test} - set(classes)
    if unknown:
        raise DataError(f"{root}: the evaluation list has clips of '{min(unknown)}', the training list has none")
    check_locations(root, train, classes, needed=2, why="one for training, one for validation")
    if look_for_audio:
        _check_audio(root, [*train, *test])
    rest, validation = splits.hold_out(train, validation_share, seed)
    locations = len({c.location for c in validation})
    notes = [f"validation: {len(validation):,} of {len(train):,} training clips, {locations} locations, seed {seed}"]
    if subset is not None:
        notes.append(f"training clips: the {subset} % subset, {len(train):,} of {len(official):,}")
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
        drawn=f"official lists, seed {seed} for validation",
    )


def read_lists(root: Path) -> tuple[dict[str, tuple[str, ...]], list[str], list[str]]:
    """Read meta.csv as (scene, location, device) by file name, the training list and the evaluation list.

    Raises:
        DataError: A list is missing or broken, or does not agree with meta.csv.
    """
    meta = {row[0]: row[1:] for row in tables.read(_list(root, "meta.csv"), tables.META_COLUMNS)}
    train, evaluation = (_read_list(_list(root, f"fold1_{part}.csv"), meta) for part in ("train", "evaluate"))
    return meta, train, evaluation


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


def _folders(root: Path) -> list[Path]:
    return [root, root / "evaluation_setup", root / "split_setup"]


def _list(root: Path, name: str) -> Path:
    path = tables.find(_folders(root), name)
    if path is None:
        raise DataError(f"{root}: {name} is missing; put it into this folder or into evaluation_setup")
    return path


def _read_list(path: Path, meta: Mapping[str, tuple[str, ...]]) -> list[str]:
    names = []
    for name, scene in tables.read(path, tables.LIST_COLUMNS, optional=("scene_label",)):
        if name not in meta:
            raise DataError(f"{path}: {name} is not in meta.csv; the lists are of different data sets")
        if scene and scene != meta[name][0]:
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


def _check_audio(root: Path, clips: list[Clip]) -> None:
    """Check some of the files: audio may not be unpacked, or not into this folder."""
    step = max(1, len(clips) // CHECKED_FILES)
    checked = clips[::step][:CHECKED_FILES]
    missing = [c for c in checked if not c.path.is_file()]
    if missing and missing[0] is clips[0]:
        existing = "none" if len(missing) == len(checked) else f"{len(checked) - len(missing)}"
        raise DataError(
            f"{root}: audio is missing: {missing[0].id} is missing, {existing} of {len(checked)} files checked exist; "
            "unpack the audio archives into this folder"
        )
