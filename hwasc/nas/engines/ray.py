"""Engine `ray`: tasks of a Ray cluster, run again where a worker or a node dies.

Features and supernet weights do not travel: every node maps the files of the same cache folder. What candidates with one front
end share (clip lists, ensemble targets) is put into Ray's object store once and kept by each worker process.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import os
import pickle
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any

import hwasc
from hwasc.errors import HwascError, UsageError
from hwasc.nas import proxies
from hwasc.nas.engines.sharing import Shared, key, shared, with_shared, without_shared
from hwasc.nas.job import Candidate, Score
from hwasc.parallel.children import start_python
from hwasc.parallel.device import configure_process
from hwasc.parallel.module_path import clean_environment, path_for_children
from hwasc.records.leftovers import temporary_folder


@contextlib.contextmanager
def _same_sigterm() -> Iterator[None]:
    """Set the handler of SIGTERM again: Ray sets its own when it is imported and when it starts, which ends the process."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, before)


try:
    with _same_sigterm():
        import ray
        from ray._private import ray_constants
        from ray.exceptions import RayError, RayTaskError
        from ray.job_config import JobConfig
except ModuleNotFoundError:
    raise UsageError("--engine ray: Ray is not installed; pip install 'hwasc[ray]'") from None

REACH_SECONDS = 10.0
RETRIES = 5  # of a trial whose worker or node died
GPU_SHARE = 0.25  # of a GPU for a trial: these nets leave most of one idle
LEASE_SECONDS = 60  # that a worker is kept while trials wait; by Ray's 0.5 s every trial would wait for one anew
SOCKET_ROOM = 20  # a socket's path has about 105 characters; Ray's part below the temporary folder takes 85
CLEAR_UP = """
import psutil, shutil
for number, started in json.loads(sys.argv[1]).items():
    try:
        process = psutil.Process(int(number))
        if abs(process.create_time() - started) < 1:  # the number is not another's by now
            process.kill()
    except psutil.Error:
        pass
shutil.rmtree(sys.argv[2], ignore_errors=True)
"""


class _JobConfig(JobConfig):  # type: ignore[misc]
    """Ray puts the current folder first on its workers' module path. It comes there only if it is on this process's own."""

    def _serialize(self) -> str:
        self._py_driver_sys_path = [p for p in self._py_driver_sys_path if p in path_for_children()]
        serialized: str = super()._serialize()
        return serialized


class RayEngine:
    """Scores by tasks: one CPU each, and a share of a GPU where the candidate's device is one. Ctrl-C ends what runs, at once.

    Without an address Ray is started on this machine for the `with` block, with so many CPUs; it listens on 127.0.0.1 alone.
    To let other machines take part, start Ray there and here with `ray start`, and give its address.
    """

    def __init__(self, workers: int = 1, address: str | None = None) -> None:
        """Check that the engine can be used.

        Args:
            workers: CPUs of this machine, without an address.
            address: HOST:PORT of a running cluster, or `auto`.

        Raises:
            UsageError: The address is no HOST:PORT.
            HwascError: Nothing answers there.
        """
        self.workers, self.address = workers, address
        if address is not None and address != "auto":
            _reach(address)
        self._stack = contextlib.ExitStack()
        self._shared: dict[tuple[int, ...], tuple[Shared, ray.ObjectRef]] = {}

    def __enter__(self) -> RayEngine:
        self._stack.enter_context(_cluster(self.workers, self.address))
        self._task = ray.remote(_score)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        self._shared.clear()
        return self._stack.__exit__(kind, error, trace)

    def submit(self, candidate: Candidate, seed: int) -> Future[Score]:
        """See `Engine`. The future fails with HwascError if the cluster gives up on the trial."""
        gpu = candidate.device.startswith("cuda")
        part = self._put(shared(candidate))
        job = without_shared(candidate, seed=seed, device="cuda" if gpu else candidate.device)
        task = self._task.options(num_cpus=1, num_gpus=GPU_SHARE if gpu else None, max_retries=RETRIES)
        score: Future[Score] = Future()
        task.remote(job, [part], hwasc.__version__).future().add_done_callback(functools.partial(_tell, score))
        return score

    def _put(self, part: Shared) -> ray.ObjectRef:
        if key(part) not in self._shared:  # which keeps the parts too, so that their keys stay theirs
            self._shared[key(part)] = part, ray.put(pickle.dumps(part, pickle.HIGHEST_PROTOCOL))
        return self._shared[key(part)][1]


