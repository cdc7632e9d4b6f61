"""Odd recordings for the check of a folder, and odd indices of recordings."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import soundfile

from hwasc.data.examination import examine
from hwasc.data.fingerprints import sketch
from hwasc.data.probing import INDEX, probe
from tests.corpus.cases import Case


def recording(wave: np.ndarray, kind: str = "WAV", subtype: str = "PCM_16") -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, wave, 8000, format=kind, subtype=subtype)
    return buffer.getvalue()


def examined(path: Path) -> object:
    sketch(path)  # never raises
    return examine(path, 0.5)


def looked_up(path: Path) -> object:
    (path.parent / "a.wav").write_bytes(SOUND)
    first = probe([path.parent / "a.wav"])
    assert probe([path.parent / "a.wav"], path.parent) == first
    return first


SOUND = recording(0.1 * np.random.default_rng(0).standard_normal(8000))
LINE = b"00000000\t1\t1.0\t8000\t1\t" + b"0" * 80 + b"\t16044 1 1 1\t/a.wav\n"

CASES = [
    Case(name="noise.wav", content=SOUND, read=examined, fine=True),
    Case(name="huge.wav", content=recording(np.full((4000, 2), 1e38), subtype="FLOAT"), read=examined, fine=True),
    Case(name="short.flac", content=recording(np.zeros(30), "FLAC"), read=examined),
    Case(name=INDEX, content=LINE * 3 + b"\xff\t\t\n" + LINE[:-20], read=looked_up, fine=True),
]
