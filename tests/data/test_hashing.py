"""Content hashes follow the content, and unchanged files are not read again."""

from __future__ import annotations

import os
from collections.abc import Callable
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
    assert len(hashing._index(index)) == 3


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
    assert len(hashing._index(tmp_path / "cache" / INDEX)) == 2


def test_odd_file_names(tmp_path: Path) -> None:
    names = ["tab\there.wav", "new\nline.wav", "ünïcode.wav", os.fsdecode(b"bytes\xff.wav")]
    for name in names:
        (tmp_path / name).write_bytes(name.encode("utf-8", "surrogateescape"))
    clips = [clip(tmp_path / name) for name in names]
    assert content_hashes(clips, tmp_path / "cache") == content_hashes(clips, tmp_path / "cache")
    assert len(hashing._index(tmp_path / "cache" / INDEX)) == 3


def replace_by_rename(path: Path) -> None:
    """Another file of the same size and time takes the name, as `cp -p` and `mv` do."""
    s = path.stat()
    other = path.with_name("other")
    other.write_bytes(b"SOUND 1")
    os.utime(other, ns=(s.st_atime_ns, s.st_mtime_ns))
    os.replace(other, path)


def rewrite_in_place(path: Path) -> None:
    """The same file gets other bytes, and its old time back."""
    s = path.stat()
    with path.open("r+b") as f:
        f.write(b"SOUND 1")
    os.utime(path, ns=(s.st_atime_ns, s.st_mtime_ns))


def swap(path: Path) -> None:
    """Two files of the same size and time change places."""
    other = path.with_name("0.wav")
    s = path.stat()
    os.utime(other, ns=(s.st_atime_ns, s.st_mtime_ns))
    aside = path.with_name("aside")
    os.replace(path, aside)
    os.replace(other, path)
    os.replace(aside, other)


@pytest.mark.parametrize("change", [replace_by_rename, rewrite_in_place, swap])
def test_a_file_of_equal_size_and_time_is_noticed(
    files: list[Clip], tmp_path: Path, change: Callable[[Path], None]
) -> None:
    first = content_hashes(files, tmp_path / "cache")
    time, size = files[1].path.stat().st_mtime_ns, files[1].path.stat().st_size
    change(files[1].path)
    assert (files[1].path.stat().st_mtime_ns, files[1].path.stat().st_size) == (time, size)
    assert content_hashes(files, tmp_path / "cache")[1] != first[1]


@pytest.mark.parametrize("byte", [0, 12, 45, 60, 90])
def test_a_flipped_byte_of_the_index_is_noticed(files: list[Clip], tmp_path: Path, byte: int) -> None:
    first = content_hashes(files, tmp_path / "cache")
    index = tmp_path / "cache" / INDEX
    content = bytearray(index.read_bytes())
    content[byte] ^= 1
    index.write_bytes(content)
    assert content_hashes(files, tmp_path / "cache") == first
    assert len(index.read_bytes().splitlines()) == 4  # the file of the damaged line was hashed again


def test_a_warm_cache_is_not_written(files: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = content_hashes(files, tmp_path / "cache")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "read-only")

    monkeypatch.setattr(hashing, "FileLock", refuse)
    assert content_hashes(files, tmp_path / "cache") == first
    (tmp_path / "new.wav").write_bytes(b"new")
    assert content_hashes([clip(tmp_path / "new.wav")], tmp_path / "cache") != [MISSING]  # hashed, and not kept
    assert len((tmp_path / "cache" / INDEX).read_bytes().splitlines()) == 3
