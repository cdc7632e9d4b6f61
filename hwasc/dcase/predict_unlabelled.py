"""A student's logits for clips without labels, every clip of a list."""

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
from hwasc.records.architecture import FrontEnd
from hwasc.training.loop import predict

BATCH = 64  # as the package does


def predict_unlabelled(
    student: nn.Module,
    fe: FrontEnd,
    clips: EvaluationSet,
    rows: Sequence[int],
    cache: Path,
    workers: int,
    reporter: Reporter,
    name: str,
) -> np.ndarray:
    """Logits (len(rows), classes) float32 of the clips at `rows`, on the CPU; features are cached. name: for the progress.

    Silent and short clips, which training leaves out, are answered too. DataError for a file that is no audio.
    """
    # Features want a scene of every clip; these have none, and nothing reads the one they are given.
    listed = [
        Clip(
            id=clips.names[i],
            path=clips.paths[i],
            start=0.0,
            seconds=fe.seconds,
            scene=CLASSES[0],
            location=clips.names[i],
            device=clips.devices[i],
        )
        for i in rows
    ]
    with reporter.track(f"features {fe} ({name})", len(listed)) as update:
        features = extract(
            listed,
            CLASSES,
            fe,
            cache / "features",
            workers=workers,
            max_unreadable=1.0,
            progress=lambda stage, done, total: update(done, stage),
        )
    cpu = torch.device("cpu")
    place = {clip.id: i for i, clip in enumerate(listed)}
    kept = [place[clip.id] for clip in features.clips]
    logits = np.empty((len(listed), len(CLASSES)), np.float32)
    with torch.inference_mode(), reporter.track(f"predicting ({name})", len(kept)) as update:
        for first in range(0, len(kept), BATCH):
            some = np.arange(first, min(first + BATCH, len(kept)))
            logits[[kept[i] for i in some]] = predict(student, features, cpu, BATCH, some)
            update(int(some[-1]) + 1)
        left_out = sorted(set(range(len(listed))) - set(kept))
        if left_out:
            reporter.say(
                f"{len(left_out):,} clips are silent or short and are answered as they are, first {listed[left_out[0]].id}"
            )
        log_mel = packaged_log_mel(fe)
        for i in left_out:
            try:
                x = log_mel.of_files([str(listed[i].path)])[0]
            except (soundfile.SoundFileError, OSError, ValueError) as e:
                raise DataError(f"{listed[i].path}: is no audio that can be read ({e}); unpack it again") from None
            logits[i] = student(x.float()).numpy()[0]
    return logits
