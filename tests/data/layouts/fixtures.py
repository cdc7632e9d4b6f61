"""Tiny copies of published data sets: the same names, lists and folders, a few short files."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import soundfile

RATE = 2000
META = "filename\tscene_label\tidentifier\tsource_label\n"


def record(path: Path, seconds: float = 1.0) -> None:
    """A file of noise, of its own content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(zlib.crc32("/".join(path.parts[-3:]).encode("utf-8", "surrogateescape")))
    soundfile.write(path, 0.1 * rng.standard_normal(round(seconds * RATE)), RATE)


def scenes(root: Path, names: tuple[str, ...] | str, count: int = 4, seconds: float = 1.0) -> None:
    """A folder each with some recordings."""
    for name in names:
        for k in range(count):
            record(root / name / f"{k}.wav", seconds)


def esc50(root: Path) -> None:
    """Five folds, three classes, two recordings of a class and fold, two clips of a recording."""
    rows = []
    for fold in range(1, 6):
        for target, category in enumerate(("dog", "rain", "sea_waves")):
            for source in (100_000 + fold * 10 + target, 200_000 + fold * 10 + target):
                for take in "AB":
                    name = f"{fold}-{source}-{take}-{target}.wav"
                    record(root / "audio" / name)
                    rows.append(f"{name},{fold},{target},{category},{target == 0},{source},{take}\n")
    (root / "meta").mkdir()
    (root / "meta" / "esc50.csv").write_text("filename,fold,target,category,esc10,src_file,take\n" + "".join(rows))
    (root / "meta" / "esc50-human.xlsx").write_bytes(b"PK")
    (root / "README.md").write_text("# ESC-50")


def urbansound8k(root: Path) -> None:
    """Ten folds, two classes, a recording of each class and fold in two slices."""
    rows = []
    for fold in range(1, 11):
        for number, name in ((1, "car_horn"), (8, "siren")):
            source = fold * 100 + number
            for part in range(2):
                file = f"{source}-{number}-0-{part}.wav"
                record(root / "audio" / f"fold{fold}" / file)
                rows.append(f"{file},{source},0.0,4.0,1,{fold},{number},{name}\n")
    (root / "metadata").mkdir()
    header = "slice_file_name,fsID,start,end,salience,fold,classID,class\n"
    (root / "metadata" / "UrbanSound8K.csv").write_text(header + "".join(rows))


def speech_commands(root: Path) -> None:
    """Two words, eight speakers, two recordings each; three speakers validate and two test."""
    lists: dict[str, list[str]] = {"validation_list.txt": [], "testing_list.txt": []}
    for word in ("yes", "no"):
        for speaker in range(8):
            for k in range(2):
                name = f"{word}/{speaker:08x}_nohash_{k}.wav"
                record(root / name)
                if speaker < 5:
                    lists["validation_list.txt" if speaker < 3 else "testing_list.txt"].append(name)
    for file, names in lists.items():
        (root / file).write_text("".join(f"{n}\n" for n in names))
    record(root / "_background_noise_" / "running_tap.wav", 3.0)


def dcase2013(root: Path) -> None:
    """Three scenes of ten files."""
    for scene in ("bus", "busystreet", "tubestation"):
        for k in range(1, 11):
            record(root / "scenes_stereo" / f"{scene}{k:02d}.wav")


def tut(root: Path, identifiers: bool) -> None:
    """TUT 2016 or 2017: four folds of text files without headers, three clips of a recording."""
    rows = []
    for scene in ("beach", "car"):
        for number in range(8):
            for start in (0, 30, 60):
                source = f"{scene[0]}{number:03d}"
                name = f"audio/{source}_{start}_{start + 30}.wav"
                record(root / name)
                rows.append((name, scene, source, number % 4 + 1))
    (root / "meta.txt").write_text("".join(f"{n}\t{s}\t{i}\n" if identifiers else f"{n}\t{s}\n" for n, s, i, _ in rows))
    (root / "evaluation_setup").mkdir()
    for fold in (1, 2, 3, 4):
        for part in ("train", "test", "evaluate"):
            chosen = [(n, s) for n, s, _, f in rows if (f != fold) == (part == "train")]
            lines = [f"{n}\n" if part == "test" else f"{n}\t{s}\n" for n, s in chosen]
            (root / "evaluation_setup" / f"fold{fold}_{part}.txt").write_text("".join(lines))


def tau(root: Path, suffix: str = ".csv", header: bool = True, evaluate: bool = True) -> None:
    """TUT 2018 (.txt without header) or TAU 2019 to 2021 (.csv): one fold, eight cities, three devices."""
    rows = []
    for scene in ("airport", "tram"):
        for number in range(8):
            for device in ("a", "b", "s1"):
                name = f"audio/{scene}-lisbon-{number}-{number}-{device}.wav"
                record(root / name)
                rows.append((name, scene, f"{scene}-lisbon-{number}", device, number))
    (root / "meta.csv").write_text(META + "".join("\t".join(r[:4]) + "\n" for r in rows))
    (root / "evaluation_setup").mkdir()
    for part in ("train", "test", *(["evaluate"] if evaluate else [])):
        chosen = [(n, s) for n, s, _, _, k in rows if (k < 5) == (part == "train")]
        lines = [f"{n}\n" if part == "test" else f"{n}\t{s}\n" for n, s in chosen]
        first = ("filename\n" if part == "test" else "filename\tscene_label\n") if header else ""
        (root / "evaluation_setup" / f"fold1_{part}{suffix}").write_text(first + "".join(lines))


def cochlscene(root: Path) -> None:
    """Two scenes, contributors of one part each but for one, who is in two."""
    for part, users in (("Train", (1, 2, 3, 4)), ("Val", (5, 6)), ("Test", (7, 8, 4))):
        for scene in ("Bus", "Cafe"):
            for user in users:
                for k in range(2):
                    record(root / part / scene / f"{scene}_user{user:04d}_1486906{user}_{part[0]}{k:02d}.wav")


def split_folders(root: Path, parts: tuple[str, ...] = ("train", "val", "test")) -> None:
    """Folders of scenes in folders of parts."""
    for part in parts:
        scenes(root / part, ("cafe", "park"))


def split_inside(root: Path) -> None:
    """Folders of parts in folders of scenes."""
    for scene in ("cafe", "park", "street"):
        scenes(root / scene, ("Training", "Testing"))


def fold_folders(root: Path) -> None:
    """Folders of scenes in twelve folders of folds."""
    for fold in range(1, 13):
        scenes(root / f"fold_{fold}", ("cafe", "park"), 1)


def fold_inside(root: Path) -> None:
    """Folders of folds in folders of scenes."""
    for scene in ("cafe", "park"):
        scenes(root / scene, ("Fold 1", "Fold 2", "Fold 3"), 2)


def table(root: Path) -> None:
    """A comma-separated table with a fold and an identifier, quoted cells, and a column that is not used."""
    rows = ['filename,"scene_label",identifier,source_label,fold,remark\n']
    for k in range(24):
        record(root / "audio" / f"{k}.wav")
        rows.append(f'audio/{k}.wav,"{("cafe, small", "park")[k % 2]}",place {k // 2},phone,{k // 2 % 3},"a ""b"""\n')
    (root / "meta.csv").write_text("".join(rows))
