"""An exported folder is code: it is run only where hwasc would write the same bytes for the student in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hwasc.deploy.export_folders import read_record
from hwasc.deploy.exporters import read_options
from hwasc.deploy.firmware import folder
from hwasc.deploy.weight_files import WeightFile, open_weights
from hwasc.errors import DataError, HwascError
from hwasc.records import training_clips
from hwasc.records.bounded import MIB, read_bytes

SOURCE_BYTES = 512 * MIB  # of one file


def verified(model: Path) -> tuple[Mapping[str, bytes], WeightFile]:
    """Make the files of a folder again, and compare what is compiled of them.

    Args:
        model: The folder.

    Returns:
        The sources by path, and the student.

    Raises:
        DataError: The folder is no export, its sources are not those that this version of hwasc writes for its student, or
            there are others.
    """
    about = read_record(model, folder.ABOUT, "c")
    if not isinstance(about.get("options"), dict):
        raise DataError(f"{model / folder.ABOUT}: has no options of the export; export again")
    opened = open_weights(model / folder.WEIGHTS)
    if opened.numbers != "int8":
        raise DataError(f"{model}: its {folder.WEIGHTS} is no int8 student; export again")
    try:
        options = read_options("c", about["options"])
        clips = training_clips.read_metadata(opened.metadata, model)
        made = folder.to_files(opened.student, opened.classes, options, clips=clips)
    except (HwascError, TypeError) as e:
        raise DataError(f"{model}: cannot be made again from its {folder.WEIGHTS} ({e}); export again") from None
    sources = {name: content for name, content in made.items() if name.startswith("src/")}
    for path in sorted((model / "src").rglob("*")):
        name = path.relative_to(model).as_posix()
        if name not in sources:
            raise DataError(f"{model}: holds {name}, which is no part of the export; nothing of it is run")
    for name, content in sources.items():
        try:
            same = read_bytes(model / name, "C source", SOURCE_BYTES) == content
        except HwascError as e:
            raise DataError(f"{e}; export again") from None
        if not same:
            raise DataError(
                f"{model}: {name} is not what this version of hwasc writes for its student (the folder is of hwasc "
                f"{str(about.get('hwasc'))[:20]}), so nothing of it is run; export again"
            )
    return sources, opened
