"""Recordings whose headers say something else than the file holds, made in code."""

from __future__ import annotations

import io
import struct

import numpy as np
import soundfile

from hwasc.audio.mpeg_frame import parse


def noise(samples: int, channels: int = 1, seed: int = 0) -> np.ndarray:
    """White noise."""
    return 0.1 * np.random.default_rng(seed).standard_normal((samples, channels))


def encoded(wave: np.ndarray, rate: int, kind: str, subtype: str | None = None, **how: object) -> bytes:
    """The bytes of a sound file."""
    out = io.BytesIO()
    with soundfile.SoundFile(out, "w", rate, wave.shape[1], subtype, format=kind, **how) as f:
        f.write(wave)
    return out.getvalue()


def put(content: bytes, at: int, fmt: str, value: int) -> bytes:
    """Another number in a header."""
    out = bytearray(content)
    struct.pack_into(fmt, out, at, value)
    return bytes(out)


def wav(content: bytes, size: int, riff: int | None = None) -> bytes:
    """A WAV file whose data chunk states another size."""
    content = put(content, content.find(b"data") + 4, "<I", size)
    return put(content, 4, "<I", size + 36 & 0xFFFFFFFF if riff is None else riff)


def flac(content: bytes, samples: int) -> bytes:
    """A FLAC file whose STREAMINFO states another number of samples."""
    return put(put(content, 21, "B", content[21] & 0xF0 | samples >> 32), 22, ">I", samples & 0xFFFFFFFF)


def bare_mp3(content: bytes) -> bytes:
    """An MP3 file without its Xing header."""
    frame = parse(content[:4])
    assert (frame is not None and b"Xing" in content[:100]) or b"Info" in content[:100]
    return content[frame.length :]


def chunk(name: bytes, content: bytes) -> bytes:
    """A chunk of a RIFF file."""
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
