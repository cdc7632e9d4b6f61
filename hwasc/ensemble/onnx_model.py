"""Any ONNX classifier of log-mels, run by ONNX Runtime. An ONNX file contains a graph and numbers, but no code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hwasc.data.features import Features
from hwasc.deploy.onnx_session import metadata_of, open_session, run
from hwasc.errors import DataError, UsageError
from hwasc.records.model_metadata import class_names
from hwasc.records.plain_values import listed
from hwasc.records.schema import parse_json

BATCH = 128


class OnnxClassifier:
    """A model with one float32 input (clips, 1, mels, frames) or (clips, mels, frames), whose first output is (clips, classes).

    The number of clips is free, or 1. Classes are in the data's order, unless the model's metadata lists them under `classes`
    (a JSON list), as the exports of hwasc do.

    Args:
        path: The ONNX file.
        classes: Of the data, in order.

    Raises:
        UsageError: There is no such file, or ONNX Runtime is not installed.
        DataError: ONNX Runtime cannot open the file, or its inputs or classes are not as described.
    """

    def __init__(self, path: Path, classes: Sequence[str]) -> None:
        if not path.is_file():
            raise UsageError(f"{path}: there is no such model")
        self._session = open_session(path)
        self.path, self.classes = path, tuple(classes)
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(inputs[0].shape) not in (3, 4):
            given = ", ".join(f"{i.type} {i.shape}" for i in inputs)
            raise DataError(f"{path}: expected one input of float log-mels (clips, 1, mels, frames), found {given}")
        self._input, self._shape = inputs[0].name, inputs[0].shape
        if isinstance(self._shape[0], int) and self._shape[0] != 1:
            raise DataError(
                f"{path}: takes {self._shape[0]} clips at once; export it with a free number of clips, or one"
            )
        self._order = self._class_order(metadata_of(self._session, path))

    def predict(self, features: Features, rows: npt.NDArray[np.integer[Any]] | None = None) -> npt.NDArray[np.float32]:
        """Run it.

        Args:
            features: Log-mels of clips.
            rows: Which of the clips, (n,); None: all.

        Returns:
            Logits (n, classes), in the data's order of classes.

        Raises:
            DataError: The log-mel has another size, or the output another shape.
        """
        rows = np.arange(len(features)) if rows is None else rows
        step = 1 if self._shape[0] == 1 else BATCH
        return np.concatenate([self._run(features, rows[i : i + step]) for i in range(0, len(rows), step)])

    def _run(self, features: Features, rows: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.float32]:
        x = features.batch(rows).numpy()
        expected_shape, shape = self._shape[1:], (x if len(self._shape) == 4 else x[:, 0]).shape[1:]
        if any(isinstance(w, int) and w != f for w, f in zip(expected_shape, shape, strict=True)):
            raise DataError(
                f"{self.path}: takes {expected_shape}, but its front end gives {list(shape)}; set its mels and frames"
            )
        y = run(self._session, None, {self._input: x.reshape(len(rows), *shape)}, self.path)
        expected = (len(rows), len(self.classes))
        if y.shape != expected:
            raise DataError(f"{self.path}: gives {list(y.shape)}, expected finite logits of shape {list(expected)}")
        return y[:, self._order]

    def _class_order(self, metadata: dict[str, str]) -> list[int]:
        if "classes" not in metadata:
            return list(range(len(self.classes)))
        try:
            named = class_names(parse_json(metadata["classes"], "classes"), self.path) or self.classes
        except (UsageError, DataError):
            raise DataError(f"{self.path}: its metadata 'classes' is not a JSON list of names") from None
        if sorted(named) != sorted(self.classes):
            raise DataError(f"{self.path}: is for the classes {listed(named)}; the data has {listed(self.classes)}")
        return [named.index(c) for c in self.classes]
