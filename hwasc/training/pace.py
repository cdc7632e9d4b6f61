"""How long a training takes on this machine, by the time of its first batch."""

from __future__ import annotations

import time

import torch
from torch import nn

QAT = 4.5  # a step with fake quantization over one without; 4 to 5 were measured
WARM = 1  # steps before the one that is timed: kernels and memory are chosen then


def step_seconds(net: nn.Module, shape: tuple[int, ...], device: torch.device) -> float:
    """Time a training step of a net, forward and backward, on noise. Random numbers drawn later stay the same.

    Args:
        net: A net of its own for this, as its statistics change.
        shape: Of a batch, (B, 1, mels, frames).
        device: Where it is trained.

    Returns:
        Seconds.
    """
    with torch.random.fork_rng(devices=[]):
        net = net.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        batch = torch.randn(shape).to(device)
        for _ in range(WARM + 1):
            start = time.perf_counter()
            net.zero_grad()
            net(batch).float().logsumexp(1).mean().backward()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
    return time.perf_counter() - start
