"""The training loop of students, teachers and quantized students; resumable after every epoch."""

from __future__ import annotations

import hashlib
import io
import math
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from hwasc.data.features import Features
from hwasc.errors import HwascError
from hwasc.parallel.device import mixed_precision
from hwasc.parallel.gradient_accumulation import (
    PartialLosses,
    backward,
    broadcast_from_first,
    is_first_rank,
    rank_and_world,
)
from hwasc.parallel.sync_batch_norm import sync_batch_norms
from hwasc.records.leftovers import aside
from hwasc.records.train_settings import TrainSettings
from hwasc.training.averaging import WeightAverage, run_through, statistics_anew
from hwasc.training.batches import Batch, rank_slice

CHECKSUM = 16  # bytes before a checkpoint's content
Loss = Callable[[Tensor, Batch], Tensor]  # the model's output, and the batch on its device -> scalar
EpochBatches = Callable[[int], Iterable[Batch]]  # epoch, from 0 -> its batches
EpochSteps = Callable[[int], Iterable[PartialLosses]]  # epoch, from 0 -> the losses of each of its steps


def fit(
    model: nn.Module,
    batches: EpochBatches,
    *,
    steps_per_epoch: int,
    loss: Loss,
    settings: TrainSettings,
    device: torch.device,
    seed: int,
    checkpoint: Path | None = None,
    before_epoch: Callable[[int], None] | None = None,
    on_epoch: Callable[[int, float], None] | None = None,
) -> nn.Module:
    """Train a classifier in place.

    Processes that train together get the same batches, and each takes a slice of every batch. Where nothing is drawn inside the
    model, the weights are those of one process but for rounding.

    Args:
        model: Log-mel (B, 1, mels, frames) -> logits (B, classes).
        batches: Gives the batches of an epoch, numbered from 0.
        steps_per_epoch: Number of these batches.
        loss: A mean over clips.
        settings: Epochs, learning rate and weight decay.
        device: Device to train on.
        seed: Decides dropout and other draws inside the model.
        checkpoint: See `optimize`.
        before_epoch: See `optimize`.
        on_epoch: See `optimize`.

    Returns:
        The model, in eval mode.

    Raises:
        HwascError: The loss is no longer finite, or the checkpoint cannot be read or written.
    """
    rank, world = rank_and_world()

    def steps(epoch: int) -> Iterator[PartialLosses]:
        for batch in batches(epoch):
            own, weight = rank_slice(batch, rank, world)
            yield [[weight * batch_loss(model, own, loss, device)]]

    with sync_batch_norms(model) if world > 1 else nullcontext():
        return optimize(
            model,
            steps,
            steps_per_epoch=steps_per_epoch,
            settings=settings,
            device=device,
            seed=seed + 1_000_000_007 * rank,
            checkpoint=checkpoint,
            before_epoch=before_epoch,
            on_epoch=on_epoch,
        )


def batch_loss(model: Callable[[Tensor], Tensor], batch: Batch, loss: Loss, device: torch.device) -> Tensor:
    """Compute the loss of one batch, in mixed precision where the device supports it.

    Args:
        model: Log-mel -> logits; one with a true attribute `quantized` is computed in float32.
        batch: Clips, on any device.
        loss: The loss.
        device: The model's device.

    Returns:
        A scalar on the device.
    """
    batch = batch.to(device)
    with mixed_precision(device, exact=getattr(model, "quantized", False)):
        y = model(batch.logmel)
    return loss(y if y.dtype == torch.float64 else y.float(), batch)


