"""How a file is read that is more than plain PCM: its true length, and what to read in its place where its header is wrong."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from pathlib import Path

from hwasc.audio import containers, flac, mpeg, ogg
from hwasc.audio.decoder import ERRORS, Decoder
from hwasc.audio.mpeg_frame import parse
from hwasc.audio.splicing import Piece
from hwasc.audio.unreadable import UnreadableClip, reason

BYTES = {"PCM_S8": 1, "PCM_U8": 1, "ULAW": 1, "ALAW": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}
# Bytes beside the samples up to which a header's length is believed: at 8 kHz and 16 bits they are 32 ms.
SLACK = 512
BLOCK = 4096  # samples of each channel decoded at once when they are only counted or skipped
# MP3 frames take bits from up to 511 bytes before them, up to a dozen frames at low bit rates; and the filter bank rings on.
WARM_UP = 24 * 1152
FLAC_DENSEST = 6000  # samples a byte, of digital silence: a frame of 65,535 samples takes 11 bytes
SHORT = 2304  # samples that a decoder may leave out at the ends: two MP3 frames


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One stream of a file.

    Attributes:
        pieces: What to read in place of the file; None for the file.
        frames: Samples of each channel.
    """

    pieces: tuple[Piece, ...] | None
    frames: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a recording is read.

    Attributes:
        parts: Its streams, in order.
        rate: Sample rate in Hz.
        channels: Number of channels.
        can_seek: Whether a position can be gone to; otherwise everything before is decoded.
        warm_up: Samples to decode before a position that was gone to.
        remark: What is wrong with the file, for people; empty if nothing.
    """

    parts: tuple[Part, ...]
    rate: int
    channels: int
    can_seek: bool = True
    warm_up: int = 0
    remark: str = ""

    @property
    def frames(self) -> int:
        """Samples of each channel of all streams."""
        return sum(p.frames for p in self.parts)


@functools.lru_cache(maxsize=256)
def plan(path: Path, size: int, changed: int) -> Plan:
    """Find out how to read a file that is more than plain PCM.

    Args:
        path: The file.
        size: Its size in bytes.
        changed: When it was last changed; a changed file is looked at again.

    Returns:
        How it is read.

    Raises:
        UnreadableClip: It is not audio.
    """
    try:
        pieces = containers.mended(path, size)
    except (OSError, ValueError):
        pieces = None
    mended = None if pieces is None else tuple(pieces)
    try:
        try:
            plain, kind, subtype = _opened(path, mended)
        except ERRORS:
            with path.open("rb") as file:
                if file.read(1) != b"\xff" and path.suffix.lower() != ".mp3":
                    raise
            return _begun_late(path, size)
        if kind == "FLAC":
            return _flac(path, size, plain)
        if kind == "MP3":
            return _mpeg(path, size, plain)
        if kind == "OGG":
            return _ogg(path, size, plain)
        # No codec but these and ALAC has less than a bit a sample, and PCM has what it has.
        if plain.frames * plain.channels > 8 * size // (8 * BYTES.get(subtype, 0) or 1):
            return _decoded(path, plain)
    except ERRORS as e:
        raise UnreadableClip(reason(path, e)) from None
    return plain


def _opened(path: Path, pieces: tuple[Piece, ...] | None) -> tuple[Plan, str, str]:
    """The plan by the header, the format and the codec."""
    with Decoder(path, pieces) as decoder:
        f = decoder.file
        part = Part(pieces=pieces, frames=f.frames)
        plain = Plan(parts=(part,), rate=f.samplerate, channels=f.channels, can_seek=decoder.can_seek)
        return plain, f.format, f.subtype


def _begun_late(path: Path, size: int) -> Plan:
    """The plan of an MP3 file that begins with something else, such as half a frame."""
    found = mpeg.walk(path, size)
    if found is None or found.layer != 3 or found.frames < 4:
        raise ValueError("format not recognised")
    pieces = mpeg.counted(found)
    plain, _, _ = _opened(path, tuple(pieces))
    return _with(plain, found.frames * found.samples, pieces=pieces, warm_up=WARM_UP)


def _with(plain: Plan, frames: int, *, remark: str = "", pieces: list[Piece] | None = None, warm_up: int = 0) -> Plan:
    part = Part(pieces=None if pieces is None else tuple(pieces), frames=frames)
    return replace(plain, parts=(part,), remark=remark, warm_up=warm_up)


def _flac(path: Path, size: int, plain: Plan) -> Plan:
    with path.open("rb") as f:
        head = f.read(1 << 16)
        start = head.find(b"fLaC")
        f.seek(max(start, 0))
        head = f.read(42)
    stated = flac.stated_samples(head) if start >= 0 else None
    counted = flac.counted_samples(path, size, start, stated or 0) if stated is not None else None
    if stated is None or counted is None:
        return _decoded(path, plain)
    if counted == stated > 0:
        return plain
    if counted < stated <= FLAC_DENSEST * size:
        return _with(plain, counted, remark=truncated(counted, stated, plain.rate))
    return _with(plain, counted, pieces=flac.with_samples(head, start, counted, size))


def _mpeg(path: Path, size: int, plain: Plan) -> Plan:
    with path.open("rb") as f:
        start = mpeg.first_frame(f.read(1 << 16))
        f.seek(start)
        head = f.read(4096)
    if not parse(head[:4]):
        start += mpeg.first_frame(head)
    stated = plain.frames
    if mpeg.is_as_stated(head, mpeg.without_tags(path, size), start):
        return _with(plain, stated, warm_up=WARM_UP)
    found = mpeg.walk(path, size)
    if found is None or found.layer != 3 or found.frames == 0:
        return _decoded(path, plain, WARM_UP)
    if not found.damaged and found.stated is not None and abs(found.stated - found.frames) <= 1:
        return _with(plain, stated, warm_up=WARM_UP)
    frames = found.frames * found.samples
    remark = ""
    if found.stated is not None and found.frames < found.stated - 1:
        remark = truncated(frames, stated, plain.rate)
    elif len(found.ranges) > 1:
        remark = "damaged: something else lies between its MP3 frames"
    return _with(plain, frames, remark=remark, pieces=mpeg.counted(found), warm_up=WARM_UP)


def _ogg(path: Path, size: int, plain: Plan) -> Plan:
    parts: list[Part] = []
    remark = ""
    found = ogg.streams(path, size)
    if len(found) == 1:
        return plain if plain.frames <= 1 << 40 and plain.frames < 48000 * size else _decoded(path, plain)
    for k, piece in enumerate(found):
        try:
            with Decoder(path, (piece,)) as decoder:
                same = (decoder.file.samplerate, decoder.file.channels) == (plain.rate, plain.channels)
                frames = decoder.file.frames
        except ERRORS:
            same, frames = False, 0
        if not same or frames <= 0:
            remark = f"stream {k + 1} of {len(found)} and what follows is left out: another rate, or not audio"
            break
        parts.append(Part(pieces=(piece,), frames=frames))
    return Plan(parts=tuple(parts) or plain.parts, rate=plain.rate, channels=plain.channels, remark=remark)


def _decoded(path: Path, plain: Plan, warm_up: int = 0) -> Plan:
    """The plan of a file of which only decoding shows the length."""
    count = 0
    stopped = ""
    with Decoder(path, plain.parts[0].pieces) as decoder:
        try:
            while block := len(decoder.next(BLOCK)):
                count += block
        except ERRORS:
            stopped = f"damaged after {count / plain.rate:.2f} s"
    if not stopped and count + SHORT < plain.frames < 1 << 36:
        stopped = truncated(count, plain.frames, plain.rate)
    part = replace(plain.parts[0], frames=count)
    return replace(plain, parts=(part,), remark=stopped, warm_up=warm_up)


def truncated(frames: int, stated: int, rate: int) -> str:
    """Words for a recording that ends early.

    Args:
        frames: Samples of each channel that are there.
        stated: Samples by the header.
        rate: Sample rate in Hz.

    Returns:
        A few words.
    """
    return f"truncated: {frames / rate:.2f} s of {stated / rate:.2f} s" if stated > frames else ""
