"""Training the paper's fusion heads on the teachers of a workspace: z1 and z2 together, and the choice of the view."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from hwasc.data.features import Features
from hwasc.ensemble.best_epoch import Batch, best_epoch
from hwasc.ensemble.clip_batches import ClipBatches, chunks, held_out_clips
from hwasc.ensemble.cross_fitting import Teachers, out_of_fold_logits
from hwasc.ensemble.head_fitting import best_view
from hwasc.ensemble.heads import mean_logit
from hwasc.ensemble.paper_heads import PAPER_VIEWS, PaperHeads, joint_loss
from hwasc.models import student
from hwasc.parallel.device import mixed_precision
from hwasc.records.edp import edp_60k
from hwasc.records.front_end import FrontEnd
from hwasc.workspace import Workspace


def untrained_paper_heads(front_end: FrontEnd, teachers: int, classes: int, *, seed: int, hidden: int) -> PaperHeads:
    """Make the heads; z1's backbone is the preset `edp_60k` with one output for each teacher.

    Args:
        front_end: z1's.
        teachers: K.
        classes: C.
        seed: Of the initial weights.
        hidden: Width of z2's MLP.

    Returns:
        The heads.
    """
    architecture = replace(edp_60k(classes=max(teachers, 2)), front_end=front_end)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return PaperHeads(teachers, classes, student.build(architecture), hidden)


def fit_paper_heads(ws: Workspace, teachers: Teachers, heads: PaperHeads, front_end: FrontEnd) -> str:
    """Train z1 and z2 together in place on out-of-fold logits of the training clips.

    The weights of the epoch of least cross-entropy of `z1+z2 (paper)` on the held-out locations are restored; where no location
    can be held out, the last epoch's. The view is chosen on the same locations, so that it favours the learned heads a little.

    Args:
        ws: Data, settings, device.
        teachers: All of them.
        heads: The heads.
        front_end: z1's.

    Returns:
        The view of lowest log loss on the held-out locations, see `head_fitting.best_view`; `mean` where there are none.
    """
    s, train = ws.settings, teachers.train
    logits = torch.from_numpy(out_of_fold_logits(teachers)).float()
    held_out = held_out_clips(ws, train)
    heads.standardise.set(logits[~held_out].flatten(1))
    heads.to(ws.device)
    with ws.reporter.track("fusion heads of the paper", s.fusion.paper_epochs) as update:
        clips = ClipBatches(
            train=train,
            logits=logits,
            held_out=held_out,
            augment=ws.augment(front_end),
            device=ws.device,
            seed=s.seed,
            update=update,
        )
        train_together(
            heads, clips, epochs=s.fusion.paper_epochs, lr=s.fusion.lr, weight_decay=s.fusion.weight_decay, seed=s.seed
        )
    if not held_out.any():
        return "mean"
    rows = np.flatnonzero(held_out)
    views = fused_by_paper(heads, all_paper_weights(heads, train, ws.device, rows), logits[held_out])
    locations = [train.clips[i].location for i in rows]
    return best_view(views, torch.from_numpy(train.labels[held_out]), locations)


def train_together(
    heads: PaperHeads, clips: ClipBatches, *, epochs: int, lr: float, weight_decay: float, seed: int
) -> int:
    """Train z1 and z2 by AdamW on `joint_loss`, in place, and restore the weights of the best epoch on the held-out clips.

    Args:
        heads: The heads, on the clips' device.
        clips: Without held-out clips the last epoch counts as the best.
        epochs: Epochs to train.
        lr: Learning rate.
        weight_decay: Of AdamW.
        seed: Of what is random in the heads.

    Returns:
        The epoch of the restored weights, from 1.

    Raises:
        ValueError: There are no clips to train on.
    """
    passes = itertools.count()

    def train() -> None:
        heads.train()

    def views(batch: Batch) -> dict[str, Tensor]:
        logmel, logits, _ = batch
        with mixed_precision(clips.device):
            weights = heads.weights(logmel)
        return heads.fused_views(weights.float(), logits)

    def validate() -> float:
        if not clips.held_out.any():
            return -float(next(passes))
        heads.eval()
        with torch.no_grad():
            losses = [F.cross_entropy(views(b)[PAPER_VIEWS[-1]], b[2], reduction="sum") for b in clips.validation()]
        return float(sum(losses)) / int(clips.held_out.sum())

    best = best_epoch(
        heads,
        lambda batch: joint_loss(views(batch), batch[2]),
        clips.epoch,
        optimizer=torch.optim.AdamW(heads.parameters(), lr=lr, weight_decay=weight_decay),
        epochs=epochs,
        train=train,
        validate=validate,
        seed=seed,
    )
    heads.eval().zero_grad()
    return best


def all_paper_weights(
    heads: PaperHeads, features: Features, device: torch.device, rows: np.ndarray | None = None
) -> Tensor:
    """Compute z1's mixture weights of clips.

    Args:
        heads: The heads; they are moved to the device.
        features: The clips.
        device: Where the backbone runs.
        rows: Which of them; None: all.

    Returns:
        (n, K) on the CPU; each row sums to 1.
    """
    heads.to(device).eval()
    chosen = np.arange(len(features)) if rows is None else rows
    with torch.no_grad():
        return torch.cat([heads.weights(features.batch(r).to(device)).cpu() for r in chunks(chosen)])


def fused_by_paper(heads: PaperHeads, weights: Tensor, logits: Tensor) -> dict[str, Tensor]:
    """Fuse clips in every view, on the CPU.

    Args:
        heads: The heads.
        weights: From `all_paper_weights`, (n, K).
        logits: (n, K, C).

    Returns:
        Fused logits (n, C) by the name of the view, `mean` among them.
    """
    model = heads.to("cpu").eval()
    with torch.no_grad():
        return {"mean": mean_logit(logits), **model.fused_views(weights, logits)}
