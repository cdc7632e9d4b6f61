"""Unpacking: once, resumed after an interruption, never outside of the folder, never more than declared."""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
from pathlib import Path

import pytest

from hwasc.data.unpack import disk_size, unpack
from hwasc.errors import HwascError

FILES = {"set/audio/a.wav": b"a" * 3000, "set/audio/b.wav": b"b" * 2000, "set/meta.csv": b"filename\n"}


def archive(path: Path, files: dict[str, bytes] = FILES) -> Path:
    with zipfile.ZipFile(path, "w") as z:
        for name, data in files.items():
            z.writestr(name, data)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def tree(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_everything_is_unpacked_without_the_outer_folder(tmp_path: Path, root: Path) -> None:
    calls: list[tuple[int, int]] = []
    sizes = unpack(archive(tmp_path / "x.zip"), root, "set", lambda *c: calls.append(c))
    assert tree(root) == {name.removeprefix("set/"): data for name, data in FILES.items()}
    assert sizes == {"audio/a.wav": 3000, "audio/b.wav": 2000, "meta.csv": 9} and calls == [(1, 3), (2, 3), (3, 3)]


def test_an_interrupted_call_resumes_and_damaged_files_are_replaced(tmp_path: Path, root: Path) -> None:
    path = archive(tmp_path / "x.zip")

    def interrupt(done: int, _: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        unpack(path, root, "set", interrupt)
    assert set(tree(root)) == {"audio/a.wav", "audio/b.wav"}
    before = (root / "audio/a.wav").stat()
    (root / "audio/b.wav").write_bytes(b"x" * 2000)  # as long, but other bytes
    unpack(path, root, "set")
    after = (root / "audio/a.wav").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns), (
        "an existing file is not written again"
    )
    assert (root / "audio/b.wav").read_bytes() == b"b" * 2000 and (root / "meta.csv").is_file()


@pytest.mark.parametrize(
    "name",
    ["../evil", "set/../../evil", "/evil", "a/./b", "a//b", "..\\evil", "C:/evil", "C:evil", "a/..", ".."],
)
def test_no_file_is_written_outside_of_the_folder(tmp_path: Path, root: Path, name: str) -> None:
    path = archive(tmp_path / "x.zip", {"good": b"g", name: b"e"})
    with pytest.raises(HwascError, match="points outside of the folder; nothing was unpacked"):
        unpack(path, root, "set")
    assert not tree(root) and {p.name for p in tmp_path.iterdir()} == {"x.zip", "data"}


def special(kind: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("link")
    info.create_system, info.external_attr = 3, (kind | 0o777) << 16
    return info


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_special_files_are_refused(tmp_path: Path, root: Path, kind: int) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as z:
        z.writestr("good", b"g")
        z.writestr(special(kind), "/etc")
    with pytest.raises(HwascError, match="'link' is a link or a special file; nothing was unpacked"):
        unpack(tmp_path / "x.zip", root)
    assert not tree(root)


def test_a_repeated_name_is_refused(tmp_path: Path, root: Path) -> None:
    path = archive(tmp_path / "x.zip", {"set/a": b"1", "a": b"2"})
    with pytest.raises(HwascError, match="'a' occurs twice"):
        unpack(path, root, "set")


def test_a_bomb_is_refused_before_anything_is_written(tmp_path: Path, root: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("zeros", bytes(3_000_000))
    with pytest.raises(HwascError, match=r"declares 3\.0 MB, more than 100 times its own size"):
        unpack(tmp_path / "x.zip", root)
    assert not tree(root)


def test_more_bytes_than_declared_are_never_written(tmp_path: Path, root: Path) -> None:
    path = archive(tmp_path / "x.zip", {"a": b"a" * 3000})
    raw = path.read_bytes()
    lied = raw.replace((3000).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    assert lied != raw
    path.write_bytes(lied)
    with pytest.raises(HwascError, match="cannot be unpacked"):
        unpack(path, root)
    assert not (root / "a").exists() and all(len(d) <= 100 for d in tree(root).values())


def test_a_damaged_archive_is_one_clear_line(tmp_path: Path, root: Path) -> None:
    path = archive(tmp_path / "x.zip")
    path.write_bytes(path.read_bytes().replace(b"b" * 2000, b"b" * 1999 + b"x"))
    with pytest.raises(HwascError, match=r"x\.zip: cannot be unpacked \(Bad CRC-32"):
        unpack(path, root, "set")
    assert not (root / "audio/b.wav").exists()
    path.write_bytes(b"no zip")
    with pytest.raises(HwascError, match="cannot be unpacked"):
        unpack(path, root)


def test_a_full_disk_is_reported_with_figures_before_writing(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = archive(tmp_path / "x.zip")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**6, 10**6 - 4000, 4000))  # type: ignore[attr-defined]
    with pytest.raises(HwascError, match=r"needs 5\.0 kB unpacked, 4\.0 kB are free"):
        unpack(path, root, "set")
    assert not tree(root)
    os.makedirs(root / "audio")
    (root / "audio/a.wav").write_bytes(b"a" * 3000)  # an existing file needs no space
    assert len(unpack(path, root, "set")) == 3


def test_sizes_have_decimal_units() -> None:
    assert [disk_size(n) for n in (0, 999, 1500, 435_379_083, 27.5e9)] == [
        "0 bytes", "999 bytes", "1.5 kB", "435.4 MB", "27.5 GB",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "files",
    [{"a": b"1", "a/b": b"2"}, {"x/y/z": b"1", "x/y": b"2"}, {"set/m": b"1", "set/m/n/o": b"2"}],
)
def test_a_file_that_is_also_a_folder_is_refused_with_what_to_do(
    files: dict[str, bytes], tmp_path: Path, root: Path
) -> None:
    path = archive(tmp_path / "x.zip", files)
    with pytest.raises(
        HwascError, match=r"x\.zip: '.*' is a file and the folder of '.*'; nothing was unpacked\. .*by hand"
    ):
        unpack(path, root, "set")
    assert not tree(root)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damage_of_any_compression_is_one_line(method: int, tmp_path: Path, root: Path) -> None:
    content = bytes(range(256)) * 40
    with zipfile.ZipFile(tmp_path / "x.zip", "w", method) as z:
        z.writestr("a", content)
    raw = bytearray((tmp_path / "x.zip").read_bytes())
    for at in range(40, 60):
        raw[at] ^= 0xFF
    (tmp_path / "x.zip").write_bytes(raw)
    with pytest.raises(HwascError, match="cannot be unpacked"):
        unpack(tmp_path / "x.zip", root)
