"""Odd archives, as a server may send them in place of a data set."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from hwasc.data.unpack import unpack
from tests.corpus.cases import Case


def _zip(files: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as z:
        for name, data in files.items():
            z.writestr(name, data)
    return content.getvalue()


def _unpacked(path: Path) -> object:
    folder = path.with_name("unpacked")
    folder.mkdir(exist_ok=True)
    return unpack(path, folder)


CASES = [
    Case(name="plain.zip", content=_zip({"a/b.txt": b"b", "c.txt": b"c"}), read=_unpacked, fine=True),
    Case(name="file_and_folder.zip", content=_zip({"a": b"1", "a/b": b"2"}), read=_unpacked),
    Case(name="outside.zip", content=_zip({"../a": b"1"}), read=_unpacked),
    Case(name="lzma_cut.zip", content=_zip({"a": bytes(5000)}, zipfile.ZIP_LZMA)[:60], read=_unpacked),
    Case(name="page.zip", content=b"<html>moved</html>", read=_unpacked),
]
