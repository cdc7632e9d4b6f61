"""What a layout is: how a data set lies in its folder, and the recordings that are read from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from hwasc.data import walking
from hwasc.records.data_settings import DataSettings

UNKNOWN_DEVICE = "unknown"
TRAIN, VALIDATION, TEST = "train", "validation", "test"
LOOSE = "loose, in no scene's folder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A file of a data folder.

    Attributes:
        name: Posix path below the data folder.
        scene: Name of the class.
        location: Where it was recorded.
        device: The recording device.
        part: Official part: train, validation or test; '' if there is none.
        fold: Official fold; '' if there is none.
    """

    name: str
    scene: str
    location: str
    device: str = UNKNOWN_DEVICE
    part: str = ""
    fold: str = ""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How the user wants a folder to be read; the settings of the same names in `data`.

    Attributes:
        layout: Name of a layout, or `auto`.
        table: The table of the recordings, a path in the data folder; None: meta.csv.
        columns: Names of its columns, by what they hold.
        rename: Final names of scenes, locations and devices.
    """

    layout: str = "auto"
    table: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    rename: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: DataSettings) -> Options:
        """What the settings say of it."""
        columns = {str(column): name for column, name in settings.columns.items()}
        return cls(layout=settings.layout, table=settings.table, columns=columns, rename=settings.rename)


@dataclass(frozen=True)
class Folder:
    """A data folder.

    Attributes:
        root: Its path.
        options: How the user wants it to be read.
    """

    root: Path
    options: Options = field(default_factory=Options)

    @cached_property
    def files(self) -> walking.Files:
        """All files below it, found when they are first asked for."""
        return walking.walk(self.root)

    @cached_property
    def seconds(self) -> frozenset[str]:
        """Folders at the second level with audio at any depth, as `first/second`."""
        return frozenset("/".join(name.split("/", 2)[:2]) for name in self.files.audio if name.count("/") > 1)


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The recordings of a folder, as its layout names them.

    Attributes:
        recordings: The recordings. Files of a table may be missing.
        typed: Whether people typed the locations; they are not names of files or other machine-made names.
        excluded: Why audio files are not among the recordings, by name; for others `otherwise` says it.
        otherwise: Why the other audio files are not.
        table: The file that names the recordings, relative to the folder; '' if folders do.
        lists: Other files that were read.
        notes: Lines for the user.
        faults: Scenes that would vanish, and other reasons why the folder cannot be used as it is.
    """

    recordings: tuple[Recording, ...]
    typed: bool = False
    excluded: Mapping[str, str] = field(default_factory=dict)
    otherwise: str = LOOSE
    table: str = ""
    lists: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How a well-known data set, or a kind of folder, lies on the disk.

    Attributes:
        name: Value of the setting `data.layout`.
        title: Name of the data set, or of the kind of folder.
        recognise: Whether a folder is laid out so. It looks at names alone, and opens no audio.
        read: Lists the recordings of a folder. It raises DataError if a list is broken or files contradict it.
    """

    name: str
    title: str
    recognise: Callable[[Folder], bool]
    read: Callable[[Folder], Listing]
