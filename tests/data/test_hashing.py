"""Content hashes follow the content, and unchanged files are not read again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hwasc.data import hashing
from hwasc.data.clips import Clip
from hwasc.data.hashing import INDEX, MISSING, content_hashes


def clip(path: Path, start: float = 0.0) -> Clip:
    return Clip(id=path.name, path=path, start=start, seconds=1.0, scene="park", location="x", device="a")


@pytest.fixture
def files(tmp_path: Path) -> list[Clip]:
    for k in range(3):
        (tmp_path / f"{k}.wav").write_bytes(b"sound %d" % k)
    return [clip(tmp_path / f"{k}.wav") for k in range(3)]


def test_hashes_follow_content_and_excerpt_not_the_name(files: list[Clip], tmp_path: Path) -> None:
    (tmp_path / "copy.wav").write_bytes(files[0].path.read_bytes())
    more = [*files, clip(tmp_path / "copy.wav"), clip(files[0].path, 1.0), clip(tmp_path / "absent.wav")]
    hashes = content_hashes(more, tmp_path / "cache")
    assert len(set(hashes[:3])) == 3 and hashes[3] == hashes[0] and hashes[4] not in hashes[:4]
    assert hashes[5] == MISSING and all(len(h) == 32 for h in hashes[:5])


def test_only_changed_files_are_read_again(files: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    hash_file = hashing._hash_file

    def counted(name: str) -> str:
        read.append(Path(name).name)
        return hash_file(name)

    monkeypatch.setattr(hashing, "_hash_file", counted)
    first = content_hashes(files, tmp_path / "cache")
    assert content_hashes(files, tmp_path / "cache") == first and read == ["0.wav", "1.wav", "2.wav"]
    files[1].path.write_bytes(b"other 1")
    os.utime(files[1].path, ns=(1, 1))
    changed = content_hashes(files, tmp_path / "cache")
    assert read[3:] == ["1.wav"] and [a == b for a, b in zip(first, changed, strict=True)] == [True, False, True]
    assert content_hashes(files, tmp_path / "cache") == changed and len(read) == 4


@pytest.mark.parametrize("damage", [b"torn line without an end", b"\xff\x00\n\n\t\t\n", b"short\t1\t2\tx\n"])
def test_damaged_lines_of_the_index_are_skipped(files: list[Clip], tmp_path: Path, damage: bytes) -> None:
    first = content_hashes(files[:2], tmp_path / "cache")
    index = tmp_path / "cache" / INDEX
    index.write_bytes(index.read_bytes() + damage)
    assert content_hashes(files, tmp_path / "cache")[:2] == first
    assert len(hashing._read_index(index)) == 3


def test_hashes_are_saved_at_an_interruption(
    files: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hash_file = hashing._hash_file

    def interrupted(name: str) -> str:
        if name.endswith("2.wav"):
            raise KeyboardInterrupt
        return hash_file(name)

    monkeypatch.setattr(hashing, "_hash_file", interrupted)
    with pytest.raises(KeyboardInterrupt):
        content_hashes(files, tmp_path / "cache")
    assert len(hashing._read_index(tmp_path / "cache" / INDEX)) == 2


def test_odd_file_names(tmp_path: Path) -> None:
    names = ["tab\there.wav", "new\nline.wav", "ünïcode.wav", os.fsdecode(b"bytes\xff.wav")]
    for name in names:
        (tmp_path / name).write_bytes(name.encode("utf-8", "surrogateescape"))
    clips = [clip(tmp_path / name) for name in names]
    assert content_hashes(clips, tmp_path / "cache") == content_hashes(clips, tmp_path / "cache")
    assert len(hashing._read_index(tmp_path / "cache" / INDEX)) == 3
