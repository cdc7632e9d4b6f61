"""The files below a data folder, each with its kind, found in one walk."""

from __future__ import annotations

import os
import posixpath
from dataclasses import dataclass
from pathlib import Path

from hwasc.audio.reading import AUDIO_SUFFIXES

# Sound that libsndfile does not read, or that has no header that says what it is
UNREAD_SUFFIXES = frozenset((
    ".m4a", ".m4b", ".m4p", ".m4r", ".mp4", ".aac", ".adts", ".wma", ".amr", ".awb", ".3gp", ".3gpp", ".3ga", ".3g2",
    ".ra", ".rm", ".ram", ".ape", ".wv", ".mka", ".mkv", ".webm", ".weba", ".ac3", ".eac3", ".dts", ".mov", ".avi",
    ".tta", ".shn", ".dsf", ".dff", ".mpc", ".mp+", ".ofr", ".alac", ".qcp", ".mp2", ".mp1", ".mpga", ".opu", ".spx",
    ".vox", ".gsm", ".dss", ".ds2", ".raw", ".pcm", ".s16", ".sw",
))  # fmt: skip
# Folders that systems and tools put between the user's own
SYSTEM = frozenset(("__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found", "__pycache__"))
HIDDEN, OTHER, UNREAD, LINKED = (
    "hidden or the system's own",
    "not audio",
    "in a format that cannot be read",
    "links back into the folder or to a folder above it, not followed",
)


@dataclass(frozen=True, kw_only=True)
class Files:
    """The files below a folder, as posix paths relative to it, each in one of these.

    Attributes:
        audio: Files with the suffix of a format that can be read.
        left_out: Names of the others by reason.
        linked: How many of the audio files lie in linked folders.
        empty: Folders with no file at all below them.
    """

    audio: tuple[str, ...]
    left_out: dict[str, tuple[str, ...]]
    linked: int
    empty: tuple[str, ...]

    @property
    def count(self) -> int:
        """Number of all files."""
        return len(self.audio) + sum(map(len, self.left_out.values()))


def is_hidden(name: str) -> bool:
    """Whether a file or folder is hidden, or a system's own."""
    return name.startswith(".") or name.lower() in SYSTEM


def suffix(name: str) -> str:
    """The suffix of a file name in lower case, with its dot, or ''."""
    return posixpath.splitext(name)[1].lower()


def reason(name: str, why: str) -> str:
    """Why a recording cannot be used: its format by its suffix, if it is one that cannot be read, or else what was found.

    Args:
        name: Name of the file.
        why: What the reader said.

    Returns:
        A few words.
    """
    kind = suffix(name)
    return f"{kind[1:]} cannot be read, convert it to FLAC" if kind in UNREAD_SUFFIXES and why != "missing" else why


def subfolders(folder: Path) -> list[str]:
    """Names of the folders in a folder that are not hidden, sorted; [] if it cannot be read."""
    try:
        with os.scandir(folder) as found:
            return sorted(e.name for e in found if not is_hidden(e.name) and e.is_dir())
    except OSError:
        return []


def audio_in(folder: Path) -> list[str]:
    """Names of the audio files directly in a folder, sorted; [] if it cannot be read."""
    try:
        return sorted(n for n in os.listdir(folder) if suffix(n) in AUDIO_SUFFIXES and not is_hidden(n))
    except OSError:
        return []


def walk(root: Path) -> Files:
    """Find every file below a folder.

    Linked folders are followed if they lead neither to a folder above the data folder nor to one that was already seen, so no
    file is found twice and no loop is walked. A link to a file is a file.

    Args:
        root: The data folder.

    Returns:
        Its files.
    """
    audio: list[str] = []
    left_out: dict[str, list[str]] = {UNREAD: [], OTHER: [], HIDDEN: [], LINKED: []}
    links: list[tuple[str, bool]] = []
    seen = {_identity(folder) for folder in (root, *root.resolve().parents)}
    counts: dict[str, int] = {}

    def visit(top: str, hidden: bool) -> int:
        """Look through the real folders below `top`, and count the audio files."""
        waiting = [(top, hidden)]
        before = len(audio)
        while waiting:
            below, inside_hidden = waiting.pop()
            counts.setdefault(below, 0)
            try:
                with os.scandir(root / below) as found:
                    entries = sorted(found, key=lambda e: e.name)
            except OSError:
                continue
            folders = []
            for entry in entries:
                name = f"{below}/{entry.name}" if below else entry.name
                skip = inside_hidden or is_hidden(entry.name)
                if entry.is_dir(follow_symlinks=False):
                    identity = _identity(entry)
                    if identity in seen:  # below a link, and already found by another way
                        left_out[LINKED].append(name)
                        continue
                    seen.add(identity)
                    folders.append((name, skip))
                elif entry.is_symlink() and entry.is_dir():
                    links.append((name, skip))
                    counts[below] += 1
                else:
                    counts[below] += 1
                    kind = suffix(entry.name)
                    if skip:
                        left_out[HIDDEN].append(name)
                    elif kind in AUDIO_SUFFIXES:
                        audio.append(name)
                    else:
                        left_out[UNREAD if kind in UNREAD_SUFFIXES else OTHER].append(name)
            waiting += reversed(folders)
        return len(audio) - before

    visit("", False)
    linked = 0
    while links:
        name, hidden = links.pop(0)
        target = _identity(root / name)
        if target in seen:
            left_out[LINKED].append(name)
            continue
        seen.add(target)
        linked += visit(name, hidden)
    filled = {parent for name, n in counts.items() if n for parent in _above(name)}
    empty = [name for name in counts if name not in filled and not any(map(is_hidden, name.split("/")))]
    return Files(
        audio=tuple(sorted(audio)),
        left_out={why: tuple(sorted(names)) for why, names in left_out.items() if names},
        linked=linked,
        empty=tuple(sorted(filter(None, empty))),
    )


def _identity(entry: Path | os.DirEntry[str]) -> tuple[int, int]:
    try:
        found = os.stat(entry)
    except OSError:
        return -1, -1
    return found.st_dev, found.st_ino


def _above(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:k]) for k in range(len(parts) + 1)]
