"""Names and paths: a bundled budget or search space by its name, or a file of one's own, from any working directory."""

from __future__ import annotations

from pathlib import Path

from hwasc.errors import UsageError
from hwasc.suggestion import did_you_mean

_PACKAGE = Path(__file__).resolve().parents[1]


def folder(kind: str) -> Path:
    """Where `budgets` or `search_spaces` lie: inside the installed package, or beside it in a checkout."""
    inside = _PACKAGE / "bundled" / kind
    return inside if inside.is_dir() else _PACKAGE.parent / kind


def names(kind: str) -> list[str]:
    """The bundled names of a kind."""
    return sorted(p.stem for p in folder(kind).glob("*.yaml"))


def find(kind: str, name_or_path: str | Path) -> Path:
    """The file that a name (`dcase2024`), a bundled path (`budgets/dcase2024.yaml`) or a path of one's own stands for."""
    path = Path(name_or_path)
    if path.is_file():
        return path
    known = names(kind)
    name = path.stem if path.suffix in (".yaml", ".yml") else str(name_or_path)
    looks_bundled = len(path.parts) == 1 or path.parent.name == kind
    if looks_bundled and name in known:
        return folder(kind) / f"{name}.yaml"
    what = kind.removesuffix("s").replace("_", " ")
    hint = did_you_mean(name, known)
    raise UsageError(f"'{name_or_path}' is neither a file nor a bundled {what}{hint} (bundled: {', '.join(known)})")
