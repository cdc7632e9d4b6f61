"""Nets that turn sound into vectors: what they have in common, and how one is opened by the kind of its file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from hwasc.ensemble.onnx_teacher import EXPORTED
from hwasc.errors import DataError, UsageError

LARGEST = 16_384  # numbers of an embedding; more are a feature map, of which no probe can be fitted to few clips


class EmbeddingNet(Protocol):
    """A net of one input.

    Attributes:
        shape: Of the input, without the batch; None where an axis is free.
    """

    shape: tuple[int | None, ...]

    def embed(self, inputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Compute embeddings.

        Args:
            inputs: (B, ...) of the net's shape.

        Returns:
            (B, size).

        Raises:
            DataError: The net cannot be run on these, or gives numbers that are not finite.
        """


@dataclass(frozen=True, kw_only=True)
class NetFile:
    """A file with a net.

    Attributes:
        path: An .onnx or .tflite file, or a folder of a model of transformers.
        tensor: Which of its tensors is the embedding, by name or number; None: the first output.
        device: Where a model of transformers runs; files run on the CPU.
    """

    path: Path
    tensor: str | int | None = None
    device: str = "cpu"


def open_net(file: NetFile) -> EmbeddingNet:
    """Open a net.

    Args:
        file: The file, and the tensor.

    Returns:
        The net.

    Raises:
        UsageError: There is no such file, none of its tensors has the name, the file could run code, or what runs it is not
            installed.
        DataError: The file is damaged, or its input is none of sound.
    """
    path = file.path
    if path.is_dir():
        from hwasc.ensemble.embedding.hf_net import HfNet

        return HfNet(path, file.device)
    if not path.is_file():
        raise UsageError(f"{path}: there is no such net")
    if path.suffix.lower() in EXPORTED:
        raise UsageError(
            f"{path}: may contain code that runs when it is loaded (TorchScript and pickled files do); convert it to ONNX if "
            "you trust it (docs/teachers.md)"
        )
    if path.suffix.lower() == ".tflite":
        from hwasc.ensemble.embedding.tflite_net import TfliteNet

        return TfliteNet(path, file.tensor)
    if path.suffix.lower() == ".onnx":
        from hwasc.ensemble.embedding.onnx_net import OnnxNet

        return OnnxNet(path, file.tensor)
    raise UsageError(f"{path}: expected an .onnx or a .tflite file")


def vectors(found: npt.NDArray[np.float32], path: Path) -> npt.NDArray[np.float32]:
    """Take a tensor as embeddings.

    Args:
        found: (B, ...).
        path: Of the net, for messages.

    Returns:
        (B, size).

    Raises:
        DataError: It has too many numbers, or some that are not finite.
    """
    flat = found.reshape(len(found), -1)
    if flat.shape[1] > LARGEST:
        raise DataError(
            f"{path}: gives {flat.shape[1]:,} numbers a window, {LARGEST:,} at most can be used; name a pooled tensor by `tensor`"
        )
    if not np.isfinite(flat).all():
        raise DataError(f"{path}: gives numbers that are not finite")
    return flat
