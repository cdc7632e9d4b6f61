"""Nets in ONNX files. A tensor inside the graph is added to its outputs, in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from hwasc.deploy.onnx_session import open_session, run
from hwasc.ensemble.embedding.nets import vectors
from hwasc.errors import DataError, UsageError
from hwasc.records.bounded import reason
from hwasc.suggestion import did_you_mean


class OnnxNet:
    """A net with one float32 input, whose first axis is the batch.

    Args:
        path: The .onnx file.
        tensor: Name of any tensor of the graph, or number of an output; None: the first output.

    Raises:
        UsageError: There is no such tensor, or ONNX Runtime is not installed.
        DataError: The file cannot be opened, or its input is another.
    """

    def __init__(self, path: Path, tensor: str | int | None = None) -> None:
        self._path = path
        self._session = open_session(path)
        outputs = [o.name for o in self._session.get_outputs()]
        if isinstance(tensor, int):
            if not 0 <= tensor < len(outputs):
                raise UsageError(f"{path}: has {len(outputs)} outputs, numbered from 0; there is no number {tensor}")
            tensor = outputs[tensor]
        self._tensor: str = outputs[0] if tensor is None else str(tensor)
        if self._tensor not in outputs:
            self._session = open_session(path, content=_with_output(path, self._tensor))
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(inputs[0].shape) < 2:
            given = ", ".join(f"{i.type} {i.shape}" for i in inputs)
            raise DataError(f"{path}: expected one float input of (clips, ...), found {given}")
        self._input = inputs[0].name
        batch, *rest = (n if isinstance(n, int) and n > 0 else None for n in inputs[0].shape)
        if batch not in (None, 1):
            raise DataError(f"{path}: takes {batch} clips at once; export it with a free number of clips, or one")
        self.shape = tuple(rest)
        self._one_by_one = batch == 1

    def embed(self, inputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Compute embeddings, see `EmbeddingNet`. Integers are taken as they are: the probe standardises them."""
        parts = np.split(inputs, len(inputs)) if self._one_by_one else [inputs]
        found = [run(self._session, [self._tensor], {self._input: part}, self._path) for part in parts]
        for part, given in zip(found, parts, strict=True):
            if not part.ndim or len(part) != len(given):
                raise DataError(
                    f"{self._path}: '{self._tensor}' is {list(part.shape)} for {len(given)} windows; "
                    "the first axis must be theirs"
                )
        return vectors(np.concatenate(found), self._path)


def _with_output(path: Path, tensor: str) -> bytes:
    import onnx

    try:
        model = onnx.load(str(path))
        inner = [name for node in model.graph.node for name in node.output if name]
        if tensor in inner:
            model.graph.output.append(onnx.ValueInfoProto(name=tensor))
            return bytes(model.SerializeToString())
    except Exception as e:  # protobuf's, onnx's and the system's
        raise DataError(f"{path}: its graph cannot be read ({reason(e)})") from None
    raise UsageError(
        f"{path}: has no tensor '{tensor}'{did_you_mean(tensor, inner)}; a viewer such as Netron shows them"
    )
