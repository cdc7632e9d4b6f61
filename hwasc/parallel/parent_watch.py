"""The end of a child process with its parent: one way for all children. Python's own modules only; it is also run by its path."""

from __future__ import annotations

import os
import select
import signal
import threading

AT_ONCE = "__watch__"  # the name by which this file is run in a child that knows nothing else yet
EVERY = 500  # ms between two looks at the parent's number


def end_with_parent(pipe: int | None, parent: int) -> None:
    """End this process within a second after its parent, however that ends: a parent that is killed cannot end its children.

    The system sends a signal when the parent's end of a pipe closes. It ends the process at once, also amid a computation
    that lets no other thread run. Where a pipe sends no signal, or a process of somebody else holds its other end, a thread
    looks after the parent. As each child does so, grandchildren end too.

    Args:
        pipe: File descriptor of the reading end of a pipe that the parent alone writes to, and never does; None: there is none.
        parent: The parent's process number.
    """
    if not hasattr(select, "poll"):  # Windows, where a child finds its standard input closed
        return
    if pipe is not None:
        _ask_for_signal(pipe)
    threading.Thread(target=_look, args=(pipe, parent), daemon=True).start()


def _ask_for_signal(pipe: int) -> None:
    try:
        import fcntl

        signal.signal(signal.SIGIO, signal.SIG_DFL)  # ends the process
        fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)
    except (ImportError, AttributeError, OSError, ValueError):  # no such system; not the main thread
        return
    poll = select.poll()
    poll.register(pipe, 0)
    if poll.poll(0):  # the parent ended before: a pipe that is closed already sends no signal
        os._exit(1)


def wait_for_end(pipe: int | None, parent: int) -> None:
    """Return when the parent has ended.

    Args:
        pipe: As for `end_with_parent`.
        parent: The parent's process number.
    """
    poll = select.poll()
    if pipe is not None:
        poll.register(pipe, 0)  # only its end is of interest
    try:
        process = os.pidfd_open(parent) if hasattr(os, "pidfd_open") else None
    except ProcessLookupError:
        return
    except OSError:  # an old Linux
        process = None
    if process is not None:
        poll.register(process, select.POLLIN)
    while (process is not None or os.getppid() == parent) and not poll.poll(EVERY):
        pass


def sees_any_process() -> bool:
    """Whether this system tells the end of any process: one forked from a server watches the process that asked for it."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return True


def _look(pipe: int | None, parent: int) -> None:
    wait_for_end(pipe, parent)
    os._exit(1)


if __name__ == AT_ONCE:
    os.environ.clear()  # a process that was forked from a server has that one's
    os.environ.update(globals()["ENVIRONMENT"])
    end_with_parent(None, globals()["PARENT"])