def optimize(
    model: nn.Module,
    steps: EpochSteps,
    *,
    steps_per_epoch: int,
    settings: TrainSettings,
    device: torch.device,
    seed: int,
    checkpoint: Path | None = None,
    before_epoch: Callable[[int], None] | None = None,
    on_epoch: Callable[[int, float], None] | None = None,
) -> nn.Module:
    """Minimise any losses in place with AdamW; the learning rate warms up linearly, then follows a cosine to 0.

    Args:
        model: The model.
        steps: Gives the losses of every step of an epoch, numbered from 0; see `gradient_accumulation.backward`.
        steps_per_epoch: Number of these steps.
        settings: Epochs, learning rate, weight decay and averaging.
        device: Device to train on.
        seed: Decides dropout and other draws inside the model.
        checkpoint: File that the first process writes after every epoch. If it exists, training resumes from it.
        before_epoch: Called with the number of the epoch, from 1, before each epoch that is trained.
        on_epoch: Called with the number of the epoch, from 1, and its mean loss, after each epoch that is trained.

    Returns:
        The model, in eval mode.

    Raises:
        HwascError: The loss is no longer finite, or the checkpoint cannot be read or written.
    """
    model.to(device)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # 1.4 times faster on CPUs too
    # Not fused: on CPUs that pairs parameters and gradients by their order in memory, though their layouts may differ.
    # With foreach, not torch's default on CPUs, a step takes half of the time there, and the weights are the same to the bit.
    optimizer = AdamW(_parameter_groups(model, settings.weight_decay), lr=settings.lr, foreach=True)
    schedule = LambdaLR(optimizer, _warmup_and_cosine(max(settings.epochs * steps_per_epoch, 1)))
    average = WeightAverage(model, settings.average * steps_per_epoch) if settings.average else None
    start = _resume(checkpoint, model, optimizer, schedule, average=average)
    for epoch in range(start, settings.epochs):
        torch.manual_seed(1_000_003 * (epoch + 1) + seed)  # the same draws whether training was resumed or not
        model.train()
        if before_epoch is not None:
            before_epoch(epoch + 1)
        total, count = 0.0, 0
        for losses in steps(epoch):
            optimizer.zero_grad(set_to_none=True)
            total += backward(model, losses)
            optimizer.step()
            schedule.step()
            if average:
                average.update(model)
            count += 1
        mean = total / max(count, 1)
        if not math.isfinite(mean):
            raise HwascError(
                f"training diverged in epoch {epoch + 1} (loss {mean}); lower the learning rate, now {settings.lr}"
            )
        if checkpoint is not None and is_first_rank():
            _save_checkpoint(checkpoint, _state(model, optimizer, schedule, average) | {"epoch": epoch + 1})
        if on_epoch is not None:
            on_epoch(epoch + 1, mean)
    if average:
        average.put_into(model)
        torch.manual_seed(1_000_003 * (settings.epochs + 1) + seed)
        with statistics_anew(model) as needed:
            if needed:
                run_through(steps(settings.epochs))
    return model.eval()


def _warmup_and_cosine(total: int) -> Callable[[int], float]:
    """Factor of the learning rate by step: up over the first tenth of all steps, and a cosine down to 0 (the lesser counts)."""
    warm = max(total // 10, 1)
    return lambda step: min((step + 1) / warm, 0.5 * (1 + math.cos(math.pi * min(step / total, 1))))


def _parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Weights decay; biases, norms, scales and GRN's vectors (one long axis at most) do not."""
    decayed: list[nn.Parameter] = []
    free: list[nn.Parameter] = []
    for p in model.parameters():
        (decayed if sum(n > 1 for n in p.shape) > 1 else free).append(p)
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": free, "weight_decay": 0.0}]


def _state(model: nn.Module, optimizer: AdamW, schedule: LambdaLR, average: WeightAverage | None) -> dict[str, Any]:
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()}
    return state | ({"average": average.state()} if average else {})


def _save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = aside(path)
    os.close(handle)
    try:
        buffer = io.BytesIO()
        torch.save(state, buffer)
        content = buffer.getvalue()
        partial.write_bytes(hashlib.blake2b(content, digest_size=CHECKSUM).digest() + content)
        os.replace(partial, path)
    except (OSError, RuntimeError) as e:  # torch reports a full disk as a RuntimeError
        partial.unlink(missing_ok=True)
        raise HwascError(
            f"{path}: cannot be written ({e}); free some disk space and run the same command again"
        ) from None


def _resume(
    path: Path | None, model: nn.Module, optimizer: AdamW, schedule: LambdaLR, *, average: WeightAverage | None
) -> int:
    """Load the checkpoint that the first process finds, in all processes; the number of epochs done."""
    if path is None or not broadcast_from_first(path.is_file()):
        return 0
    try:
        state = broadcast_from_first(_read_checkpoint(path) if is_first_rank() else None)
        model.load_state_dict(state["model"], strict=False)  # Brevitas' statistics buffers come and go
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        if average:
            average.load(state["average"])
    except Exception as e:
        raise HwascError(
            f"{path}: not a readable checkpoint ({type(e).__name__}); delete it to train this part anew"
        ) from None
    return int(state["epoch"])


def _read_checkpoint(path: Path) -> Any:
    content = path.read_bytes()
    checksum, state = content[:CHECKSUM], content[CHECKSUM:]
    if hashlib.blake2b(state, digest_size=CHECKSUM).digest() != checksum:
        raise ValueError("its checksum differs")
    return torch.load(io.BytesIO(state), map_location="cpu", weights_only=True)


@torch.no_grad()
def predict(
    model: nn.Module, features: Features, device: torch.device, batch: int = 128, rows: np.ndarray | None = None
) -> np.ndarray:
    """Compute logits in eval mode.

    Args:
        model: Log-mel (B, 1, mels, frames) -> logits (B, classes).
        features: All clips.
        device: Device to compute on.
        batch: Clips at a time.
        rows: Indices of the clips, (n,); all if None.

    Returns:
        Logits (n, classes) float32, in order.
    """
    model.to(device).eval()
    rows = np.arange(len(features)) if rows is None else rows
    out = []
    for start in range(0, len(rows), batch):
        x = features.batch(rows[start : start + batch])
        with mixed_precision(device, exact=getattr(model, "quantized", False)):
            out.append(model(x.to(device, memory_format=torch.channels_last)).float().cpu().numpy())
    return np.concatenate(out)
