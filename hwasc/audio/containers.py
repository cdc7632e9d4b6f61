"""Where the samples of WAV, RF64, AIFF, AU, CAF and W64 files end, whatever their headers say.

Sizes in these headers wrap at 4 GiB, stay 0 when a recorder loses power, or are those of the moment when the recorder last wrote
them. A size is believed if the file ends there or another chunk begins there. Otherwise the samples reach to the end of the
file, or to known chunks that fill the file up to its end.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hwasc.audio.splicing import Piece

UNKNOWN = 0xFFFFFFFF  # as a size of 32 bits: up to the end of the file
CHUNKS = 4096  # more are not looked at
TAIL = 1 << 17  # bytes at the end of a file in which chunks behind samples of unknown length are looked for
PADDING = 1 << 16  # bytes of zeros behind the samples that are not taken for samples
W64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")  # of the chunk names of W64, after four letters
KNOWN_CHUNKS = frozenset(
    b"LIST bext iXML axml id3  ID3  cue  smpl inst plst labl note fact fmt  PEAK JUNK junk PAD  FLLR acid strc umid levl aXML "
    b"_PMX chna link cart mext qlty minf elm1 regn guan GUAN wamd AFAn DISP afsp COMM MARK INST MIDI AESD APPL COMT NAME AUTH "
    b"(c)  ANNO FVER SAUR CHAN free info strg mark kuki chan pakt uuid ovvw peak midi".split(b" ")
) | {b"id3 ", b"ID3 ", b"cue ", b"PAD ", b"fmt ", b"(c) "}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """How chunks are written.

    Attributes:
        name: Bytes of a chunk's name.
        size: struct format of its size.
        counts_head: Whether the size counts name and size too.
        align: Chunks begin at multiples of it.
    """

    name: int
    size: str
    counts_head: bool = False
    align: int = 2

    @property
    def head(self) -> int:
        """Bytes of name and size."""
        return self.name + struct.calcsize(self.size)

    def read(self, f: BinaryIO, at: int) -> tuple[bytes, int] | None:
        """Name and length of the content of the chunk at a position; None if there is none."""
        f.seek(at)
        head = f.read(self.head)
        if len(head) < self.head:
            return None
        (size,) = struct.unpack(self.size, head[self.name :])
        return head[: self.name], size - self.head if self.counts_head else size

    def after(self, at: int, content: int) -> int:
        """Where the next chunk begins."""
        end = at + self.head + content
        return end + -end % self.align


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sound:
    """The chunk of the samples as its header describes it.

    Attributes:
        form: How chunks are written.
        size_at: Position of its size.
        start: Position of the samples.
        stated: Bytes of samples by the header.
        before: Bytes that the size counts beside the samples.
        patches: Bytes to write elsewhere in the header if the size is mended, by position.
        always: Whether the header must be mended in any case.
    """

    form: _Form | None
    size_at: int
    start: int
    stated: int
    before: int = 0
    patches: dict[int, bytes]
    always: bool = False


def mended(path: Path, size: int) -> list[Piece] | None:
    """The pieces of a file of which the header has the wrong size of the samples.

    Args:
        path: The file.
        size: Its size in bytes.

    Returns:
        Pieces with a header whose size is right; None if it was right already or nothing is known about such a file.
    """
    with path.open("rb") as f:
        head = f.read(40)
        read = next((read for magic, read in READERS.items() if head.startswith(magic)), None)
        sound = read(f, head, size) if read else None
        if sound is None or not sound.start <= size:
            return None
        end = _end(f, sound, size)
    length = end - sound.start
    if length == sound.stated and not sound.always:
        return None
    width = struct.calcsize(sound.form.size) - 4 if sound.form else 0
    order = sound.form.size if sound.form else (">I" if head.startswith(b".snd") else "<I")
    counted = length + sound.before
    if width:
        return _patched({**sound.patches, sound.size_at: struct.pack(order, counted)}, end)
    patches = {**sound.patches, sound.size_at: struct.pack(order, min(counted, UNKNOWN))}
    if counted >= UNKNOWN and head[:4] in (b"RIFF", b"RF64", b"BW64"):  # libsndfile stops there, but in RF64
        sizes = b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0" + struct.pack("<QQ12x", end + 28, length)
        return [sizes, *_patched({at: content for at, content in patches.items() if at >= 12}, end, at=12)]
    return _patched(patches, end)


def _end(f: BinaryIO, sound: _Sound, size: int) -> int:
    if sound.start + sound.stated >= size:
        return size
    wide = sound.form is not None and struct.calcsize(sound.form.size) == 8
    for wrapped in range(sound.stated, size - sound.start + 1, size if wide else 1 << 32):
        end = sound.start + wrapped
        padded = end + (-end % sound.form.align if sound.form else 0)
        if padded >= size or (
            sound.form
            and sound.stated
            and (_goes_on(f, sound.form, padded, size) or _goes_on(f, sound.form, end, size))
        ):
            return min(end, size)
    return _tail(f, sound, size) if sound.form else size


def _goes_on(f: BinaryIO, form: _Form, at: int, size: int, strict: bool = False) -> bool:
    """Whether chunks begin at a position: a known one, or any that fill the file up to its end."""
    for count in range(CHUNKS):
        if size - at < form.head:
            return count > 0 or not strict
        if not strict and _is_no_sound(f, at, size):
            return True
        chunk = form.read(f, at)
        if chunk is None or not all(32 <= c < 127 for c in chunk[0][:4]) or chunk[1] < 0:
            return False
        if not strict and (chunk[0][:4] in KNOWN_CHUNKS or chunk[0][4:] == W64_TAIL):
            return True
        if at + form.head + chunk[1] > size:
            return False
        at = form.after(at, chunk[1])
    return False


def _is_no_sound(f: BinaryIO, at: int, size: int) -> bool:
    """Whether what follows the stated samples is a tag of MP3 files, or the zeros of a recorder that reserves space."""
    f.seek(at)
    if f.read(3) in (b"TAG", b"ID3"):
        return True
    f.seek(at)
    return size - at <= PADDING and not any(f.read(size - at))


def _tail(f: BinaryIO, sound: _Sound, size: int) -> int:
    """Where known chunks begin that fill the file up to its end; otherwise its end."""
    assert sound.form is not None
    first = max(size - TAIL, sound.start)
    f.seek(first)
    content = f.read(size - first)
    found = sorted(i for name in KNOWN_CHUNKS if len(name) == 4 for i in _places(content, name))
    return next((first + i for i in found if _goes_on(f, sound.form, first + i, size, strict=True)), size)


def _places(content: bytes, name: bytes) -> list[int]:
    places, at = [], content.find(name)
    while at >= 0:
        places.append(at)
        at = content.find(name, at + 1)
    return places


def _riff(f: BinaryIO, head: bytes, size: int) -> _Sound | None:
    form = _Form(name=4, size=">I" if head[:4] == b"RIFX" else "<I")
    long = head[:4] in (b"RF64", b"BW64")
    if head[8:12] != b"WAVE":
        return None
    patches: dict[int, bytes] = {}
    at, big = 12, None
    for _ in range(CHUNKS):
        chunk = form.read(f, at)
        if chunk is None:
            return None
        if chunk[0] == b"ds64" and chunk[1] >= 16:
            big = struct.unpack("<8xQ", f.read(16))[0]
            patches[at] = b"JUNK"
        if chunk[0] == b"data":
            stated = big if big is not None and chunk[1] == UNKNOWN else chunk[1]
            patches |= {0: b"RIFX" if head[:4] == b"RIFX" else b"RIFF", 4: b"\xff\xff\xff\xff"}
            return _Sound(
                form=form,
                size_at=at + 4,
                start=at + 8,
                stated=stated,
                patches=patches,
                always=long and head[:4] == b"BW64",
            )
        at = form.after(at, chunk[1])
    return None


def _aiff(f: BinaryIO, head: bytes, size: int) -> _Sound | None:
    form = _Form(name=4, size=">I")
    at = 12
    for _ in range(CHUNKS):
        chunk = form.read(f, at)
        if chunk is None or head[8:12] not in (b"AIFF", b"AIFC"):
            return None
        if chunk[0] == b"SSND":
            return _Sound(
                form=form,
                size_at=at + 4,
                start=at + 16,
                stated=max(chunk[1] - 8, 0),
                before=8,
                patches={4: b"\xff\xff\xff\xff"},
            )
        at = form.after(at, chunk[1])
    return None


def _au(f: BinaryIO, head: bytes, size: int) -> _Sound | None:
    start, stated = struct.unpack(">4xII" if head.startswith(b".snd") else "<4xII", head[:12])
    return _Sound(form=None, size_at=8, start=start, stated=stated, patches={})


def _caf(f: BinaryIO, head: bytes, size: int) -> _Sound | None:
    form = _Form(name=4, size=">q", align=1)
    at = 8
    for _ in range(CHUNKS):
        chunk = form.read(f, at)
        if chunk is None:
            return None
        if chunk[0] == b"data":
            stated = chunk[1] - 4 if 4 <= chunk[1] <= size - at - 12 else max(size - at - 16, 0)
            unknown = chunk[1] < 4 or chunk[1] > size - at - 12  # libsndfile opens neither of these
            return _Sound(form=form, size_at=at + 4, start=at + 16, stated=stated, before=4, patches={}, always=unknown)
        if chunk[1] < 0:
            return None
        at = form.after(at, chunk[1])
    return None


def _w64(f: BinaryIO, head: bytes, size: int) -> _Sound | None:
    form = _Form(name=16, size="<Q", counts_head=True, align=8)
    at = 40
    for _ in range(CHUNKS):
        chunk = form.read(f, at)
        if chunk is None or chunk[1] < 0:
            return None
        if chunk[0][:4] == b"data":
            # libsndfile reads up to the end of the file, whatever chunks follow: the pieces end where the samples do.
            more = at + form.head + chunk[1] < size
            return _Sound(
                form=form, size_at=at + 16, start=at + 24, stated=chunk[1], before=24, patches={}, always=more
            )
        at = form.after(at, chunk[1])
    return None


def _patched(patches: dict[int, bytes], end: int, at: int = 0) -> list[Piece]:
    pieces: list[Piece] = []
    for place in sorted(patches):
        pieces += [(at, place), patches[place]]
        at = place + len(patches[place])
    return [*pieces, (at, end)]


READERS: dict[bytes, Callable[[BinaryIO, bytes, int], _Sound | None]] = {
    b"RIFF": _riff,
    b"RIFX": _riff,
    b"RF64": _riff,
    b"BW64": _riff,
    b"FORM": _aiff,
    b".snd": _au,
    b"dns.": _au,
    b"caff": _caf,
    b"riff": _w64,
}
