"""Settings files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hwasc.errors import UsageError
from hwasc.records.schema import write_whole
from hwasc.records.settings import Settings


def init(path: str | Path = "hwasc.yaml", settings: Settings | Mapping[str, Any] | None = None) -> Path:
    """Write a settings file in which every setting is explained; defaults are commented out.

    Args:
        path: The new file, for `hwasc.open(settings=...)` and `--config`.
        settings: What is in force in it: the whole tree, or a mapping of what differs from the defaults.

    Returns:
        The file.

    Raises:
        UsageError: The file exists, or a setting is wrong.

    Example:
        >>> hwasc.init("mine.yaml", {"data.seconds": 2.0})  # doctest: +SKIP
    """
    from hwasc.records.settings_text import settings_text

    path = Path(path)
    whole = settings if isinstance(settings, Settings) else Settings.load(settings)
    if path.exists():
        raise UsageError(f"{path}: exists; name another file, or delete this one")
    write_whole(path, settings_text(whole))
    return path
