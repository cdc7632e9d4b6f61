"""Odd recordings: lengths in headers that are wrong, and what is no audio."""

from __future__ import annotations

from pathlib import Path

from hwasc.audio.reading import UnreadableClip, decode, header, read_clip
from tests.audio.odd_files import bare_mp3, encoded, flac, noise, put, wav
from tests.corpus.cases import Case

WAVE = noise(2 * 8000)
WAV, FLAC, MP3 = (encoded(WAVE, 8000, kind) for kind in ("WAV", "FLAC", "MP3"))
RF64, AIFF = encoded(WAVE, 8000, "RF64", "PCM_16"), encoded(WAVE, 8000, "AIFF", "PCM_16")
OGG, GSM = encoded(WAVE, 8000, "OGG", "VORBIS"), encoded(WAVE, 8000, "WAV", "GSM610")


def read(path: Path) -> None:
    """Read the length, a clip and all of a recording."""
    length = header(path).seconds
    if not 0 <= length < 1000:
        raise AssertionError(f"{length} s in {path.stat().st_size} bytes")
    if length > 1000:
        raise UnreadableClip("too long")
    read_clip(path, 0.0, 1.0, 8000)
    for _ in decode(path):
        pass


CASES = [
    Case(name="no-size.wav", content=wav(WAV, 0), read=read, fine=True),
    Case(name="small-size.wav", content=wav(WAV, 8000), read=read, fine=True),
    Case(name="no-length.flac", content=flac(FLAC, 0), read=read, fine=True),
    Case(name="huge-length.flac", content=flac(FLAC, 2**36 - 1), read=read, fine=True),
    Case(name="bare.mp3", content=bare_mp3(MP3), read=read, fine=True),
    Case(name="two-streams.ogg", content=OGG + OGG, read=read, fine=True),
    Case(name="gsm.wav", content=GSM, read=read, fine=True),
    Case(name="no-size.rf64", content=put(RF64, 28, "<Q", 0), read=read, fine=True),
    Case(name="no-size.aiff", content=put(AIFF, AIFF.find(b"SSND") + 4, ">I", 8), read=read, fine=True),
    Case(name="._fork.mp3", content=b"\x00\x05\x16\x07\x00\x02\x00\x00" + bytes(200), read=read),
    Case(name="page.wav", content=b"<!DOCTYPE html><html></html>", read=read),
]
