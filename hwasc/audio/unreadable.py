"""Why a file is not a recording that can be read, in words for people."""

from __future__ import annotations

import os
from pathlib import Path

from hwasc.audio.file_kinds import known_kind


class UnreadableClip(Exception):
    """A clip cannot be used. The message is the reason in a few words, for example `silent`."""


def check_file(path: Path) -> os.stat_result:
    """Whether there is a file to read.

    Args:
        path: The file.

    Returns:
        Its size and times.

    Raises:
        UnreadableClip: It is missing, empty or cannot be opened.
    """
    try:
        found = os.stat(path)
    except FileNotFoundError:
        raise UnreadableClip("missing") from None
    except (OSError, ValueError) as e:
        raise UnreadableClip(getattr(e, "strerror", None) or "cannot be opened") from None
    if found.st_size == 0:
        raise UnreadableClip("empty file")
    return found


def reason(path: Path, error: Exception) -> str:
    """Why a file that could not be decoded is no recording.

    Args:
        path: The file.
        error: What the decoder said.

    Returns:
        What the file is, if it begins like something well known; otherwise the decoder's words.
    """
    kind = known_kind(path)
    if kind:
        return kind
    message = str(getattr(error, "error_string", error)).rstrip(". ").lower()
    return f"not audio or truncated ({message})"
