"""How many samples a FLAC file holds, by its last frame."""

from __future__ import annotations

import functools
from pathlib import Path

from hwasc.audio.splicing import Piece

TAIL = 1 << 17  # bytes at the end in which the last frames are looked for; the largest usual frame has 32 kB
SIZES = {1: 192, **{k: 576 << (k - 2) for k in range(2, 6)}, **{k: 256 << (k - 8) for k in range(8, 16)}}


def stated_samples(head: bytes) -> int | None:
    """The number of samples of a channel by the STREAMINFO block.

    Args:
        head: The first bytes of the file, from `fLaC` on.

    Returns:
        The number, 0 if it is not stated; None if this is no FLAC file.
    """
    if head[:4] != b"fLaC" or head[4] & 0x7F != 0 or len(head) < 42:
        return None
    return (head[21] & 0x0F) << 32 | int.from_bytes(head[22:26], "big")


def counted_samples(path: Path, size: int, start: int, stated: int) -> int | None:
    """The number of samples of a channel by the position that the last frame of a file has.

    Args:
        path: The file.
        size: Its size in bytes.
        start: Where `fLaC` is in it.
        stated: Number by the header; 0 if unknown.

    Returns:
        The number up to the end of the last whole frame; None if that is not certain.
    """
    with path.open("rb") as f:
        f.seek(start)
        head = f.read(42)
        first = max(size - TAIL, start + 42)
        f.seek(first)
        tail = f.read(size - first)
    block = int.from_bytes(head[8:10], "big")
    frames: list[tuple[int, int, int]] = []  # position, first sample, samples; from the last one back
    at = len(tail)
    while len(frames) < 4:
        at = max(tail.rfind(b"\xff\xf8", 0, at), tail.rfind(b"\xff\xf9", 0, at))
        if at < 0:
            break
        frame = _frame(tail[at : at + 16], block)
        if frame is not None:
            frames.append((at, *frame))
    # Bytes that look like a frame by chance are recognised by the frame before: it ends where the next one begins.
    for k, (at, sample, samples) in enumerate(frames):
        before = frames[k + 1] if k + 1 < len(frames) else None
        if (before and before[1] + before[2] == sample) or (sample == 0 and first == start + 42):
            end = frames[k - 1][0] if k else len(tail)
            if sample + samples == stated:  # tags may follow the last frame, and the checksum takes 2 ms
                return stated
            return sample + samples if _is_whole(tail[at:end]) else sample
    return None


def with_samples(head: bytes, start: int, samples: int, size: int) -> list[Piece]:
    """The pieces of a file with another number in STREAMINFO.

    Args:
        head: The first 42 bytes from `fLaC` on.
        start: Where `fLaC` is in the file.
        samples: The number of samples.
        size: Size of the file in bytes.

    Returns:
        The pieces.
    """
    number = bytes([head[21] & 0xF0 | samples >> 32 & 0x0F]) + (samples & 0xFFFFFFFF).to_bytes(4, "big")
    return [(0, start + 21), number, (start + 26, size)]


def _frame(head: bytes, block: int) -> tuple[int, int] | None:
    """First sample and number of samples of the frame that begins with some bytes; None if they are no frame."""
    if len(head) < 6 or head[2] >> 4 == 0 or head[2] & 0x0F == 15 or head[3] >> 4 > 10 or head[3] & 1:
        return None
    number, used = _coded(head[4:11])
    if used == 0:
        return None
    code, at = head[2] >> 4, 4 + used
    extra = {6: 1, 7: 2}.get(code, 0)
    samples = int.from_bytes(head[at : at + extra], "big") + 1 if extra else SIZES.get(code, 0)
    at += extra + {12: 1, 13: 2, 14: 2}.get(head[2] & 0x0F, 0)
    if at >= len(head) or _crc(head[:at], polynomial=0x07, bits=8) != head[at]:
        return None
    return (number if head[1] & 1 else number * block), samples


def _coded(code: bytes) -> tuple[int, int]:
    """A number in the manner of UTF-8, and its bytes; 0 bytes if it is none."""
    first = code[0]
    if first < 0x80:
        return first, 1
    length = next((n for n in range(2, 8) if first >> (7 - n) & 1 == 0), 8) if first != 0xFF else 8
    if first < 0xC0 or length > 7 or len(code) < length:
        return 0, 0
    number = first & ((1 << (7 - length)) - 1)
    for c in code[1:length]:
        if c >> 6 != 2:
            return 0, 0
        number = number << 6 | c & 0x3F
    return number, length


def _is_whole(frame: bytes) -> bool:
    """Whether the checksum at a frame's end is right."""
    return len(frame) > 8 and _crc(frame[:-2], polynomial=0x8005, bits=16) == int.from_bytes(frame[-2:], "big")


def _crc(content: bytes, polynomial: int, bits: int) -> int:
    table, mask, value = _crc_table(polynomial, bits), (1 << bits) - 1, 0
    for c in content:
        value = (value << 8 & mask) ^ table[(value >> (bits - 8)) ^ c]
    return value


@functools.lru_cache(maxsize=2)
def _crc_table(polynomial: int, bits: int) -> tuple[int, ...]:
    top, mask = 1 << (bits - 1), (1 << bits) - 1
    table = []
    for k in range(256):
        entry = k << (bits - 8)
        for _ in range(8):
            entry = (entry << 1 ^ polynomial) & mask if entry & top else entry << 1
        table.append(entry)
    return tuple(table)
