"""Bundled budgets and search spaces by name, and the user's own files by path."""

from __future__ import annotations

from pathlib import Path

from hwasc.errors import UsageError
from hwasc.suggestion import did_you_mean

_PACKAGE = Path(__file__).resolve().parents[1]


def folder(kind: str) -> Path:
    """The folder of `budgets` or `search_spaces`: inside the installed package, or beside it in a checkout."""
    inside = _PACKAGE / "bundled" / kind
    return inside if inside.is_dir() else _PACKAGE.parent / kind


def names(kind: str) -> list[str]:
    """The names of the bundled files of a kind, `budgets` or `search_spaces`."""
    return sorted(p.stem for p in folder(kind).glob("*.yaml"))


def find(kind: str, name_or_path: str | Path) -> Path:
    """Find the file of a name or a path.

    Args:
        kind: `budgets` or `search_spaces`.
        name_or_path: A bundled name (`dcase2024`), a bundled path (`budgets/dcase2024.yaml`), or the path of a file.

    Returns:
        The file.

    Raises:
        UsageError: There is no such file; it suggests the nearest name.
    """
    path = Path(name_or_path)
    if path.is_file():
        return path
    known = names(kind)
    name = path.stem if path.suffix in (".yaml", ".yml") else str(name_or_path)
    looks_bundled = len(path.parts) == 1 or path.parent.name == kind
    if looks_bundled and name in known:
        return folder(kind) / f"{name}.yaml"
    what = kind.removesuffix("s").replace("_", " ")
    suggestion = did_you_mean(name, known)
    raise UsageError(
        f"'{name_or_path}' is neither a file nor a bundled {what}{suggestion} (bundled: {', '.join(known)})"
    )
