"""Child processes in Python: each starts without the current folder on its module path, and ends with this process."""

from __future__ import annotations

import json
import os
import runpy
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import connection, context, resource_tracker, spawn, util
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any

from hwasc.parallel import parent_watch
from hwasc.parallel.module_path import path_for_children

# `-I` takes the current folder and PYTHONPATH off the path on every version of Python. What is needed comes as an argument.
START = """
import json, sys
start = json.loads(sys.argv.pop(1))
if start["path"] is not None:
    sys.path[:] = start["path"]
import runpy
runpy.run_path(start["watch"])[start["first"]](start["pipe"], start["parent"])
"""
RUN_MODULE = "runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"
PIPES: dict[str, Any] = {
    **dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE),
    **{"text": True, "encoding": "utf-8", "errors": "replace"},
}

_launching = threading.Lock()


def start_python(
    code: str, *arguments: str, path: Sequence[str] | None = None, after_end: bool = False, **options: Any
) -> subprocess.Popen[Any]:
    """Start a Python program as a child, which ends with this process.

    Args:
        code: The program. `runpy` and `sys` are imported.
        *arguments: Its command line, `sys.argv[1:]`.
        path: Its module path; None: Python's own, without PYTHONPATH.
        after_end: The program begins when this process has ended, to clear up after it. Not on Windows.
        **options: For `subprocess.Popen`.

    Returns:
        The process. When this object goes, the process takes it for the end of this one.
    """
    reading, writing = os.pipe() if os.name == "posix" else (None, None)
    first = (parent_watch.wait_for_end if after_end else parent_watch.end_with_parent).__name__
    start = {"path": path, "watch": parent_watch.__file__, "first": first, "pipe": reading, "parent": os.getpid()}
    flags = ("-I", "-X", f"utf8={sys.flags.utf8_mode}")
    command = [sys.executable, *flags, "-c", START + code, json.dumps(start), *arguments]
    try:
        child = subprocess.Popen(command, pass_fds=() if reading is None else (reading,), **options)
    except BaseException:
        if writing is not None:
            os.close(writing)
        raise
    finally:
        if reading is not None:
            os.close(reading)
    if writing is not None:
        weakref.finalize(child, os.close, writing)
    return child


def start_module(module: str, *arguments: str, **options: Any) -> subprocess.Popen[Any]:
    """Start a module as a child, as `python -m` does.

    Args:
        module: Its dotted name.
        *arguments: Its command line.
        **options: For `subprocess.Popen`.

    Returns:
        The process, see `start_python`.
    """
    return start_python(RUN_MODULE, module, *arguments, path=path_for_children(), **options)


def finish(child: subprocess.Popen[str], text: str = "", timeout: float | None = None) -> tuple[str, str]:
    """Wait for the end of a child.

    Args:
        child: A process with pipes in text mode.
        text: What it reads from its standard input.
        timeout: Seconds until it is ended.

    Returns:
        What it wrote to its standard output and its standard error.

    Raises:
        TimeoutExpired: It was ended.
    """
    with child:
        try:
            return child.communicate(text, timeout)
        except BaseException:
            child.kill()
            raise


class _Beginning:
    """Unpickled before all else: the main module and the child's own are imported next, which may take seconds."""

    def __reduce__(self) -> tuple[Any, ...]:  # by its path, as the child does not know yet where hwasc lies
        settings = {"PARENT": os.getpid(), "ENVIRONMENT": dict(os.environ)}
        return runpy.run_path, (parent_watch.__file__, settings, parent_watch.AT_ONCE)


class _EndsWithParent:
    """What both kinds of processes have in common: they end with their parent, which handles Ctrl-C."""

    def _bootstrap(self, parent_sentinel: int | None = None) -> Any:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends its workers
        if parent_sentinel is not None and os.name == "posix":
            parent_watch.end_with_parent(parent_sentinel, self._parent_pid)  # type: ignore[attr-defined]
        elif parent_sentinel is not None:
            threading.Thread(target=_end_after, args=(parent_sentinel,), daemon=True).start()
        return super()._bootstrap(parent_sentinel)  # type: ignore[misc]


class _Spawned(_EndsWithParent, SpawnProcess):
    @staticmethod
    def _Popen(process_obj: Any) -> Any:
        with _isolated():
            return SpawnProcess._Popen(process_obj)  # type: ignore[attr-defined]


class _SpawnContext(SpawnContext):
    Process = _Spawned  # type: ignore[assignment]


if hasattr(context, "ForkServerContext"):

    class _Forked(_EndsWithParent, context.ForkServerProcess):
        @staticmethod
        def _Popen(process_obj: Any) -> Any:
            with _isolated():
                return context.ForkServerProcess._Popen(process_obj)  # type: ignore[attr-defined]

    class _ForkServerContext(context.ForkServerContext):
        Process = _Forked  # type: ignore[assignment]


def process_context() -> SpawnContext | context.ForkServerContext:
    """The context for processes of `multiprocessing` and `concurrent.futures`, without the current folder on their path.

    On Linux they are forked from a server that has imported torch, which would take two seconds a process, and does nothing
    else. A fork of this process may inherit locks of the numeric libraries' threads. Elsewhere processes are spawned, as other
    systems' libraries do not bear a fork.

    Returns:
        The context.
    """
    if os.name == "posix":
        with _isolated():
            resource_tracker.ensure_running()  # a process of its own, which locks and queues need
    if sys.platform == "linux" and parent_watch.sees_any_process():
        forked = _ForkServerContext()
        forked.set_forkserver_preload(["torch"])
        return forked
    return _SpawnContext()


def _end_after(parent_sentinel: int) -> None:
    connection.wait([parent_sentinel])
    os._exit(1)


@contextmanager
def _isolated() -> Iterator[None]:
    """Let `multiprocessing` start Python with `-I`; it has no option for that.

    Its children would look for modules in the current folder until they have received this process's module path.
    """

    def isolated_flags() -> list[str]:
        return [*flags(), "-I", "-X", f"utf8={sys.flags.utf8_mode}"]  # PYTHONUTF8 counts no more

    def preparation_data(name: str) -> dict[str, Any]:
        return {"beginning": _Beginning(), **data(name), "sys_path": path_for_children()}

    with _launching:
        flags, data = util._args_from_interpreter_flags, spawn.get_preparation_data  # type: ignore[attr-defined]
        util._args_from_interpreter_flags, spawn.get_preparation_data = isolated_flags, preparation_data  # type: ignore
        try:
            yield
        finally:
            util._args_from_interpreter_flags, spawn.get_preparation_data = flags, data  # type: ignore
