"""Names of scenes, locations and devices: cleaned, so that what looks alike is alike.

File names keep their bytes. Everything else that is read from folders and lists is a name that people typed: `kitchen ` and
`kitchen` are one scene.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

SHOWN = 3  # changed names in a note


def clean(name: str) -> str:
    """Normalise a name: composed characters (NFC), single blanks, none at its ends, no invisible characters."""
    if name.isascii() and name.isprintable():
        return " ".join(name.split()) if "  " in name else name.strip()
    composed = unicodedata.normalize("NFC", name)
    visible = (c for c in composed if c.isspace() or unicodedata.category(c) not in ("Cc", "Cf"))
    return " ".join("".join(visible).split())


def note(changed: Mapping[str, str]) -> str:
    """A line that says which names are taken as others, or '' if none is.

    Args:
        changed: Cleaned names by the names that were found.
    """
    pairs = [f"{shown(raw)} is taken as {shown(name)}" for raw, name in sorted(changed.items()) if raw != name]
    more = f", and {len(pairs) - SHOWN:,} more names likewise" if len(pairs) > SHOWN else ""
    return ", ".join(pairs[:SHOWN]) + more


def shown(name: str) -> str:
    """A name in quotes; what cannot be seen is escaped, and a composed letter is told from a decomposed one."""
    marked = "".join(
        c if c == " " or (c.isprintable() and not unicodedata.combining(c)) else ascii(c)[1:-1] for c in name
    )
    return f"'{marked}'"
