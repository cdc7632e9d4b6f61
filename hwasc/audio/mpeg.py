"""Counting the frames of MP3 files without decoding, and joining the whole ones (ISO/IEC 11172-3, 13818-3)."""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

from hwasc.audio.mpeg_frame import Frame, are_alike, parse, side_information
from hwasc.audio.splicing import Piece

DECODER_DELAY = 529  # samples of the filter bank


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """The whole frames of a file.

    Attributes:
        ranges: Where they are, (first, end) in bytes, joined where they follow each other.
        frames: Their number.
        stated: Number of frames by the Xing or Info header; None without one.
        samples: Samples of each channel in a frame.
        first: Header bytes of the first frame.
        layer: Their layer, 1 to 3.
        damaged: Whether something other than tags is between them or behind them.
    """

    ranges: tuple[tuple[int, int], ...]
    frames: int
    stated: int | None
    samples: int
    first: bytes
    layer: int
    damaged: bool


def first_frame(content: bytes | mmap.mmap) -> int:
    """Where the first frame begins, behind ID3 tags.

    Args:
        content: The first bytes of the file.

    Returns:
        The position; that of the end of the tags, which may lie behind the bytes, if no frame was found.
    """
    at = tags = _behind_tags(content)
    while at + 4 <= len(content):
        at = content.find(b"\xff", at)
        if at < 0:
            return tags
        frame = parse(content[at : at + 4])
        if frame:
            after = content[at + frame.length : at + frame.length + 4]
            if len(after) < 4 or are_alike(frame, parse(after)):
                return at
        at += 1
    return tags


def is_as_stated(head: bytes, size: int, start: int) -> bool:
    """Whether a Xing or Info header says how many bytes the file has, so that its number of frames can be believed.

    Args:
        head: The first frame, at least 200 bytes of it.
        size: Bytes of the file without tags at its end.
        start: Where the frame begins.

    Returns:
        Whether it does, to 1 part in 500 and a frame.
    """
    xing = _xing(head)
    if xing is None or xing[0] is None or xing[1] is None:
        return False
    return abs(start + xing[1] - size) <= max(2048, xing[1] // 500)


def without_tags(path: Path, size: int) -> int:
    """Where the tags at the end of a file begin.

    Args:
        path: The file.
        size: Its size in bytes.

    Returns:
        The position, the size if there are none.
    """
    with path.open("rb") as f:
        f.seek(max(size - 160, 0))
        tail = f.read(160)
        if tail[-128:-125] == b"TAG":
            size, tail = size - 128, tail[:-128]
        if tail[-32:-24] == b"APETAGEX":
            length = int.from_bytes(tail[-20:-16], "little") + (32 if tail[-9] & 0x80 else 0)
            size = max(size - length, 0)
    return size


def walk(path: Path, size: int) -> Walk | None:
    """Go from frame to frame through a file.

    Args:
        path: The file.
        size: Its size in bytes.

    Returns:
        The whole frames; None if there are none.
    """
    with path.open("rb") as f, mmap.mmap(f.fileno(), size, access=mmap.ACCESS_READ) as content:
        return _walk(content, without_tags(path, size))


def _walk(content: mmap.mmap, end: int) -> Walk | None:
    at = first_frame(content)
    frame = parse(content[at : at + 4])
    if frame is None:
        return None
    first, model = content[at : at + 4], frame
    xing = _xing(content[at : at + frame.length])
    if xing or content[at + 36 : at + 40] == b"VBRI":
        at += frame.length
    ranges: list[tuple[int, int]] = []
    begin, count, damaged = at, 0, False
    lengths: dict[bytes, Frame | None] = {}
    while at + 4 <= end:
        head = content[at : at + 4]
        found = lengths[head] if head in lengths else lengths.setdefault(head, parse(head))
        if found is not None and are_alike(model, found) and at + found.length <= end:
            count += 1
            at += found.length
            continue
        if at > begin:
            ranges.append((begin, at))
        following = _next(content, at, end, model)
        damaged |= bool(content[at : end if following is None else following].strip(b"\x00"))
        begin = at = end if following is None else following
    if at > begin:
        ranges.append((begin, min(at, end)))
    return Walk(
        ranges=tuple(ranges),
        frames=count,
        stated=xing[0] if xing else None,
        samples=model.samples,
        first=first,
        layer=model.layer,
        damaged=damaged,
    )


def counted(found: Walk) -> list[Piece]:
    """The pieces of a file with its whole frames alone, behind a header that has their true number.

    Args:
        found: The frames, of layer 3.

    Returns:
        The pieces.
    """
    first = bytearray(found.first)
    first[1] |= 1  # no checksum
    first[2] = first[2] & 0x0C | (5 if first[1] & 8 else 8) << 4  # 64 kbit/s, no padding: room for the header
    frame = parse(bytes(first))
    assert frame is not None
    size = 2 * frame.length + sum(end - begin for begin, end in found.ranges)
    # Behind such a header mpg123 leaves out 529 samples and the encoder's delay. A silent frame that is just as long as both is
    # put before the others, so that all of these are decoded.
    head = bytes(first) + bytes(side_information(frame))
    xing = b"Xing" + struct.pack(">III", 3, found.frames + 1, min(size, 0xFFFFFFFF))
    encoder = b"LAME     ".ljust(21, b"\x00") + (frame.samples - DECODER_DELAY << 12).to_bytes(3, "big")
    return [(head + xing + encoder).ljust(frame.length, b"\x00"), head.ljust(frame.length, b"\x00"), *found.ranges]


def _behind_tags(content: bytes | mmap.mmap) -> int:
    at = 0
    while content[at : at + 3] == b"ID3" and len(content) >= at + 10:
        size = content[at + 6 : at + 10]
        at += 10 + (size[0] << 21 | size[1] << 14 | size[2] << 7 | size[3]) + (10 if content[at + 5] & 0x10 else 0)
    return at


def _next(content: mmap.mmap, at: int, end: int, model: Frame) -> int | None:
    """The next position from which two frames follow each other."""
    while True:
        at = content.find(b"\xff", at + 1, end)
        if at < 0:
            return None
        frame = parse(content[at : at + 4])
        if frame and are_alike(model, frame) and at + frame.length <= end:
            after = at + frame.length
            if after >= end or are_alike(model, parse(content[after : after + 4])):
                return at


def _xing(head: bytes) -> tuple[int | None, int | None] | None:
    """Numbers of frames and bytes by a Xing or Info header; None if there is none."""
    frame = parse(head[:4])
    if frame is None or frame.layer != 3:
        return None
    at = 4 + side_information(frame)
    if head[at : at + 4] not in (b"Xing", b"Info"):
        return None
    flags = int.from_bytes(head[at + 4 : at + 8], "big")
    at += 8
    values: list[int | None] = []
    for flag in (1, 2):
        values.append(int.from_bytes(head[at : at + 4], "big") if flags & flag else None)
        at += 4 if flags & flag else 0
    return values[0], values[1]
