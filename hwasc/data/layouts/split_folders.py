"""Official splits as folders: `train/<scene>/<files>`, `val/...`, `test/...`, or `<scene>/train/<files>` and so on.

Folders for training are called train, training or trn; for validation val, valid, validation, dev or development; for the test
test, testing, tst, eval, evaluation or evaluate, in any case. Where there is no training folder, dev is it; where there is a test
folder, eval is for validation. Every file is a location of its own. Without a validation folder the validation split is drawn
from the training files.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from hwasc.data import walking
from hwasc.data.layouts.base import LOOSE, TEST, TRAIN, VALIDATION, Folder, Layout, Listing, Recording
from hwasc.data.layouts.vanishing import vanished
from hwasc.errors import DataError

WORDS = {
    **dict.fromkeys(("train", "training", "trn", "train_set", "trainset"), TRAIN),
    **dict.fromkeys(("val", "valid", "validation", "validate", "val_set", "valset"), VALIDATION),
    **dict.fromkeys(("dev", "development"), "dev"),
    **dict.fromkeys(("test", "testing", "tst", "test_set", "testset"), TEST),
    **dict.fromkeys(("eval", "evaluation", "evaluate"), "eval"),
}


def parts(names: Iterable[str]) -> dict[str, str]:
    """Which official part each folder stands for, by its name; folders with other names are left out."""
    words = {
        name: WORDS[w] for name in names if (w := name.strip().lower().replace("-", "_").replace(" ", "_")) in WORDS
    }
    found = set(words.values())
    meaning = {"dev": VALIDATION if TRAIN in found else TRAIN, "eval": VALIDATION if TEST in found else TEST}
    if {"dev", "eval"} <= found and TRAIN in found and TEST in found:
        meaning["eval"] = TEST
    return {name: meaning.get(word, word) for name, word in words.items()}


def recognise(folder: Folder) -> bool:
    """By the folders' names: at least training and test, each with folders of audio; the same at the second level."""
    return bool(_outer(folder) or _inner(folder))


def read(folder: Folder) -> Listing:
    """Read the folders; every scene of the test and of the validation must be one of the training."""
    outer = _outer(folder)
    inner = {} if outer else _inner(folder)
    recordings: list[Recording] = []
    excluded: dict[str, str] = {}
    for name in folder.files.audio:
        first, *rest = name.split("/")
        part, scene = (
            (outer.get(first), rest[0] if rest else "")
            if outer
            else (inner.get(first, {}).get(rest[0]) if rest else "", first)
        )
        if len(rest) < 2:
            excluded[name] = LOOSE
        elif part:
            recordings.append(Recording(name=name, scene=scene, location=name, part=part))
        else:
            excluded[name] = "in no folder of the split"
    _check_scenes(folder, recordings)
    meaning = outer or {name: part for parts_of in inner.values() for name, part in parts_of.items()}
    return Listing(
        recordings=tuple(recordings),
        excluded=excluded,
        notes=(f"official split by folders: {', '.join(f'{name} for {part}' for name, part in meaning.items())}",),
        faults=vanished(folder, 2),
    )


def _outer(folder: Folder) -> dict[str, str]:
    found = parts(walking.subfolders(folder.root))
    kept = {name: part for name, part in found.items() if any(b.startswith(f"{name}/") for b in folder.seconds)}
    return kept if {TRAIN, TEST} <= set(kept.values()) else {}


def _inner(folder: Folder) -> dict[str, dict[str, str]]:
    """The parts of every scene folder, if all have them."""
    tops = walking.subfolders(folder.root)
    found = {top: parts(walking.subfolders(folder.root / top)) for top in tops}
    found = {top: inner for top, inner in found.items() if inner}
    full = [inner for inner in found.values() if {TRAIN, TEST} <= set(inner.values())]
    return found if len(full) > 1 and len(full) * 2 > len(tops) else {}


def _check_scenes(folder: Folder, recordings: list[Recording]) -> None:
    scenes: defaultdict[str, set[str]] = defaultdict(set)
    for r in recordings:
        scenes[r.part].add(r.scene)
    for part in (VALIDATION, TEST):
        unknown = sorted(scenes[part] - scenes[TRAIN])
        if unknown:
            raise DataError(
                f"{folder.root}: the {part} folder has the scene '{unknown[0]}', the training folder has not; add "
                "recordings for training, or remove it"
            )


LAYOUT = Layout(name="split_folders", title="folders of an official split", recognise=recognise, read=read)
