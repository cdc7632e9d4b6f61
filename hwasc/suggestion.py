"""The known name that a mistyped one probably means, for error messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str], *, cutoff: float = 0.5) -> str:
    """Suggest the known name that is most like an unknown one.

    Args:
        name: What the user wrote.
        known: The names that exist.
        cutoff: Least likeness of a suggestion, 0 to 1 (`difflib.SequenceMatcher.ratio`).

    Returns:
        `, did you mean 'NAME'?` to append to a message; empty where no known name is alike.
    """
    nearest = difflib.get_close_matches(name, list(known), 1, cutoff)
    return f", did you mean '{nearest[0]}'?" if nearest else ""
