"""How a page reaches the sound of a clip: a link to the user's file, or a small copy inside of the page."""

from __future__ import annotations

import base64
import io
import os
from pathlib import Path
from urllib.parse import quote

from hwasc.audio.reading import UnreadableClip, read_clip
from hwasc.data.clips import Clip

RATE = 16_000  # Hz, of copies: enough to tell scenes apart


def link(file: Path, page: Path) -> str:
    """The address of a file for a page: relative, so that both can be moved together.

    Args:
        file: The file.
        page: Where the page will lie.

    Returns:
        The address, quoted.
    """
    try:
        relative = os.path.relpath(file.resolve(), page.resolve().parent)
    except ValueError:  # another drive of Windows
        return file.resolve().as_uri()
    return quote(os.fsencode(Path(relative).as_posix()))


def excerpt(clip: Clip, address: str) -> str:
    """The address of a clip: its file's, with the clip's span where the file has more (W3C, Media Fragments URI 1.0).

    Args:
        clip: The clip.
        address: Of its file.

    Returns:
        The address.
    """
    whole = "#" not in clip.id
    return address if whole else f"{address}#t={clip.start:g},{clip.start + clip.seconds:g}"


def small_copy(clip: Clip) -> str | None:
    """A copy of a clip's sound: one channel, 16 bits, 16 kHz, as FLAC.

    Args:
        clip: The clip.

    Returns:
        A `data:` address; None where the clip can't be read any more.
    """
    import soundfile

    try:
        wave = read_clip(clip.path, clip.start, clip.seconds, RATE)
    except UnreadableClip:
        return None
    out = io.BytesIO()
    soundfile.write(out, wave, RATE, "PCM_16", format="FLAC")
    return "data:audio/flac;base64," + base64.b64encode(out.getvalue()).decode()
