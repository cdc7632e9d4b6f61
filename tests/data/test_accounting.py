"""Every file below a data folder is in exactly one line, and no scene vanishes without a word."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hwasc.data import walking
from hwasc.data.checking import check
from hwasc.data.opening import open_dataset
from hwasc.errors import DataError
from tests.data.layouts import fixtures

Run = Callable[..., tuple[int, str, str]]
META = "filename\tscene_label\tidentifier\tsource_label\n"


def files_on_disk(root: Path) -> int:
    """Files and links to folders, none of which is followed."""
    return sum(
        len(files) + sum(os.path.islink(os.path.join(folder, d)) for d in folders)
        for folder, folders, files in os.walk(root)
    )


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A folder with all kinds of files that are not used."""
    root = tmp_path / "mixed"
    fixtures.scenes(root, ("cafe", "park", "street"))
    for name in ("cafe/a.m4a", "cafe/b.AAC", "park/c.wma", "park/deep/d.amr", "note.txt", "cafe/list.csv", "docs/manual.pdf",
                 ".DS_Store", "park/._0.wav", ".git/config", "__MACOSX/cafe/._0.wav", "@eaDir/x.wav"):  # fmt: skip
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    fixtures.record(root / "loose.wav")
    fixtures.record(root / "other.flac")
    (root / "park" / "broken.wav").write_bytes(b"no sound")
    (root / "street" / "back").symlink_to(root)
    (root / "street" / "again").symlink_to(root / "cafe")
    (root / "up").symlink_to(tmp_path.parent)
    return root


def test_every_file_has_one_reason(mixed: Path, hwasc: Run) -> None:
    found = check(mixed).files_by_reason
    assert found == {
        "used": 12,
        "cannot be used": 1,
        "loose, in no scene's folder": 2,
        "in a format that cannot be read": 4,
        "not audio": 3,
        "hidden or the system's own": 5,
        "links back into the folder or to a folder above it, not followed": 3,
    }
    assert sum(found.values()) == files_on_disk(mixed)
    status, out, err = hwasc("data", "check", mixed, "--json")
    assert json.loads(out)["files_by_reason"] == found and status == 1, err  # one of 13 is broken
    out = hwasc("data", "check", mixed)[1]
    assert (
        f"files below the folder: {files_on_disk(mixed)}" in out
        and "4 in a format that cannot be read: cafe/a.m4a" in out
    )
    assert "warning: 4 files are in formats that cannot be read (aac, amr, m4a, wma); convert them" in out
    assert "2 loose, in no scene's folder: loose.wav, other.flac" in out and len(out.splitlines()) < 45
    notes = [n for n in open_dataset(mixed).notes if n.startswith("files that are not used: ")]
    assert len(notes) == 1 and "4 in a format that cannot be read (cafe/a.m4a, cafe/b.AAC, ...)" in notes[0]


def test_files_that_the_table_does_not_name(tmp_path: Path) -> None:
    fixtures.scenes(tmp_path, ("cafe", "park"))
    rows = "".join(f"{s}/{k}.wav\t{s}\t{s}{k}\tphone\n" for s in ("cafe", "park") for k in range(3))
    (tmp_path / "meta.csv").write_text(META + rows)
    fixtures.record(tmp_path / "loose.wav")
    assert check(tmp_path).files_by_reason == {
        "used": 6,
        "cannot be used": 0,
        "not named in meta.csv": 3,
        "lists of the recordings": 1,
    }
    assert any("3 not named in meta.csv (cafe/3.wav, loose.wav, ...)" in n for n in open_dataset(tmp_path).notes)
    for part, last in (("train", "2"), ("evaluate", "")):
        chosen = [
            r.split("\t")[:2] for r in rows.splitlines() if (f"{last}.wav" in r.split("\t")[0]) != (part == "train")
        ]
        (tmp_path / f"fold1_{part}.csv").write_text(
            "".join(f"{n}\t{s}\n" for n, s in chosen if part == "train" or "2" in n)
        )
    assert check(tmp_path).files_by_reason == {
        "used": 6,
        "cannot be used": 0,
        "not named in meta.csv": 3,
        "lists of the recordings": 3,
    }
    assert any("3 not named in meta.csv" in n for n in open_dataset(tmp_path).notes)


@pytest.mark.parametrize("content", [("a.m4a", "b.m4a"), ("deep/a.wma",), ("a.mp4", "notes.txt"), ()])
@pytest.mark.parametrize("parts", [False, True])
def test_a_scene_that_would_vanish_is_a_fault(
    content: tuple[str, ...], parts: bool, tmp_path: Path, hwasc: Run
) -> None:
    fixtures.scenes(tmp_path, ("cafe", "park"))
    below = tmp_path
    if parts:
        below = tmp_path / "set"
        fixtures.split_folders(below)
    vanishing = below / "train" / "street" if parts else below / "street"
    vanishing.mkdir()
    for name in content:
        (vanishing / name).parent.mkdir(exist_ok=True)
        (vanishing / name).write_bytes(b"x")
    status, out, err = hwasc("data", "check", below)
    assert status == 1 and (
        "is empty" in err if not content else "formats that cannot be read" in err and "ffmpeg -i" in err
    )
    assert f"street' {'holds only' if content else 'is empty'}" in err and "can be used" not in out
    with pytest.raises(DataError, match="street"):
        open_dataset(below)


def test_impulse_responses_are_no_scene(tmp_path: Path) -> None:
    fixtures.scenes(tmp_path, ("cafe", "park", "impulse_responses"))
    assert open_dataset(tmp_path).classes == ("cafe", "park")
    assert check(tmp_path).files_by_reason["impulse responses, for the augmentation"] == 4


def test_a_folder_of_documents_is_no_scene(tmp_path: Path) -> None:
    fixtures.scenes(tmp_path, ("cafe", "park"))
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "manual.pdf").write_bytes(b"x")
    assert open_dataset(tmp_path).classes == ("cafe", "park") and not check(tmp_path).faults


def test_linked_folders_are_followed_once(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    fixtures.scenes(outside, ("park", "street"))
    fixtures.scenes(outside / "street", ("inner",))
    root = tmp_path / "root"
    fixtures.scenes(root, ("cafe",))
    (root / "park").symlink_to(outside / "park")
    (root / "street").symlink_to(outside / "street")
    (root / "twice").symlink_to(outside / "street" / "inner")
    (root / "cafe" / "loop").symlink_to(root / "cafe")
    (root / "cafe" / "linked.wav").symlink_to(outside / "park" / "0.wav")
    (root / "cafe" / "gone.wav").symlink_to(outside / "absent.wav")
    found = walking.walk(root)
    assert len(found.audio) == 6 + 4 + 4 + 4 and found.linked == 12 and len(set(found.audio)) == len(found.audio)
    assert len(found.left_out[walking.LINKED]) == 2
    assert any(
        "1 of 18 recordings cannot be used, first cafe/gone.wav (missing)" in n for n in open_dataset(root).notes
    )
