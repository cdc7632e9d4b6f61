"""Files that are no audio, or no audio that libsndfile reads, told by their first bytes."""

from __future__ import annotations

from pathlib import Path

# What a file begins with, and what it is. Offsets other than 0 are rare enough to have their own lines below.
BEGINNINGS = (
    (b"\x00\x05\x16\x07", "a macOS resource fork, not audio"),
    (b"\x00\x05\x16\x00", "a macOS resource fork, not audio"),
    (b"version https://git-lfs", "a Git LFS pointer: run git lfs pull"),
    (b"PK\x03\x04", "a ZIP archive: unpack it"),
    (b"\x1f\x8b", "a gzip archive: unpack it"),
    (b"BZh", "a bzip2 archive: unpack it"),
    (b"\xfd7zXZ\x00", "an xz archive: unpack it"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive: unpack it"),
    (b"Rar!", "a RAR archive: unpack it"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive: unpack it"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM video: extract its sound to WAV or FLAC"),
    (b"FLV\x01", "a Flash video: extract its sound to WAV or FLAC"),
    (b"\x00\x00\x01\xba", "an MPEG video: extract its sound to WAV or FLAC"),
    (b"\x00\x00\x01\xb3", "an MPEG video: extract its sound to WAV or FLAC"),
    (b"0&\xb2u\x8ef\xcf\x11", "Windows Media (WMA): convert it to WAV or FLAC"),
    (b"#!AMR", "AMR audio: convert it to WAV or FLAC"),
    (b"wvpk", "WavPack audio: convert it to WAV or FLAC"),
    (b"MAC ", "Monkey's Audio: convert it to WAV or FLAC"),
    (b"ADIF", "AAC audio: convert it to WAV or FLAC"),
    (b"MThd", "MIDI notes, not audio"),
    (b"%PDF", "a PDF document, not audio"),
    (b"\x89PNG", "a picture, not audio"),
    (b"\xff\xd8\xff", "a picture, not audio"),
    (b"GIF8", "a picture, not audio"),
    (b"\x89HDF", "an HDF5 file, not audio"),
    (b"\x93NUMPY", "a NumPy array, not audio"),
)
SOUND_BRANDS = (b"M4A ", b"M4B ", b"M4P ")  # of the MPEG-4 containers; the others hold a video, or may
VIDEO_BRANDS = (b"isom", b"iso2", b"mp41", b"mp42", b"avc1", b"qt  ", b"3gp", b"3g2", b"dash", b"M4V ", b"MSNV")


def known_kind(path: Path) -> str:
    """What a file is that libsndfile does not read, by its first bytes.

    Args:
        path: The file.

    Returns:
        A few words, with what to do if something can be done; empty if the file begins like nothing known.
    """
    try:
        with path.open("rb") as f:
            head = f.read(1024)
    except OSError:
        return ""
    for beginning, kind in BEGINNINGS:
        if head.startswith(beginning):
            return kind
    if head[4:8] == b"ftyp":
        return _mpeg4(head)
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "an AVI video: extract its sound to WAV or FLAC"
    if head[:2] in (b"\xff\xf1", b"\xff\xf9"):
        return "AAC audio: convert it to WAV or FLAC"
    if head and not head.strip(b"\x00"):
        return "nothing but zeros: the file was not written whole"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "a web page, not audio: the download failed"
    if text.startswith((b"<?xml", b"<error")):
        return "an XML document, not audio: the download may have failed"
    return ""


def _mpeg4(head: bytes) -> str:
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[i : i + 4] for i in range(16, size - 3, 4))]
    if brands[0] in SOUND_BRANDS:
        return "MPEG-4 audio (AAC): convert it to WAV or FLAC"
    if any(brand.startswith(VIDEO_BRANDS) for brand in brands[:1]):
        return "MPEG-4 audio (AAC) or video: convert its sound to WAV or FLAC"
    return "MPEG-4 audio (AAC): convert it to WAV or FLAC"
