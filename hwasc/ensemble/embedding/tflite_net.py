"""Nets in .tflite files, run by LiteRT on one thread, with every tensor inside at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hwasc.ensemble.embedding.nets import vectors
from hwasc.errors import DataError, UsageError
from hwasc.records.bounded import reason
from hwasc.suggestion import did_you_mean


class TfliteNet:
    """A net with one input of float32 or of quantized numbers, which takes one window at a time.

    Args:
        path: The .tflite file.
        tensor: Name or index of any tensor; None: the first output.

    Raises:
        UsageError: There is no such tensor, or LiteRT is not installed.
        DataError: The file cannot be run, or its input is another.
    """

    def __init__(self, path: Path, tensor: str | int | None = None) -> None:
        try:
            from ai_edge_litert.interpreter import Interpreter, OpResolverType
        except ImportError:
            raise UsageError(f"{path}: LiteRT is needed to run it; pip install 'hwasc[litert]'") from None
        self._path = path
        try:
            self._interpreter = Interpreter(
                model_content=path.read_bytes(),  # the library takes names in UTF-8 alone
                num_threads=1,
                experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
                experimental_preserve_all_tensors=True,
            )
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError, OSError) as e:
            raise DataError(f"{path}: no model that LiteRT can run ({reason(e)})") from None
        inputs = self._interpreter.get_input_details()
        kinds = [np.dtype(i["dtype"]).name for i in inputs]
        if len(inputs) != 1 or kinds[0] not in ("float32", "int8", "uint8") or len(inputs[0]["shape"]) < 1:
            given = ", ".join(f"{kind} {i['shape'].tolist()}" for kind, i in zip(kinds, inputs, strict=True))
            raise DataError(f"{path}: expected one input of sound, found {given or 'none'}")
        self._input: dict[str, Any] = inputs[0]
        signature = inputs[0].get("shape_signature", inputs[0]["shape"])
        free = [None if n < 1 else int(n) for n in (signature if len(signature) else inputs[0]["shape"])]
        self._batched = len(free) > 1
        if self._batched and free[0] not in (None, 1):
            raise DataError(f"{path}: takes {free[0]} clips at once; convert it for one")
        self.shape: tuple[int | None, ...] = tuple(free[1:] if self._batched else free)
        self._tensor = self._find(tensor)

    def embed(self, inputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Compute embeddings, see `EmbeddingNet`."""
        return vectors(np.stack([self._run(window) for window in inputs]), self._path)

    def _find(self, tensor: str | int | None) -> dict[str, Any]:
        details = self._interpreter.get_tensor_details()
        if tensor is None:
            found: dict[str, Any] = self._interpreter.get_output_details()[0]
            return found
        for detail in details:
            if tensor in (detail["index"], detail["name"]):
                return dict(detail)
        close = did_you_mean(tensor, [d["name"] for d in details]) if isinstance(tensor, str) else ""
        raise UsageError(
            f"{self._path}: has no tensor '{tensor}'{close} (there are {len(details)}); a viewer such as Netron shows them"
        )

    def _run(self, window: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        given = window[None] if self._batched else window
        index = self._input["index"]
        try:
            if list(self._interpreter.get_input_details()[0]["shape"]) != list(given.shape):
                self._interpreter.resize_tensor_input(index, given.shape)
                self._interpreter.allocate_tensors()
            self._interpreter.set_tensor(index, _stored(given, self._input))
            self._interpreter.invoke()
            return _real(self._interpreter.get_tensor(self._tensor["index"]), self._tensor).ravel()
        except (ValueError, RuntimeError) as e:
            raise DataError(f"{self._path}: LiteRT cannot run it ({reason(e)})") from None


def _stored(x: npt.NDArray[np.float32], details: dict[str, Any]) -> npt.NDArray[Any]:
    kind = np.dtype(details["dtype"])
    if kind == np.float32:
        return x
    scale, zero = details["quantization"]
    ends = np.iinfo(kind)
    return np.clip(np.round(x / np.float32(scale)) + zero, ends.min, ends.max).astype(kind)


def _real(found: npt.NDArray[Any], details: dict[str, Any]) -> npt.NDArray[np.float32]:
    scale, zero = details["quantization"]
    wide = found.astype(np.float32)
    return wide if found.dtype.kind == "f" or not scale else (wide - np.float32(zero)) * np.float32(scale)
