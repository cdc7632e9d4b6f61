"""Processes that `torchrun` started, on one machine or several: the first runs the command, the others train with it.

Only the first opens data, writes files and prints. For every training it passes a function and its arguments to the others
(pickled, between processes of one command). They read features from the same cache folder. A process group exists only during a
training: at other times no collective operation, Brevitas' own included, can wait for processes that do something else.
"""

from __future__ import annotations

import os
import pickle
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist

from hwasc.errors import HwascError
from hwasc.parallel.device import configure_process
from hwasc.parallel.parent_watch import end_with_parent

GRACE = 10.0  # s; the first process reports an error that it meets too, then torchrun ends this one
TIMEOUT = timedelta(days=30)  # the others wait while the first extracts features; torchrun ends them if it dies


@dataclass
class _Ranks:
    store: Any
    rank: int
    world: int
    trainings: int = 0

    def key(self) -> str:
        return f"hwasc{self.trainings}"


_ranks: _Ranks | None = None


def world_size() -> int:
    """Return the number of processes that train together."""
    return _ranks.world if _ranks else 1


@contextmanager
def init_ranks() -> Iterator[bool]:
    """Join torchrun's processes. Of several GPUs each process takes its own.

    Yields:
        Whether this process is the first.
    """
    global _ranks
    if "TORCHELASTIC_RUN_ID" in os.environ:  # started by hand, a process may well outlive its shell
        end_with_parent(None, os.getppid())
    store, rank, world = next(iter(dist.rendezvous("env://")))
    store.set_timeout(TIMEOUT)
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
    _ranks = _Ranks(store, rank, world)
    try:
        yield rank == 0
        if rank == 0:  # left out after an error, when the others may be in the middle of a step: torchrun ends them
            store.set(_ranks.key(), pickle.dumps(None))
            store.wait([f"left{other}" for other in range(1, world)])
        else:
            store.set(f"left{rank}", b"")
    finally:
        _ranks = None


@contextmanager
def run_on_all_ranks(function: Callable[..., Any], *args: Any) -> Iterator[None]:
    """Train in this block while all other processes run a function. A single process runs only the block.

    Args:
        function: A top-level function of a module, which does the same training.
        *args: Its arguments, picklable.

    Yields:
        None.
    """
    if _ranks is None:
        yield
        return
    _ranks.store.set(_ranks.key(), pickle.dumps((function, args)))
    with _group(_ranks):
        yield


def worker_loop() -> None:
    """Run the functions that the first process passes on, until it ends."""
    assert _ranks is not None
    configure_process()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the first
    while (job := pickle.loads(_ranks.store.get(_ranks.key()))) is not None:
        function, args = job
        try:
            with _group(_ranks):
                function(*args)
        except HwascError:
            time.sleep(GRACE)
            raise


@contextmanager
def _group(ranks: _Ranks) -> Iterator[None]:
    """The process group of one training; NCCL between GPUs."""
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    store = dist.PrefixStore(ranks.key(), ranks.store)
    dist.init_process_group(backend, store=store, rank=ranks.rank, world_size=ranks.world, timeout=TIMEOUT)
    try:
        yield
    finally:
        dist.destroy_process_group()
        ranks.trainings += 1
