"""Writing a .tflite file from plain tensors and operators, and reading its metadata; by the schema's package, no TensorFlow.

Schema: `tflite` on PyPI, generated from TensorFlow's schema.fbs; its builder functions are enough to write with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import tflite

from hwasc.cost.alignment import ALIGNMENT
from hwasc.errors import DataError, UsageError, WrongFile
from hwasc.records.bounded import MIB, described, read_bytes

IDENTIFIER = b"TFL3"
MODEL_BYTES = 256 * MIB  # of a file; the int8 nets that hwasc takes have at most 100 MB
ENTRIES = 100  # of metadata that are read
VERSIONS = {"CONV_2D": 3, "DEPTHWISE_CONV_2D": 3}  # the first with int8 kernels; 2 for all others used here


@dataclass(frozen=True)
class FileTensor:
    """An int8 activation, or a constant when `data` is given; real value = scale x (stored - zero_point).

    Attributes:
        name: Its name.
        shape: As in the file: batch, mels, frames, channels for activations.
        scale: One, or one for each index along `axis`; empty for index lists.
        zero_point: The stored number of real 0.
        axis: The axis along which scales differ.
        data: The constant's stored numbers, int8 or int32.
    """

    name: str
    shape: tuple[int, ...]
    scale: np.ndarray | float = ()  # type: ignore[assignment]
    zero_point: int = 0
    axis: int = 0
    data: np.ndarray | None = None


@dataclass(frozen=True)
class FileOperator:
    """A built-in operator.

    Attributes:
        code: Its name in the schema.
        inputs: Indices of tensors.
        output: Index of a tensor.
        table: Name of the schema's table of options; may be empty.
        options: Fields of that table.
    """

    code: str
    inputs: tuple[int, ...]
    output: int
    table: str
    options: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Contents:
    """What a runtime needs for a file.

    Attributes:
        codes: Operators by their names in the schema, each once.
        input: Scale and zero point.
        output: Scale and zero point.
    """

    codes: tuple[str, ...]
    input: tuple[float, int]
    output: tuple[float, int]


def write(
    tensors: Sequence[FileTensor],
    operators: Sequence[FileOperator],
    *,
    inputs: Sequence[int],
    outputs: Sequence[int],
    metadata: Mapping[str, bytes],
    description: str,
) -> bytes:
    """Build a .tflite file. The same arguments give the same bytes.

    Args:
        tensors: Activations and constants.
        operators: In the order in which they run.
        inputs: Indices of the input tensors.
        outputs: Indices of the output tensors.
        metadata: Entries by name.
        description: A line of text.

    Returns:
        The file's bytes.
    """
    b = _Builder()
    buffers = [b.table("Buffer")]  # buffer 0 is empty: activations point at it
    made = []
    for t in tensors:
        number = 0
        if t.data is not None:
            number = len(buffers)
            buffers.append(b.table("Buffer", Data=b.data(t.data.tobytes())))
        made.append(b.tensor(t, number))
    codes = list(dict.fromkeys(o.code for o in operators))
    executed = [b.operator(o, codes.index(o.code)) for o in operators]
    subgraph = b.table(
        "SubGraph",
        Tensors=b.references(made),
        Inputs=b.numbers(inputs, np.int32),
        Outputs=b.numbers(outputs, np.int32),
        Operators=b.references(executed),
    )
    entries = []
    for name, content in metadata.items():
        entries.append(b.table("Metadata", Name=b.string(name), Buffer=len(buffers)))
        buffers.append(b.table("Buffer", Data=b.data(content)))
    model = b.table(
        "Model",
        Version=3,
        OperatorCodes=b.references([b.code(c) for c in codes]),
        Subgraphs=b.references([subgraph]),
        Description=b.string(description),
        Buffers=b.references(buffers),
        Metadata=b.references(entries),
    )
    b.raw.Finish(model, IDENTIFIER)
    return bytes(b.raw.Output())


class _Builder:
    """flatbuffers' builder with the schema's functions by name; whatever a table refers to must be made before it."""

    def __init__(self) -> None:
        self.raw = flatbuffers.Builder(1 << 16)

    def table(self, kind: str, **fields: int) -> int:
        getattr(tflite, f"{kind}Start")(self.raw)
        for name, value in fields.items():
            getattr(tflite, f"{kind}Add{name}")(self.raw, value)
        return int(getattr(tflite, f"{kind}End")(self.raw))

    def string(self, text: str) -> int:
        return int(self.raw.CreateString(text))

    def numbers(self, values: Any, dtype: type) -> int:
        return int(self.raw.CreateNumpyVector(np.atleast_1d(np.asarray(values, dtype))))

    def data(self, content: bytes) -> int:
        self.raw.StartVector(1, len(content), ALIGNMENT)  # as CreateByteVector, but aligned
        self.raw.head -= len(content)
        self.raw.Bytes[self.raw.head : self.raw.head + len(content)] = content
        return int(self.raw.EndVector())

    def references(self, offsets: Sequence[int]) -> int:
        self.raw.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.raw.PrependUOffsetTRelative(offset)
        return int(self.raw.EndVector())

    def code(self, name: str) -> int:
        number = getattr(tflite.BuiltinOperator, name)
        return self.table(
            "OperatorCode",
            DeprecatedBuiltinCode=min(number, 127),
            Version=VERSIONS.get(name, 2),
            BuiltinCode=number,
        )

    def tensor(self, t: FileTensor, buffer: int) -> int:
        kind = tflite.TensorType.INT8 if t.data is None or t.data.dtype == np.int8 else tflite.TensorType.INT32
        fields = {"Shape": self.numbers(t.shape, np.int32), "Type": kind, "Buffer": buffer, "Name": self.string(t.name)}
        scale = np.atleast_1d(np.asarray(t.scale, np.float32))
        if scale.size:
            fields["Quantization"] = self.table(
                "QuantizationParameters",
                Scale=self.numbers(scale, np.float32),
                ZeroPoint=self.numbers(np.full(scale.shape, t.zero_point), np.int64),
                QuantizedDimension=t.axis,
            )
        return self.table("Tensor", **fields)

    def operator(self, o: FileOperator, code: int) -> int:
        fields = {"OpcodeIndex": code, "Inputs": self.numbers(o.inputs, np.int32)}
        fields["Outputs"] = self.numbers([o.output], np.int32)
        if o.table:
            fields["BuiltinOptionsType"] = getattr(tflite.BuiltinOptions, o.table)
            fields["BuiltinOptions"] = self.table(o.table, **o.options)
        return self.table("Operator", **fields)


def read_contents(content: bytes) -> Contents:
    """Read the operators, the input and the output from bytes that `write` returned."""
    names = {number: name for name, number in vars(tflite.BuiltinOperator).items() if isinstance(number, int)}
    model = tflite.Model.GetRootAsModel(content, 0)
    graph = model.Subgraphs(0)

    def step(tensor: int) -> tuple[float, int]:
        quantization = graph.Tensors(tensor).Quantization()
        return float(quantization.Scale(0)), int(quantization.ZeroPoint(0))

    codes = tuple(names[model.OperatorCodes(i).BuiltinCode()] for i in range(model.OperatorCodesLength()))
    return Contents(codes=codes, input=step(graph.Inputs(0)), output=step(graph.Outputs(0)))


def read_metadata(path: Path) -> dict[str, bytes]:
    """Read the metadata entries of a .tflite file.

    Args:
        path: The file.

    Returns:
        Entries by name.

    Raises:
        DataError: The file cannot be read, is no .tflite file, or is damaged.
    """
    content = _read(path)
    try:
        model = tflite.Model.GetRootAsModel(content, 0)
        found: dict[str, bytes] = {}
        for i in range(min(model.MetadataLength(), ENTRIES)):
            entry = model.Metadata(i)
            name, part = entry.Name().decode(), model.Buffers(entry.Buffer())
            data = part.DataAsNumpy().tobytes() if part.DataLength() else b""
            if found.setdefault(name, data) != data:
                raise DataError(f"{path}: has two different entries '{name}' in its metadata")
    except DataError:
        raise
    except Exception as e:  # a damaged offset can lead anywhere
        raise _damaged(path, e) from None
    return found


def read_input_shape(path: Path) -> tuple[int, ...]:
    """Read the shape of a .tflite file's input, with the batch.

    Args:
        path: The file.

    Returns:
        The shape.

    Raises:
        DataError: The file cannot be read, is no .tflite file, is damaged, or has not one input.
    """
    content = _read(path)
    try:
        graph = tflite.Model.GetRootAsModel(content, 0).Subgraphs(0)
        if graph.InputsLength() != 1:
            raise DataError(f"{path}: has {graph.InputsLength():,} inputs, expected one")
        tensor = graph.Tensors(graph.Inputs(0))
        return tuple(int(tensor.Shape(i)) for i in range(min(tensor.ShapeLength(), 8)))
    except DataError:
        raise
    except Exception as e:
        raise _damaged(path, e) from None


def _read(path: Path) -> bytes:
    try:
        content = read_bytes(path, ".tflite file", MODEL_BYTES)
    except UsageError as e:
        raise WrongFile(str(e)) from None
    if content[4:8] != IDENTIFIER:
        raise WrongFile(f"{path}: is not a .tflite file ({described(path, 'its first bytes are others')})")
    return content


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"{path}: is a damaged .tflite file ({type(error).__name__} while reading it)")
