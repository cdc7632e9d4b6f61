"""Where and in what precision to compute, chosen by capability."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import torch

from hwasc.errors import UsageError


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


@contextlib.contextmanager
def mixed_precision(device: torch.device) -> Iterator[None]:
    """bfloat16 autocast where the device computes it natively (CUDA from Ampere on); full precision elsewhere.

    Without native support bfloat16 on a CPU is tens of times slower, and float16 would need loss scaling.
    """
    if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        with torch.autocast("cuda", torch.bfloat16):
            yield
    else:
        yield


def one_thread() -> None:
    """One OpenMP thread a process: these nets are too small for more, and spinning threads slow other processes down."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    torch.set_num_threads(1)
