"""Safe unpacking of a zip archive: no file outside of the folder, none larger than declared."""

from __future__ import annotations

import lzma
import os
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from hwasc.errors import HwascError

CHUNK = 1 << 20  # bytes
DAMAGED = (  # what zipfile raises of a file that is no proper archive
    *(zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, struct.error),
    *(NotImplementedError, ValueError, RuntimeError, OverflowError),
)
MAX_RATIO = 100  # of declared size to size of the archive; 24-bit audio has 1.1, a list of file names about 20


def disk_size(count: float) -> str:
    """Format a number of bytes with a decimal unit, for example `27.5 GB`."""
    unit = next((u for u in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")) if count >= u[0]), (1.0, "bytes"))
    return f"{count / unit[0]:.{0 if unit[0] == 1 else 1}f} {unit[1]}"


def unpack(
    archive: Path, root: Path, top_folder: str = "", progress: Callable[[int, int], None] = lambda done, total: None
) -> dict[str, int]:
    """Unpack a zip archive.

    Files that already exist with the declared size and CRC are not written again, so an interrupted call can be repeated.
    Each file appears only when it is complete.

    Args:
        archive: The zip file.
        root: Folder to unpack into.
        top_folder: Folder within the archive whose name is removed from the paths.
        progress: Called with the files done and in all.

    Returns:
        Size in bytes of every file by its posix path below `root`.

    Raises:
        HwascError: Before anything is written: the archive is not a zip file; a path points outside of the folder; a file is
            a link or special, is encrypted or occurs twice; the declared size is more than MAX_RATIO times that of the
            archive, or more than the free disk space. While writing: a file does not have the declared size and CRC.
    """
    try:
        with zipfile.ZipFile(archive) as source:
            members = _members(archive, source, top_folder)
            _check_disk(archive, root, members)
            for done, (name, info) in enumerate(members.items(), 1):
                if not _is_unpacked(root / name, info):
                    _extract(source, info, root / name)
                progress(done, len(members))
    except DAMAGED as e:
        raise HwascError(f"{archive}: cannot be unpacked ({e}); delete it and run the same command again") from None
    except OSError as e:
        if e.errno is not None:  # of the disk; bzip2's own has no number
            raise
        raise HwascError(f"{archive}: cannot be unpacked ({e}); delete it and run the same command again") from None
    return {name: info.file_size for name, info in members.items()}


def _members(archive: Path, source: zipfile.ZipFile, top_folder: str) -> dict[str, zipfile.ZipInfo]:
    members: dict[str, zipfile.ZipInfo] = {}
    for info in source.infolist():
        parts = info.filename.removesuffix("/").split("/")
        if any(p in ("", ".", "..") for p in parts) or set("\\\0") & set(info.orig_filename) or parts[0][1:2] == ":":
            raise _refused(archive, f"'{info.orig_filename}' points outside of the folder")
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _refused(archive, f"'{info.filename}' is a link or a special file")
        if info.flag_bits & 1:
            raise _refused(archive, f"'{info.filename}' is encrypted")
        if info.is_dir():
            continue
        name = "/".join(parts[1:] if len(parts) > 1 and parts[0] == top_folder else parts)
        if name in members:
            raise _refused(archive, f"'{name}' occurs twice")
        members[name] = info
    for name in members:
        if above := next((p for p in _folders_above(name) if p in members), None):
            raise _refused(archive, f"'{above}' is a file and the folder of '{name}'")
    return members


def _folders_above(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:k]) for k in range(1, len(parts))]


def _refused(archive: Path, why: str) -> HwascError:
    """An archive whose publisher made it so: to fetch it again would not help."""
    return HwascError(
        f"{archive}: {why}; nothing was unpacked. Look at it with `unzip -l`; unpack by hand what you trust and use that folder "
        "as --data, or fetch from another address with --url"
    )


def _check_disk(archive: Path, root: Path, members: dict[str, zipfile.ZipInfo]) -> None:
    declared = sum(info.file_size for info in members.values())
    if declared > MAX_RATIO * archive.stat().st_size:
        raise _refused(archive, f"it declares {disk_size(declared)}, more than {MAX_RATIO} times its own size")
    unpacked = sum(_size(root / name) == info.file_size and info.file_size for name, info in members.items())
    free = shutil.disk_usage(root).free
    if declared - unpacked > free:
        raise HwascError(
            f"{archive}: needs {disk_size(declared - unpacked)} unpacked, {disk_size(free)} are free on {root}; free some "
            "space and run the same command again"
        )


def _extract(source: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> None:
    """Write to a temporary name first. The zip reader stops at the declared size and compares the CRC."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.part")
    with source.open(info) as packed, partial.open("wb") as file:
        shutil.copyfileobj(packed, file, CHUNK)
        written = file.tell()
    if written != info.file_size:
        raise zipfile.BadZipFile(f"{info.filename} has {written:,} bytes, {info.file_size:,} are declared")
    os.replace(partial, target)


def _is_unpacked(target: Path, info: zipfile.ZipInfo) -> bool:
    if _size(target) != info.file_size:
        return False
    crc = 0
    with target.open("rb") as file:
        while chunk := file.read(CHUNK):
            crc = zlib.crc32(chunk, crc)
    return crc == info.CRC


def _size(path: Path) -> int:
    """Size in bytes, -1 if there is no such file."""
    try:
        return path.stat().st_size
    except OSError:
        return -1
