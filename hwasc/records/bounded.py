"""Files read with a bound on their size, and what a file is that is not what was expected."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

from hwasc.errors import HwascError, UsageError

KIB, MIB = 1 << 10, 1 << 20
YAML_BYTES = 1 * MIB  # of a budget, a space, settings, a run's configuration; the longest bundled one has 3 kB
JSON_BYTES = (
    256 * MIB
)  # of a result, or of the record of a million training clips; the result of a search has about 100 kB
LINES_BYTES = 256 * MIB  # of a journal; 20,000 trials have 12 MB
LINE_BYTES = 1 * MIB  # of one record in a journal
HEAD_BYTES = 512  # that `describe` looks at

_STARTS = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself; `git lfs pull` fetches that"),
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"BZh", "a bzip2 archive"),
    (b"Rar!", "a rar archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"RIFF", "a sound file"),
    (b"\x93NUMPY", "a numpy array"),
    (b"\x89HDF", "an HDF5 file"),
)


def read_bytes(path: Path, what: str, limit: int) -> bytes:
    """Read a file that must not be longer than a bound.

    Args:
        path: The file.
        what: What it is, for messages.
        limit: Bytes.

    Returns:
        Its content.

    Raises:
        UsageError: It is missing, is no regular file, is too large or cannot be read.
    """
    path = Path(path)
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            kind = "a folder" if path.is_dir() else "no regular file"
            raise UsageError(f"{path}: cannot be read as a {what} (it is {kind})")
        with path.open("rb") as file:  # it may grow
            content = b"" if found.st_size > limit else file.read(limit + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"{path}: there is no such {what}") from None
    except (OSError, ValueError) as e:  # ValueError: a name with a null byte
        raise UsageError(f"{path!s}: cannot be read as a {what} ({reason(e)})") from None
    if max(found.st_size, len(content)) > limit:
        raise UsageError(f"{path}: is too large for a {what} (expected at most {limit:,} bytes)")
    return content


def read_text(path: Path, what: str, limit: int = JSON_BYTES) -> str:
    """Read a text file that must not be longer than a bound.

    Args:
        path: The file, in UTF-8.
        what: What it is, for messages.
        limit: Bytes.

    Returns:
        The text.

    Raises:
        UsageError: The file is missing, is too large or cannot be read.
    """
    try:
        return read_bytes(path, what, limit).decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise UsageError(f"{path}: cannot be read as a {what} (it is no UTF-8 text: {e.reason})") from None


def describe(path: Path) -> str:
    """Say what a file is that is not what was expected, by its first bytes.

    Args:
        path: The file.

    Returns:
        Such as `a web page`; empty where that is not known.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as e:
        return f"unreadable: {reason(e)}"
    if not head.strip(b"\0"):
        return "zeros only" if head else "empty"
    for start, what in _STARTS:
        if head.startswith(start):
            return what
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype", b"<html", b"<head")):
        return "a web page; fetch the file itself"
    if text.startswith((b"<?xml", b"<svg")):
        return "XML text"
    try:
        decoded = head.decode("utf-8")
    except UnicodeDecodeError as e:
        cut = len(head) == HEAD_BYTES and e.start > HEAD_BYTES - 4  # in the middle of a character
        decoded = head[: e.start].decode() if cut else "\0"
    return "text" if all(c.isprintable() or c in "\t\r\n" for c in decoded) else ""


def described(path: Path, otherwise: str) -> str:
    """What a file is, or another reason where that is not known, for the brackets of a message.

    Args:
        path: The file.
        otherwise: The reason.

    Returns:
        `it is a web page; ...`, or the reason.
    """
    what = describe(path)
    return f"it is {what}" if what else otherwise


def reason(error: BaseException) -> str:
    """The first line of what an error says, or its type; at most 200 characters."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200]


def sha256(path: Path) -> hashlib._Hash:
    """The SHA-256 of a file, which is read in parts.

    Args:
        path: The file.

    Returns:
        The hash object, which more can be added to.

    Raises:
        HwascError: The file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while part := file.read(MIB):
                digest.update(part)
    except OSError as e:
        raise HwascError(f"{path}: cannot be read ({reason(e)})") from None
    return digest


def safetensors_header(path: Path) -> tuple[bytes, int]:
    """The header of a .safetensors file: eight bytes of length, then JSON.

    Args:
        path: The file.

    Returns:
        The JSON, and the bytes of tensors behind it.

    Raises:
        UsageError: It is no such file, or the header is longer than the file or than a bound.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 10 or length > size - 8:
            raise UsageError(f"{path}: is no .safetensors file ({described(path, 'its header is cut short')})")
        if length > JSON_BYTES:
            raise UsageError(f"{path}: its header is too large (expected at most {JSON_BYTES:,} bytes)")
        return file.read(length), size - 8 - length
