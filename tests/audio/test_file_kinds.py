"""What is no audio is named, and MP3 decoding writes nothing on the terminal."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hwasc.audio.quiet import quiet
from hwasc.audio.reading import UnreadableClip, header, read_clip
from tests.audio.odd_files import encoded, noise

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
KINDS = {
    "._x.mp3": (b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        " + bytes(100), "a macOS resource fork, not audio"),
    "._y.wav": (b"\x00\x05\x16\x07\x00\x02\x00\x00" + bytes(4000), "a macOS resource fork, not audio"),
    "lfs.wav": (LFS, "a Git LFS pointer: run git lfs pull"),
    "page.wav": (b"<!DOCTYPE html><html><body>404</body></html>", "a web page, not audio: the download failed"),
    "page.mp3": (b"\n\n <html lang=en><head></head></html>", "a web page, not audio: the download failed"),
    "s3.flac": (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "an XML document, not audio"),
    "zip.wav": (b"PK\x03\x04" + bytes(100), "a ZIP archive: unpack it"),
    "gz.wav": (b"\x1f\x8b\x08" + bytes(100), "a gzip archive: unpack it"),
    "m4a.wav": (b"\0\0\0\x20ftypM4A \0\0\0\0M4A mp42isom" + bytes(99), "MPEG-4 audio (AAC): convert it to WAV or FLAC"),
    "mp4.wav": (
        b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(99),
        "MPEG-4 audio (AAC) or video: convert its sound",
    ),
    "mkv.wav": (b"\x1aE\xdf\xa3" + bytes(99), "a Matroska or WebM video: extract its sound"),
    "avi.wav": (b"RIFF\x10\0\0\0AVI LIST" + bytes(99), "an AVI video: extract its sound"),
    "adts.mp3": (b"\xff\xf1\x50\x80" + b"\x03\x1f\xfc\x21" * 20, "AAC audio: convert it to WAV or FLAC"),
    "zeros.wav": (bytes(5000), "nothing but zeros: the file was not written whole"),
    "text.wav": (b"no sound here\n" * 50, "not audio or truncated (format not recognised)"),
}


@pytest.mark.parametrize("name", KINDS)
def test_what_is_no_audio_is_named(tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    content, expected = KINDS[name]
    (tmp_path / name).write_bytes(content)
    for read in (header, lambda p: read_clip(p, 0, 1, 8000)):
        with pytest.raises(UnreadableClip) as e:
            read(tmp_path / name)
        assert str(e.value).startswith(expected)
    assert capfd.readouterr().err == ""


MP3 = encoded(noise(4 * 22050), 22050, "MP3")


@pytest.mark.parametrize(
    "content",
    [
        MP3[: len(MP3) // 2],
        MP3[:9000] + b"\x37" * 5000 + MP3[9000:],
        MP3[:9000] + b"\xff\xfbxx" * 50 + MP3[9300:],
        MP3[700:],
    ],
    ids=["cut", "junk", "overwritten", "begun late"],
)
@pytest.mark.parametrize("name", ["a.mp3", "a.wav"])
def test_mp3_decoding_writes_nothing_on_the_terminal(tmp_path: Path, content: bytes, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    code = (
        "import os, sys; from pathlib import Path; from hwasc.audio.reading import *\n"
        f"p = Path({str(path)!r})\n"
        "print(header(p).seconds)\n"
        "for start in (0, 1, 2):\n"
        "    try: read_clip(p, start, 1.0, 22050)\n"
        "    except UnreadableClip: pass\n"
        "try: list(decode(p))\n"
        "except UnreadableClip: pass\n"
        "os.write(2, b'a real error\\n')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "a real error\n" and float(done.stdout) > 1


def test_other_lines_are_passed_on(capfd: pytest.CaptureFixture[str]) -> None:
    with quiet():
        os.write(2, b"Note: Trying to resync...\nWarning: Xing stream size off by more than 1%, fuzzy seeking\n")
        os.write(2, b"[src/libmpg123/parse.c:wetwork():1349] error: Giving up resync\n")
        os.write(2, b"Warning: the disk is full\nno line end")
    assert capfd.readouterr().err == "Warning: the disk is full\nno line end"


def test_threads_get_standard_error_back(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(MP3[: len(MP3) // 2])
    before = os.fstat(2)

    def read() -> None:
        for _ in range(20):
            header(path)
            read_clip(path, 0, 1.0, 22050)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for t in threads:
        t.start()
    for k in range(20):
        os.write(2, f"line {k}\n".encode())
    for t in threads:
        t.join()
    assert os.path.samestat(os.fstat(2), before)
    assert sorted(capfd.readouterr().err.split("\n")) == sorted([*(f"line {k}" for k in range(20)), ""])
