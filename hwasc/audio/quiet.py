"""Keeping the lines of libsndfile's MP3 decoder from the terminal."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

# How the lines of libmpg123 begin. All else that is written to standard error meanwhile is passed on.
MPG123 = re.compile(
    rb"^(?:\[[^\]\n]*libmpg123[^\n]*|(?:Note|Warning|Error):[^\n]*"
    rb"(?:MPEG|Xing|resync|Skipped|[Ff]rame|ID3|stream|header|bitrate|[Ii]nfo)[^\n]*|)\r?\n",
    re.MULTILINE,
)
_lock = threading.Lock()  # standard error is one for all threads


@contextmanager
def quiet() -> Iterator[None]:
    """Keep libmpg123's lines from standard error; what else is written there meanwhile follows at the end.

    libmpg123 writes to the process' file descriptor, and libsndfile gives no way to stop it. One thread at a time:
    others that want to decode MP3 wait for milliseconds.
    """
    with _lock:
        try:
            sys.stderr.flush()
            caught = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - it is closed below
            before = os.dup(2)
        except (OSError, ValueError, AttributeError):  # there is no standard error
            yield
            return
        with caught:
            os.dup2(caught.fileno(), 2)
            try:
                yield
            finally:
                with suppress(OSError, ValueError, AttributeError):
                    sys.stderr.flush()
                os.dup2(before, 2)
                os.close(before)
                _pass_on(caught)


def _pass_on(caught: Any) -> None:
    if caught.seek(0, os.SEEK_END):
        caught.seek(0)
        rest = MPG123.sub(b"", caught.read())
        with suppress(OSError, ValueError, AttributeError):
            while rest:
                rest = rest[os.write(2, rest) :]
