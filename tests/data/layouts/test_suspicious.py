"""Folders whose names are rarely scenes stop with the likely reading and the command that takes it; the user can insist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from hwasc.data.layouts import Options
from hwasc.data.opening import open_dataset
from hwasc.errors import DataError
from hwasc.records.settings import Settings
from tests.data.layouts import fixtures


def names(*folders: str) -> Callable[[Path], None]:
    return lambda root: fixtures.scenes(root, folders)


def inside(below: str, *folders: str) -> Callable[[Path], None]:
    return lambda root: fixtures.scenes(root / below, folders)


def sessions(root: Path) -> None:
    for letter in "abc":
        fixtures.scenes(root / letter, ("cafe", "park"))


def no_test(root: Path) -> None:
    fixtures.split_folders(root, ("train", "val"))


STOPS: dict[str, tuple[Callable[[Path], None], str]] = {
    "flat split": (names("train", "test"), r"'test', 'train' look like parts of an official split.* data\.columns"),
    "flat split of three": (
        names("Training", "Validation", "Testing"),
        "'Testing', 'Training', 'Validation' look like parts",
    ),
    "dev and eval": (names("dev", "eval"), "'dev', 'eval' look like parts"),
    "test among scenes": (names("cafe", "park", "test"), "'test' looks like part of an official split"),
    "no test": (no_test, "'train', 'val' look like parts .*; there is no folder for the test: call one of them test"),
    "one part": (inside("train", "cafe", "park"), "holds only 'train', .* read it by --data .*/train"),
    "flat folds": (names("fold1", "fold2", "fold10"), "'fold1', 'fold10', 'fold2' look like folds"),
    "flat folds with a blank": (names("Fold 1", "Fold 2"), "'Fold 1', 'Fold 2' look like folds"),
    "a container": (names("audio"), "'audio' looks like containers of files"),
    "containers": (names("data", "wav"), "'data', 'wav' look like containers"),
    "scenes in a container": (inside("recordings", "cafe", "park"), "'recordings' looks .* by --data .*/recordings"),
    "scenes in a folder of any name": (
        inside("my set", "cafe", "park"),
        "holds only the folder 'my set', .* --data '.*/my set'",
    ),
    "noise": (names("yes", "no", "_background_noise_"), r"leave it out by --set data\.layout=speech_commands"),
    "another underscore": (names("yes", "no", "_silence_"), "'_silence_' looks like sounds beside the scenes"),
    "sessions": (names("session1", "session2"), "'session1', 'session2' look like sessions or devices"),
    "dates": (names("2021-03-04", "2021-03-05"), "look like sessions"),
    "recorders": (names("mic_1", "mic_2", "mic_3"), "look like sessions or devices"),
    "letters with scenes in them": (sessions, r"the folders below \('cafe', 'park'\).* by --set data\.layout=sessions"),
}


@pytest.mark.parametrize(("make", "pattern"), STOPS.values(), ids=STOPS)
def test_stops_and_can_be_insisted_on(make: Callable[[Path], None], pattern: str, tmp_path: Path) -> None:
    make(tmp_path)
    with pytest.raises(DataError, match=pattern) as e:
        open_dataset(tmp_path)
    text = str(e.value)
    assert "\n" not in text and text.endswith("are scenes all the same, add --set data.layout=scenes")
    likely = re.search(r"--data (\S+|'[^']*')(?:;|$)", text)
    if likely:  # the command that it names does
        assert set(open_dataset(Path(shlex.split(likely[1])[0])).classes) == {"cafe", "park"}
    tops = sorted(p.name for p in tmp_path.iterdir())
    if len(tops) > 1:
        assert sorted(open_dataset(tmp_path, options=Options(layout="scenes")).classes) == tops


@pytest.mark.parametrize(
    "folders",
    [
        ("a", "b", "c"),
        ("bus", "train", "tram"),
        ("cafe", "park"),
        ("scene01", "scene02"),
        ("0", "1", "2"),
        ("s0", "s1", "s10"),
        ("room 1", "hall"),
        ("device", "data room"),
    ],
)
def test_scenes_of_short_or_ordinary_names_are_scenes(folders: tuple[str, ...], tmp_path: Path) -> None:
    fixtures.scenes(tmp_path, folders)
    assert open_dataset(tmp_path).classes == tuple(sorted(folders))


TABLES = {
    "labels.csv": "file,label,place\n{rows}",
    "meta/annotations.tsv": "path\tclass\tsite\n{rows}",
    "list.txt": "filename;category;fold\n{rows}",
    "meta.csv": "file,scene,location\n{rows}",
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("folder", ["audio", "."])
def test_the_settings_that_read_a_table_are_printed(name: str, folder: str, tmp_path: Path) -> None:
    text = TABLES[name]
    separator = next(s for s in ",;\t" if s in text)
    rows = []
    for k in range(12):
        fixtures.record(tmp_path / folder / f"{k}.wav")
        rows.append(separator.join((f"{folder}/{k}.wav", "ab"[k % 2], str(k // 2 % 3))))
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text.format(rows="\n".join(rows)))
    with pytest.raises(DataError) as e:
        open_dataset(tmp_path)
    printed = re.findall(r"--set (?:'([^']*)'|(\S+))", str(e.value).split("; if these", 1)[0])
    settings = Settings.load(None, [a or b.rstrip(";") for a, b in printed]).data
    data = open_dataset(tmp_path, options=Options.of(settings))
    assert data.classes == ("a", "b") and len(data.train) + len(data.validation) + len(data.test) == 12
    assert ("official fold 1/3" in data.drawn) == ("fold" in text)
    places = {c.location for split in (data.train, data.validation, data.test) for c in split}
    assert places == (
        {"0", "1", "2"} if "fold" not in text else {f"{folder}/{k}.wav".removeprefix("./") for k in range(12)}
    )


def test_a_table_with_a_column_of_parts(tmp_path: Path) -> None:
    for k in range(12):
        fixtures.record(tmp_path / f"{k}.wav")
    rows = [f"{k}.wav,{'ab'[k % 2]},{('train', 'dev', 'test')[k // 2 % 3]}\n" for k in range(12)]
    (tmp_path / "meta.csv").write_text("filename,scene_label,split\n" + "".join(rows))
    data = open_dataset(tmp_path)
    assert {c.id for c in data.test} == {"4.wav", "5.wav", "10.wav", "11.wav"} and data.drawn == "official split"
    assert {c.id for c in data.validation} == {"2.wav", "3.wav", "8.wav", "9.wav"}
    (tmp_path / "meta.csv").write_text("filename,scene_label,split\n" + "".join(rows).replace("dev", "x"))
    with pytest.raises(DataError, match="column 'split' has the values test, train, x; expected train, val and test"):
        open_dataset(tmp_path)
