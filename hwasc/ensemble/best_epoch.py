"""Training a fusion head by gradient steps, and keeping the weights of the epoch that is best on held-out locations."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

Batch = tuple[Tensor, Tensor, Tensor]  # log-mel (B, 1, F, T), logits (B, K, C), labels (B,)


def best_epoch(
    model: nn.Module,
    loss: Callable[[Batch], Tensor],
    batches: Callable[[int], Iterable[Batch]],
    *,
    optimizer: torch.optim.Optimizer,
    epochs: int,
    train: Callable[[], None],
    validate: Callable[[], float],
    seed: int,
) -> int:
    """Train in place and restore the weights of the best epoch. Deterministic by the seed.

    Args:
        model: Its state is restored.
        loss: Of a batch.
        batches: Gives the batches of an epoch, by its number from 0.
        optimizer: Of the parameters that are trained.
        epochs: Epochs to train.
        train: Sets the modules to training mode before each epoch.
        validate: Measures the model before the first and after each epoch; lower is better, e.g. log loss of held-out clips.
        seed: Of what is random in the model.

    Returns:
        The epoch of the restored weights, from 1; 0 where the initial weights are best.

    Raises:
        ValueError: An epoch has no batch.
    """
    lowest, best, state = validate(), 0, copy.deepcopy(model.state_dict())
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for epoch in range(epochs):
            train()
            count = 0
            for batch in batches(epoch):
                value = loss(batch)
                optimizer.zero_grad()
                value.backward()
                optimizer.step()
                count += 1
            if count == 0:
                raise ValueError("there are no clips to fit the fusion heads on")
            if (now := validate()) < lowest:
                lowest, best, state = now, epoch + 1, copy.deepcopy(model.state_dict())
    model.load_state_dict(state)
    return best
