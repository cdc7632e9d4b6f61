"""SIGTERM ends a command as Ctrl-C does: unfinished files and folders go, and child processes end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

TERMINATED = 128 + signal.SIGTERM  # the exit status that a shell shows for it


class Terminated(BaseException):
    """The process was asked to end. Like KeyboardInterrupt it is no Exception: only what clears up and raises on catches it."""


@contextmanager
def clears_up() -> Iterator[None]:
    """Raise `Terminated` in this block when SIGTERM comes; further ones do not disturb the clearing up.

    A handler that an application has set stays, and so does a signal that is ignored. Only a main thread can set one.
    """
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _raise)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _raise(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Terminated
