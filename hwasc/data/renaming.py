"""The user's decisions on names: two that are so alike that they may be one thing are asked about."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping

from hwasc.data.names import clean, shown
from hwasc.errors import DataError, UsageError
from hwasc.suggestion import did_you_mean

PLAIN = re.compile(r"[A-Za-z][\w.-]*")  # what YAML reads as text without quotes; true, no, null are caught below
WORDS = frozenset(("true", "false", "yes", "no", "on", "off", "null", "y", "n"))
# Cyrillic and Greek letters that print as Latin ones
LOOKALIKES = str.maketrans("аесорхуіѕјνο", "aecopxyisjvo")
DASHES = re.compile(r"[\s_\-‐-―−]+")


def settle(names: Iterable[str], rename: Mapping[str, str], where: str) -> dict[str, str]:
    """Rename, and refuse names that are so alike that they may be one thing: upper and lower case, blanks or dashes.

    Args:
        names: Cleaned names of one kind.
        rename: The user's decisions, `data.rename`: what each name is taken as. A name that is taken as itself is left alone.
        where: What they are names of and where, for the message.

    Returns:
        The final name of each.

    Raises:
        DataError: Two names are alike and nothing was decided; it prints the setting for both decisions.
    """
    decided = settled(rename)
    final = {name: decided.get(name, name) for name in names}
    first: dict[str, str] = {}
    for name in sorted({name for raw, name in final.items() if raw not in decided}):
        other = first.setdefault(_likeness(name), name)
        if other != name:
            a, b = shown(other), shown(name)
            raise DataError(
                f"{where}: {a} and {b} are almost the same name; if they are one, add {setting({other: name})}; "
                f"if they are two, add {setting({other: other})}"
            )
    return final


def check_rename(rename: Mapping[str, str], known: Iterable[str]) -> None:
    """Refuse decisions on names that do not occur, such as mistyped ones.

    Args:
        rename: The user's decisions, `data.rename`.
        known: Cleaned names of scenes, locations and devices.

    Raises:
        UsageError: A name does not occur.
    """
    if rename:
        known = set(known)
        unknown = [raw for raw in settled(rename) if raw not in known]
        if unknown:
            guess = did_you_mean(unknown[0], known)
            raise UsageError(f"data.rename: no scene, location or device is called {shown(unknown[0])}{guess}")


def settled(rename: Mapping[str, str]) -> dict[str, str]:
    """The user's decisions with cleaned names."""
    return {clean(raw): clean(name) for raw, name in rename.items()}


def setting(mapping: Mapping[str, str], key: str = "data.rename") -> str:
    """The command-line option that sets a mapping, as a shell takes it.

    Args:
        mapping: The mapping.
        key: Name of the setting.

    Returns:
        E.g. `--set 'data.rename={Kitchen: kitchen}'`.
    """
    inner = ", ".join(f"{_yaml(k)}: {_yaml(v)}" for k, v in mapping.items())
    return "--set " + "'" + f"{key}={{{inner}}}".replace("'", "'\\''") + "'"


def _yaml(text: str) -> str:
    return (
        text
        if PLAIN.fullmatch(text) and text.lower() not in WORDS
        else json.dumps(text, ensure_ascii=not text.isprintable())
    )


def _likeness(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold().translate(LOOKALIKES)
    return DASHES.sub("_", folded)
