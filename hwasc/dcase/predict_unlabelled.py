"""Logits of a student for clips without labels, for every clip of a list."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import nn

from hwasc.data.clips import Clip
from hwasc.data.features import extract
from hwasc.dcase.evaluation_set import EvaluationSet
from hwasc.dcase.rules import CLASSES
from hwasc.dcase.standalone_weights import packaged_log_mel
from hwasc.errors import DataError
from hwasc.progress import Reporter
from hwasc.records.front_end import FrontEnd
from hwasc.training.loop import predict

BATCH = 64  # as the package does


def predict_unlabelled(
    student: nn.Module,
    front_end: FrontEnd,
    clips: EvaluationSet,
    rows: Sequence[int],
    *,
    cache: Path,
    workers: int,
    reporter: Reporter,
    name: str,
) -> np.ndarray:
    """Predict on the CPU; features are cached. Silent and short clips, which training leaves out, get logits too.

    Args:
        student: Log-mel (B, 1, mels, frames) -> logits (B, classes).
        front_end: The student's front end.
        clips: The evaluation set.
        rows: Indices of n clips.
        cache: Cache folder.
        workers: Processes that extract features.
        reporter: Shows progress.
        name: The student's name in the progress.

    Returns:
        Logits (n, classes) float32, in order.

    Raises:
        DataError: A file is no audio.
    """
    # `extract` needs a scene for every clip; these have none, so they get any: nothing reads it.
    listed = [
        Clip(
            id=clips.names[i],
            path=clips.paths[i],
            start=0.0,
            seconds=front_end.seconds,
            scene=CLASSES[0],
            location=clips.names[i],
            device=clips.devices[i],
        )
        for i in rows
    ]
    with reporter.track(f"features {front_end} ({name})", len(listed)) as update:
        features = extract(
            listed,
            CLASSES,
            front_end,
            cache / "features",
            workers=workers,
            max_unreadable=1.0,
            progress=lambda stage, done, total: update(done, stage),
        )
    cpu = torch.device("cpu")
    position = {clip.id: i for i, clip in enumerate(listed)}
    extracted = [position[clip.id] for clip in features.clips]
    logits = np.empty((len(listed), len(CLASSES)), np.float32)
    with torch.inference_mode(), reporter.track(f"predicting ({name})", len(extracted)) as update:
        for first in range(0, len(extracted), BATCH):
            chosen = np.arange(first, min(first + BATCH, len(extracted)))
            logits[[extracted[i] for i in chosen]] = predict(student, features, cpu, batch=BATCH, rows=chosen)
            update(int(chosen[-1]) + 1)
        left_out = sorted(set(range(len(listed))) - set(extracted))
        if left_out:
            reporter.say(
                f"{len(left_out):,} clips are silent or short; they are predicted all the same, first {listed[left_out[0]].id}"
            )
        log_mel = packaged_log_mel(front_end)
        for i in left_out:
            try:
                x = log_mel.of_files([str(listed[i].path)])[0]
            except (soundfile.SoundFileError, OSError, ValueError) as e:
                raise DataError(f"{listed[i].path}: is no audio that can be read ({e}); unpack it again") from None
            logits[i] = student(x.float()).numpy()[0]
    return logits