@contextlib.contextmanager
def _cluster(workers: int, address: str | None) -> Iterator[None]:
    if ray.is_initialized():
        raise UsageError("Ray is in use in this process already: call ray.shutdown() first")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # nothing is reported to anyone
    os.environ.setdefault("RAY_worker_lease_timeout_milliseconds", str(1000 * LEASE_SECONDS))
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL, "configure_logging": True}
    clean_environment()  # Ray's processes read PYTHONPATH
    options: dict[str, Any] = {"job_config": _JobConfig(), **quiet}
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.redirect_stdout(sys.stderr))  # Ray's messages about dead workers are no result
        if address is None:
            folder = stack.enter_context(temporary_folder("hwasc-ray-", _short_parent()))
            stack.enter_context(_on_this_machine_only())
            stack.callback(ray.shutdown)
            with _same_sigterm():
                ray.init("local", num_cpus=workers, include_dashboard=False, _temp_dir=str(folder), **options)
            stack.enter_context(_cleared_up(folder))
        else:
            stack.callback(ray.shutdown)
            with _same_sigterm():
                _connect(address, options)
        yield


@contextlib.contextmanager
def _cleared_up(folder: Path) -> Iterator[None]:
    """Have a small process clear up if this one is killed: Ray's agents would go on for minutes, trying to report its end."""
    if os.name != "posix":
        yield
        return
    import psutil  # which Ray brings

    started = {str(p.pid): p.create_time() for p in psutil.Process().children(recursive=True)}
    guard = start_python(
        CLEAR_UP,
        json.dumps(started),
        str(folder),
        path=path_for_children(),
        after_end=True,
        start_new_session=True,  # Ctrl-C and the end of the terminal are not for it
    )
    try:
        yield
    finally:
        guard.kill()
        guard.wait()


@contextlib.contextmanager
def _on_this_machine_only() -> Iterator[None]:
    """Let Ray listen on 127.0.0.1 alone: what reaches its ports can have any code run.

    Ray does so on Windows and macOS by itself, and replaces 127.0.0.1 by an address of the network where it is told so.
    """
    listens_to_network = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = listens_to_network


def _reach(address: str) -> None:
    """HwascError where nothing listens: Ray itself would go on trying for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise UsageError(f"--address {address}: expected HOST:PORT or 'auto'")
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACH_SECONDS).close()
    except (OSError, OverflowError) as e:
        raise HwascError(
            f"--address {address}: no Ray cluster answers ({e}); start one with: ray start --head"
        ) from None


def _connect(address: str, options: dict[str, Any]) -> None:
    try:
        ray.init(address, **options)
    except (RayError, ConnectionError, RuntimeError, ValueError) as e:
        why = str(e).strip().splitlines()[0] if str(e).strip() else type(e).__name__
        raise HwascError(
            f"--address {address}: no Ray cluster can be joined there ({why}); start one with: ray start --head"
        ) from None


def _short_parent() -> Path:
    usual = tempfile.gettempdir()
    return Path(usual if len(usual) <= SOCKET_ROOM else "/tmp")


def _score(job: Candidate, parts: list[ray.ObjectRef], version: str) -> Score:
    """The task. parts: as a list, so that this function and not Ray unpacks it, and can say what is missing."""
    if version != hwasc.__version__:
        raise HwascError(
            f"node {socket.gethostname()} has hwasc {hwasc.__version__}, the search {version}: install one"
        )
    configure_process()
    return proxies.score(with_shared(job, _shared(parts[0])))


@functools.lru_cache(maxsize=8)  # front ends of a space
def _shared(reference: ray.ObjectRef) -> Shared:
    try:
        part: Shared = pickle.loads(ray.get(reference))
    except FileNotFoundError as e:
        raise HwascError(
            f"node {socket.gethostname()} does not see {e.filename}: all nodes need the same --cache folder, at the same path"
        ) from None
    return part


def _tell(score: Future[Score], task: Future[Any]) -> None:
    """Hand a task's end on: its own exception without Ray's wrapping, Ray's as a line."""
    error = task.exception()
    if error is None:
        score.set_result(task.result())
    elif isinstance(error, RayTaskError) and isinstance(error.cause, Exception):
        score.set_exception(error.cause)
    elif isinstance(error, RayError):
        first = str(error).strip().splitlines()[0]
        score.set_exception(HwascError(f"Ray gave up on a trial: {first}; the same command goes on"))
    else:
        score.set_exception(error)
