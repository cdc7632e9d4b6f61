"""Where and in what precision to compute, chosen by capability, and how a process is set up for it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator

import torch

from hwasc.errors import UsageError

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # glibc's malloc.h
KEPT = 2**30  # bytes; larger blocks are mapped, and given back, on their own


def pick_device(name: str = "auto") -> torch.device:
    """`auto` takes CUDA, then Apple's MPS, then the CPU; a name is taken as it is. UsageError where it is not there."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as e:
        raise UsageError(f"--device {name}: not available here ({str(e).splitlines()[0]})") from None
    return device


def precision(kind: str, capability: tuple[int, int] | None = None) -> torch.dtype:
    """What a kind of device (`cpu`, `cuda`, ...) trains in: bfloat16 on NVIDIA GPUs of compute capability 8.0 (Ampere) and up,
    which multiply it natively; float32 elsewhere.

    Without native support bfloat16 is emulated (on a CPU tens of times slower); float16 would need loss scaling.
    """
    return torch.bfloat16 if kind == "cuda" and capability is not None and capability >= (8, 0) else torch.float32


@contextlib.contextmanager
def mixed_precision(device: torch.device, exact: bool = False) -> Iterator[None]:
    """Autocast as `precision` says. exact: never, for int8 numbers, which bfloat16's eight bits cannot hold apart."""
    of_a_gpu = device.type == "cuda" and torch.version.cuda is not None  # ROCm counts its devices otherwise
    capability = torch.cuda.get_device_capability(device) if of_a_gpu and not exact else None
    if (kind := precision(device.type, capability)) == torch.float32:
        yield
    else:
        with torch.autocast(device.type, kind):
            yield


def settle_process() -> None:
    """Make this process fit for small nets on a CPU: one OpenMP thread, and freed memory stays with the process.

    These nets are too small for more threads, and spinning ones slow other processes down. Their maps are large enough that
    glibc maps fresh pages for each and gives them back, so that a third of a training step would be page faults.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    torch.set_num_threads(1)
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "gnu_get_libc_version"):
        libc.mallopt(M_MMAP_THRESHOLD, KEPT)
        libc.mallopt(M_TRIM_THRESHOLD, KEPT)
