"""Reading lists of bounded size: a small archive may hold gigabytes."""

from __future__ import annotations

import io
import lzma
from pathlib import Path

from hwasc.errors import DataError

LIMIT = 100_000_000  # bytes of a list, unpacked: about 1.6 million rows of TAU's meta.csv
MEMORY = 256_000_000  # bytes that unpacking may take; `xz -9` needs 65 MB
CHUNK = 1 << 16


def bounded_text(path: Path) -> str:
    """Read a list as text. Its size is bounded before it is read or unpacked.

    Args:
        path: The list; xz-compressed if its suffix says so.

    Returns:
        The text, without a byte order mark.

    Raises:
        DataError: It is missing, too large, damaged, or not UTF-8.
    """
    try:
        with path.open("rb") as f:
            raw = _unpacked(f) if path.suffix == ".xz" else f.read(LIMIT + 1)
        text = raw.decode("utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such list") from None
    except UnicodeDecodeError as e:
        raise DataError(f"{path}: cannot be read as a list ({e}); save it as UTF-8") from None
    except (OSError, EOFError, lzma.LZMAError) as e:
        raise DataError(f"{path}: cannot be read as a list ({e})") from None
    if len(raw) > LIMIT:
        raise DataError(f"{path}: has more than {LIMIT // 1_000_000} MB, which is no list of clips; check what it is")
    return text


def _unpacked(f: io.BufferedIOBase | io.BufferedReader) -> bytes:
    """Unpack at most one byte above the limit, whatever the archive promises."""
    parts: list[bytes] = []
    size = 0
    data = f.read(CHUNK)
    while data and size <= LIMIT:
        stream = lzma.LZMADecompressor(memlimit=MEMORY)
        while not stream.eof and size <= LIMIT:
            if stream.needs_input:
                if not data:
                    raise EOFError("it ends within its compressed data")
                parts.append(stream.decompress(data, LIMIT + 1 - size))
                data = f.read(CHUNK)
            else:
                parts.append(stream.decompress(b"", LIMIT + 1 - size))
            size += len(parts[-1])
        data = (stream.unused_data + data).lstrip(b"\0")  # several streams, and padding between them, are allowed
    return b"".join(parts)
