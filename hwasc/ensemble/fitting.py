"""Fitting the heads on the teachers of a workspace: z1's backbone, z1's gate and z2, and the choice of the view."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from hwasc.data.features import Features
from hwasc.ensemble.clip_batches import ClipBatches, chunks, held_out_clips
from hwasc.ensemble.cross_fitting import Teachers, out_of_fold_logits
from hwasc.ensemble.head_fitting import best_view, cross_fitted_views, fit_backbone, fit_heads, log_loss_gain
from hwasc.ensemble.heads import Ensemble
from hwasc.records.front_end import FrontEnd
from hwasc.workspace import Workspace


def fit_ensemble(ws: Workspace, teachers: Teachers, ensemble: Ensemble, front_end: FrontEnd) -> str:
    """Fit the heads in place on out-of-fold logits of the training clips, and choose the view.

    z1's backbone is trained without the held-out locations, and left out unless it gains more than a standard error there. The
    view is chosen by heads that are fitted on some locations and evaluated on the others, without the backbone, because the
    backbone was trained on most of these locations.

    Args:
        ws: Data, settings, device.
        teachers: All of them.
        ensemble: The heads.
        front_end: z1's.

    Returns:
        The name of the view of lowest log loss on other locations, see `head_fitting.best_view`.
    """
    s, train = ws.settings, teachers.train
    logits, labels = torch.from_numpy(out_of_fold_logits(teachers)), torch.from_numpy(train.labels)
    locations, held_out = [c.location for c in train.clips], torch.from_numpy(held_out_clips(ws, train))
    no_backbone = torch.zeros(len(train), len(teachers.names))
    fit_heads(
        ensemble,
        no_backbone[~held_out],
        logits[~held_out],
        labels[~held_out],
        ridges=s.fusion.ridges,
        seed=s.seed,
    )

    def fused_views(backbone_scores: Tensor) -> Tensor:
        with torch.no_grad():
            return ensemble.cpu().fused_views(backbone_scores[held_out], logits[held_out])["z1+z2"]

    without = fused_views(no_backbone)
    if bool(held_out.any()) and s.fusion.epochs:
        _fit_backbone(ws, teachers, ensemble, logits=logits, held_out=held_out.numpy(), front_end=front_end)
        gain, error = log_loss_gain(
            fused_views(all_backbone_scores(ensemble, train, ws.device)),
            without,
            labels[held_out],
            [location for location, held in zip(locations, held_out, strict=True) if held],
        )
        if gain <= error:
            torch.nn.init.zeros_(ensemble.z1.head.weight)
    backbone_scores = all_backbone_scores(ensemble, train, ws.device)
    views = cross_fitted_views(ensemble.cpu(), logits, labels, locations=locations, ridges=s.fusion.ridges, seed=s.seed)
    fit_heads(ensemble, backbone_scores, logits, labels, ridges=s.fusion.ridges, seed=s.seed)
    return best_view(views, labels, locations)


def _fit_backbone(
    ws: Workspace, teachers: Teachers, ensemble: Ensemble, *, logits: Tensor, held_out: np.ndarray, front_end: FrontEnd
) -> None:
    """Train z1's backbone on augmented clips; held-out clips decide which epoch's weights are used."""
    s, train = ws.settings, teachers.train
    ensemble.to(ws.device)
    with ws.reporter.track("fusion heads z1, z2", s.fusion.epochs) as update:
        clips = ClipBatches(
            train=train,
            logits=logits,
            held_out=held_out,
            augment=ws.augment(front_end),
            device=ws.device,
            seed=s.seed,
            update=update,
        )

        def validate() -> float:
            ensemble.eval()
            with torch.no_grad():
                losses = [F.cross_entropy(ensemble(x, y), z, reduction="sum") for x, y, z in clips.validation()]
            return float(sum(losses)) / int(held_out.sum())

        fit_backbone(
            ensemble,
            clips.epoch,
            epochs=s.fusion.epochs,
            lr=s.fusion.lr,
            weight_decay=s.fusion.weight_decay,
            validate=validate,
            seed=s.seed,
        )


def all_backbone_scores(ensemble: Ensemble, features: Features, device: torch.device) -> Tensor:
    """Compute the scores of z1's backbone for all clips.

    Args:
        ensemble: The heads.
        features: The clips, n of them.
        device: Where the backbone runs.

    Returns:
        (n, K) on the CPU.
    """
    z1 = ensemble.to(device).eval().z1
    if not bool(z1.head.weight.any()):
        return torch.zeros(len(features), len(z1.head.weight))  # the backbone was left out, see `fit_ensemble`
    with torch.no_grad():
        return torch.cat(
            [z1.backbone_scores(features.batch(r).to(device)).float().cpu() for r in chunks(np.arange(len(features)))]
        )
