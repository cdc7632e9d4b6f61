"""Batches of log-mel, labels and teacher logits, shuffled and augmented by a seed and the number of the epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from hwasc.audio import augmentation
from hwasc.audio.equaliser import draw_responses, equalised
from hwasc.audio.mel_noise import additive_noise
from hwasc.data.features import Features
from hwasc.parallel.gradient_accumulation import rank_and_world
from hwasc.records.data_settings import AugmentSettings
from hwasc.records.front_end import FrontEnd


class Batch(NamedTuple):
    """Clips that are trained on in one step.

    Attributes:
        logmel: (B, 1, mels, frames).
        labels: (B,) int64, or (B, classes) with sum 1 where clips are mixed.
        teacher: Logits (B, classes), or None without a teacher.
        embeddings: Of a teacher, (B, D), or None.
    """

    logmel: Tensor
    labels: Tensor
    teacher: Tensor | None = None
    embeddings: Tensor | None = None

    def to(self, device: torch.device) -> Batch:
        """The batch on a device; log-mels are laid out channels last."""
        moved = Batch._make(None if v is None else v.to(device) for v in self)
        return moved._replace(logmel=moved.logmel.to(memory_format=torch.channels_last))


@dataclass(frozen=True)
class Augment:
    """Augmentation of batches.

    With `drawn_in`, the draws of another front end are repeated: from the same generator the same clips are rolled by the same
    time, masked in the same band, mixed with the same others, and given the same responses, equalisers, gains, and kinds and
    levels of noise. Only the noise itself is another sample.

    Attributes:
        settings: What is done, how strongly and how often.
        responses: Device responses (R, mels) in units of the front end, or None.
        front_end: Front end of the batches; None switches off noise and gain.
        drawn_in: Front end whose draws are repeated, or None.
    """

    settings: AugmentSettings
    responses: Tensor | None = None
    front_end: FrontEnd | None = None
    drawn_in: FrontEnd | None = None

    def __call__(self, x: Tensor, devices: np.ndarray, generator: torch.Generator) -> Tensor:
        """Augment log-mels, without mixing clips.

        Args:
            x: (B, 1, mels, frames).
            devices: Recording device of each clip, (B,).
            generator: Source of all draws.

        Returns:
            An augmented copy of x.
        """
        s = self.settings
        view = augmentation.View(self.front_end, self.drawn_in) if self.front_end and self.drawn_in else None
        if self.responses is not None and s.response_p > 0:
            named = np.isin(devices, s.response_devices) if s.response_devices else np.ones(len(devices), bool)
            x = augmentation.device_response(
                x,
                generator,
                responses=self.responses,
                apply_to=torch.from_numpy(named),
                p=s.response_p,
                front_end=self.front_end,
            )
        if self.front_end is not None and (s.equaliser_p > 0 or s.band_limit_p > 0):
            x = equalised(x, draw_responses(len(x), generator, s), self.front_end)
        if self.front_end is not None and s.noise_p > 0:
            x = additive_noise(x, generator, p=s.noise_p, snr=s.noise_snr, front_end=self.front_end)
        if self.front_end is not None and s.gain > 0:
            x = augmentation.gain(x, generator, s.gain, self.front_end)
        x = augmentation.time_roll(x, generator, s.roll, view)
        x = augmentation.freq_mixstyle(x, generator, s.mixstyle_alpha, s.mixstyle_p)
        return augmentation.frequency_mask(x, generator, s.mask, view)

    def batch(
        self,
        batch: Batch,
        devices: np.ndarray,
        generator: torch.Generator,
        *,
        classes: int,
        temperature: float,
    ) -> Batch:
        """Augment a whole batch. Where clips are mixed, so are their labels, the teacher's softmaxes and the embeddings.

        Args:
            batch: Clips with labels (B,).
            devices: Recording device of each clip, (B,).
            generator: Source of all draws.
            classes: Number of classes.
            temperature: Temperature of the teacher's softmaxes.

        Returns:
            An augmented copy; its labels are (B, classes) if the settings mix clips.
        """
        x = self(batch.logmel, devices, generator)
        if self.settings.mixup_p == 0:
            return batch._replace(logmel=x)
        mix = augmentation.mixup(len(x), generator, self.settings.mixup_alpha, self.settings.mixup_p)
        return Batch(
            logmel=mix(x),
            labels=mix(F.one_hot(batch.labels, classes).float()),
            teacher=None if batch.teacher is None else mix.logits(batch.teacher, temperature),
            embeddings=None if batch.embeddings is None else mix(batch.embeddings),
        )


class OnlineTargets(Protocol):
    """Teachers that run on the same augmented clips as the student."""

    def __call__(self, rows: np.ndarray, state: Tensor) -> Tensor:
        """Compute the teachers' logits for one batch.

        Args:
            rows: Indices of the clips, (B,).
            state: State of the generator that the student's augmentation starts from.

        Returns:
            Logits (B, classes).
        """


def training_batches(
    features: Features,
    targets: np.ndarray | OnlineTargets | None,
    *,
    embeddings: np.ndarray | None = None,
    labels: np.ndarray | None = None,
    batch: int,
    augment: Augment | None,
    seed: int,
    epoch: int,
    rows: np.ndarray | None = None,
    temperature: float = 1.0,
) -> Iterator[Batch]:
    """Shuffle and augment one epoch.

    A last batch of a single clip is dropped, because batch norm needs two; so is one with fewer clips than processes.

    Args:
        features: All clips.
        targets: Teacher logits (n, classes) float32 of all n clips, or teachers that are run on every batch, or None.
        embeddings: A teacher's embeddings (n, D) float32 of all n clips, or None.
        labels: Labels (n, classes) float32 with sum 1 of clips that are mixtures, or None: one class each. The augmentation must
            not mix such clips again.
        batch: Clips in a batch.
        augment: Augmentation, or None.
        seed: Decides, together with the epoch, order and augmentation.
        epoch: Number of the epoch, from 0.
        rows: Indices of the clips to train on; all if None.
        temperature: Temperature of the distillation loss.

    Yields:
        The batches, on the CPU.
    """
    rng = np.random.default_rng([seed, epoch])
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    order = rng.permutation(len(features) if rows is None else rows)
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        if len(chosen) < _smallest_batch():
            return
        # Online teachers repeat the draws of the augmentation below, so they get the generator's state before it.
        online = targets(chosen, generator.get_state()) if callable(targets) else None
        stored = torch.from_numpy(targets[chosen]) if isinstance(targets, np.ndarray) else None
        made = Batch(
            features.batch(chosen),
            torch.from_numpy((features.labels if labels is None else labels)[chosen]),
            stored,
            None if embeddings is None else torch.from_numpy(embeddings[chosen]),
        )
        if augment is not None:
            made = augment.batch(
                made, features.devices[chosen], generator, classes=len(features.classes), temperature=temperature
            )
        yield made if online is None else made._replace(teacher=online)


def count_batches(clips: int, batch: int) -> int:
    """Count the batches that `training_batches` yields.

    Args:
        clips: Clips in an epoch.
        batch: Clips in a batch.

    Returns:
        Batches in an epoch.
    """
    whole, rest = divmod(clips, batch)
    return whole + (rest >= _smallest_batch())


def _smallest_batch() -> int:
    _, world = rank_and_world()
    return max(2, world)


def rank_slice(batch: Batch, rank: int, world: int) -> tuple[Batch, float]:
    """Cut out the clips that one process takes of a batch.

    Args:
        batch: The whole batch.
        rank: Number of the process, from 0.
        world: Number of processes.

    Returns:
        The slice, and its fraction of the batch's clips, 0..1.
    """
    clips = len(batch.logmel)
    first, end = (clips * k // world for k in (rank, rank + 1))
    return Batch._make(None if v is None else v[first:end] for v in batch), (end - first) / clips
