"""What the terminal cannot show does not end a command: it is written in another way."""

from __future__ import annotations

import codecs
import sys

AS_ASCII = {"–": "-", "—": "-", "−": "-", "±": "+/-", "×": "x", "·": "-", "…": "...", "≤": "<=", "≥": ">=", "→": "->",
            "‘": "'", "’": "'", "“": '"', "”": '"', "µ": "u", "°": " deg"}  # fmt: skip
ERRORS = "hwasc.readable"


def accept_every_character() -> None:
    """Let standard output and standard error take any text, whatever their encoding: ASCII, Latin-1, a code page, UTF-8.

    Signs have their usual form in ASCII: +/- for the plus-minus sign. Others, and bytes of file names that are no UTF-8, are
    written as Python escapes, e.g. a byte 0xff as \\udcff.
    """
    codecs.register_error(ERRORS, _readable)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # not where a test or an application has put its own object
            stream.reconfigure(errors=ERRORS)


def _readable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(AS_ASCII.get(c) or c.encode("ascii", "backslashreplace").decode() for c in text), error.end
