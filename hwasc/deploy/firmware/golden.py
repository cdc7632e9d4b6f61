"""Golden vectors of an export: a clip, its int8 features and its logits as hwasc itself computes them, for the self-test in C."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from hwasc.audio.frontend import LogMel
from hwasc.cost.firmware_state import samples_needed
from hwasc.deploy.firmware.c_text import table
from hwasc.deploy.firmware.model_header import MARK, tag_check
from hwasc.models.student import Student
from hwasc.records.front_end import FrontEnd

FILE = "scene_golden.h"
FULL_SCALE = 32_768
LEVELS = (1, 6, 3, 0, 9, 2, 12, 4)  # bits that the parts of the clip are quieter by


@dataclass(frozen=True)
class Golden:
    """What one clip gives.

    Attributes:
        samples: int16 (samples,).
        features: int8 (mels, frames).
        logits: int8 (classes,).
    """

    samples: npt.NDArray[np.int16]
    features: npt.NDArray[np.int8]
    logits: npt.NDArray[np.int8]


def golden_samples(front_end: FrontEnd) -> npt.NDArray[np.int16]:
    """Make a clip of loud and quiet parts, white and red noise, and a part of silence; the same on every machine.

    Args:
        front_end: Says how many samples.

    Returns:
        The clip, int16 (samples,).
    """
    noise = np.random.default_rng(20).integers(-(2**15), 2**15, front_end.samples)
    total = np.concatenate([[0], np.cumsum(noise)])
    red = (total[1:] - total[np.maximum(np.arange(front_end.samples) - 31, 0)]) // 16
    parts = np.array_split(np.arange(front_end.samples), len(LEVELS))
    for i, (part, level) in enumerate(zip(parts, LEVELS, strict=True)):
        noise[part] = (red if i % 2 else noise)[part] >> level
    noise[parts[6][: len(parts[6]) // 2]] = 0
    return np.clip(noise, -(2**15), 2**15 - 1).astype(np.int16)


def stored_features(
    samples: npt.NDArray[np.int16], front_end: FrontEnd, scale: float, zero_point: int
) -> npt.NDArray[np.int8]:
    """Compute the features of clips as the net's input holds them, by the log-mel of training.

    Args:
        samples: int16 (clips, samples).
        front_end: The log-mel.
        scale: Of the net's input.
        zero_point: Of the net's input.

    Returns:
        int8 (clips, mels, frames).
    """
    with torch.no_grad():
        logmel = LogMel(front_end)(torch.from_numpy(samples.astype(np.float32) / FULL_SCALE)).numpy()
    return np.clip(np.round(logmel / np.float32(scale)) + zero_point, -128, 127).astype(np.int8)


def golden(model: Student, *, input: tuple[float, int], output: tuple[float, int]) -> Golden:
    """Compute the golden vectors of a student.

    Args:
        model: Quantized, and calibrated or trained, on the CPU.
        input: Scale and zero point of its input.
        output: Scale and zero point of its logits.

    Returns:
        The vectors.
    """
    fe = model.architecture.front_end
    samples = golden_samples(fe)
    features = stored_features(samples[None], fe, *input)
    real = (features.astype(np.float32) - input[1]) * np.float32(input[0])
    with torch.no_grad():
        logits = model.eval()(torch.from_numpy(real[:, None]).contiguous(memory_format=torch.channels_last))[0]
    stored = np.round(logits.float().numpy() / np.float32(output[0])) + output[1]
    return Golden(samples, features[0], np.clip(stored, -128, 127).astype(np.int8))


def golden_text(vectors: Golden, front_end: FrontEnd, tag: str) -> str:
    """Write the vectors as a header for selftest/scene_selftest.c.

    Args:
        vectors: Of the student.
        front_end: Of the student.
        tag: Of the export.

    Returns:
        The text.
    """
    needed = vectors.samples[: samples_needed(front_end)]
    return "\n".join(
        [
            f"{MARK}/* A clip, its features (one frame after the other) and its logits, as hwasc computed them. */",
            tag_check(tag, FILE),
            table("scene_golden_samples", needed.astype(np.int32)).replace("int32_t", "int16_t", 1),
            table("scene_golden_features", vectors.features.T.ravel()),
            table("scene_golden_logits", vectors.logits),
        ]
    )
