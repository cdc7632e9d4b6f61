"""TAU Urban Acoustic Scenes 2022 Mobile, by its official lists and the DCASE training subsets.

Heittola, Mesaros, Virtanen: TAU Urban Acoustic Scenes 2022 Mobile, development dataset (Zenodo 6337421). The folder is
used as it is unpacked: `meta.csv`, `audio/`, `evaluation_setup/fold1_train.csv` and `fold1_evaluate.csv`; the subsets
`split5.csv` ... `split50.csv` stand beside any of these lists. Every list may be xz-compressed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hwasc.data import splits, tables
from hwasc.data.clips import Clip, Dataset, check_classes, check_locations
from hwasc.errors import DataError

SUBSETS = ("5", "10", "25", "50")
WHOLE = "100"  # the training list itself
PROBES = 16  # files looked for when a data set is opened; all others when features are made


def has_official_lists(root: Path) -> bool:
    """Whether the folder holds one of the two official lists."""
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
    """The official split: test is the evaluation list, validation is held out of the training list by location.

    subset: `5` ... `50` takes the training clips from the DCASE list of that name, validation included; `100` takes all.
    look_for_audio: raise if the first file, or all that are looked for, are absent. No other file is touched.

    Raises DataError: absent or broken lists, a clip in both lists or not in meta.csv, a scene that differs between
    them, a location on both sides, too few locations of a scene.
    """
    meta, official, evaluation = read_lists(root)
    subset = None if subset == WHOLE else subset
    chosen = official if subset is None else _read_subset(root, subset, official, meta)
    both = set(official) & set(evaluation)
    if both:
        raise DataError(f"{root}: training and evaluation list share {len(both):,} clips, first {min(both)}")

    def clip(name: str) -> Clip:
        scene, location, device = meta[name]
        return Clip(name, root / name, 0.0, seconds, scene, location, device)

    train, test = [clip(name) for name in chosen], [clip(name) for name in evaluation]
    shared = {c.location for c in train} & {c.location for c in test}
    if shared:
        raise DataError(f"{root}: location {min(shared)} is in both lists; clips of one place must not be split")
    classes = check_classes(root, train)
    unknown = {c.scene for c in test} - set(classes)
    if unknown:
        raise DataError(f"{root}: the evaluation list has clips of '{min(unknown)}', the training list has none")
    check_locations(root, train, classes, 2, "one to train on, one for validation")
    if look_for_audio:
        _probe(root, [*train, *test])
    kept, held = splits.hold_out(train, validation_share, seed)
    places = len({c.location for c in held})
    notes = [f"validation: {len(held):,} of {len(train):,} training clips, {places} whole locations, seed {seed}"]
    if subset is not None:
        notes.append(f"training clips: the {subset} % subset, {len(train):,} of {len(official):,}")
    ignored = len(meta) - len(official) - len(evaluation)
    if ignored:
        notes.append(f"{ignored:,} clips of meta.csv are in neither official list and are not used")
    return Dataset(root.resolve().name, root, classes, tuple(kept), tuple(held), tuple(test), tuple(notes))


def read_lists(root: Path) -> tuple[dict[str, tuple[str, ...]], list[str], list[str]]:
    """meta.csv as file name to (scene, location, device), the training list, the evaluation list. Raises DataError."""
    meta = {row[0]: row[1:] for row in tables.read(_list(root, "meta.csv"), tables.META_COLUMNS)}
    train, evaluation = (_read_list(_list(root, f"fold1_{part}.csv"), meta) for part in ("train", "evaluate"))
    return meta, train, evaluation


def read_subsets(root: Path) -> dict[str, list[str]]:
    """The subset lists that are there, `5` ... `50` to file names. Raises DataError for one that cannot be read."""
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
        raise DataError(f"{root}: {name} is missing; it belongs into this folder or into evaluation_setup")
    return path


def _read_list(path: Path, meta: Mapping[str, tuple[str, ...]]) -> list[str]:
    names = []
    for name, scene in tables.read(path, tables.LIST_COLUMNS, optional=("scene_label",)):
        if name not in meta:
            raise DataError(f"{path}: {name} is not in meta.csv; the lists do not belong together")
        if scene and scene != meta[name][0]:
            raise DataError(f"{path}: {name} is '{scene}' here and '{meta[name][0]}' in meta.csv")
        names.append(name)
    return names


def _read_subset(root: Path, subset: str, official: list[str], meta: Mapping[str, tuple[str, ...]]) -> list[str]:
    name = subset.removeprefix("split").removesuffix("%").strip()
    path = tables.find(_folders(root), f"split{name}.csv") if name in SUBSETS else None
    if path is None:
        there = [s for s in SUBSETS if tables.find(_folders(root), f"split{s}.csv")]
        found = ", ".join(there) if there else "none; put split25.csv and the like beside meta.csv"
        raise DataError(f"{root}: there is no list for subset '{subset}' (found: {found})")
    names = _read_list(path, meta)
    foreign = set(names) - set(official)
    if foreign:
        raise DataError(f"{path}: {len(foreign):,} of its clips are not in fold1_train.csv, first {min(foreign)}")
    return names


def _probe(root: Path, clips: list[Clip]) -> None:
    """Catch audio that was not unpacked, or unpacked elsewhere, without touching every file."""
    step = max(1, len(clips) // PROBES)
    probed = clips[::step][:PROBES]
    missing = [c for c in probed if not c.path.is_file()]
    if missing and missing[0] is clips[0]:
        what = "none" if len(missing) == len(probed) else f"{len(probed) - len(missing)}"
        raise DataError(
            f"{root}: the audio is not there: {missing[0].id} is missing, {what} of {len(probed)} files looked for "
            "exist; unpack the audio archives into this folder"
        )
