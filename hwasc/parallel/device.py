"""Choice of device and precision, and the set-up of a process for small nets."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator

import torch

from hwasc.errors import UsageError

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # glibc's malloc.h
MMAP_THRESHOLD = 2**30  # bytes; glibc maps only larger blocks, and gives them back to the system, one by one


def pick_device(name: str = "auto") -> torch.device:
    """Choose a device.

    Args:
        name: A torch device such as `cuda:1`; `auto` takes CUDA, else Apple's MPS, else the CPU.

    Returns:
        The device.

    Raises:
        UsageError: The device is not available.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(f"--device {name}: there is no such device (known: auto, cpu, cuda, cuda:1, mps)") from None
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as e:
        have = ", ".join(["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))])
        raise UsageError(
            f"--device {name}: not available here ({str(e).splitlines()[0]}); this machine has {have}"
        ) from None
    return device


def precision(kind: str, capability: tuple[int, int] | None = None) -> torch.dtype:
    """Choose the precision of training.

    NVIDIA GPUs of compute capability 8.0 (Ampere) and up multiply bfloat16 natively. Elsewhere it is emulated (on a CPU tens of
    times slower), and float16 would need loss scaling.

    Args:
        kind: Kind of device: `cpu`, `cuda`, `mps`.
        capability: Compute capability of an NVIDIA GPU, None for other devices.

    Returns:
        bfloat16 or float32.
    """
    return torch.bfloat16 if kind == "cuda" and capability is not None and capability >= (8, 0) else torch.float32


@contextlib.contextmanager
def mixed_precision(device: torch.device, exact: bool = False) -> Iterator[None]:
    """Compute in the precision that `precision` chooses, by torch's autocast.

    Args:
        device: Device that is computed on.
        exact: Stay in float32: bfloat16's eight bits cannot represent all int8 numbers times their scale.

    Yields:
        None.
    """
    nvidia = device.type == "cuda" and torch.version.cuda is not None  # ROCm counts its devices otherwise
    capability = torch.cuda.get_device_capability(device) if nvidia and not exact else None
    if (kind := precision(device.type, capability)) == torch.float32:
        yield
    else:
        with torch.autocast(device.type, kind):
            yield


def configure_process() -> None:
    """Set this process up for small nets on a CPU: one OpenMP thread, and freed memory stays in the process.

    More threads do not pay for nets of this size, and waiting threads slow other processes down. Feature maps are so large that
    glibc would map fresh pages for each and give them back after it: a third of a training step would be page faults.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    torch.set_num_threads(1)
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "gnu_get_libc_version"):
        libc.mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD)
        libc.mallopt(M_TRIM_THRESHOLD, MMAP_THRESHOLD)
