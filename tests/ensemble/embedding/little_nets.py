"""Little nets of known weights: hidden = relu(input x WEIGHT), and the output is twice that."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hwasc.deploy.flatfile import FileOperator, FileTensor, write

SIZE = 5


def weight(inputs: int) -> np.ndarray:
    """(inputs, SIZE): multiples of 1/64 that int8 holds."""
    return (np.random.default_rng(1).integers(-64, 65, (inputs, SIZE)) / 64).astype(np.float32)


def hidden(x: np.ndarray) -> np.ndarray:
    """The tensor `hidden` of clips (B, ...)."""
    flat = x.reshape(len(x), -1)
    return np.maximum(flat @ weight(flat.shape[1]), 0)


def onnx_net(path: Path, shape: tuple[int | str, ...], *, inputs: int, batch: int | str = "clips") -> Path:
    """Write the net as ONNX.

    Args:
        path: The file.
        shape: Of the input, without the batch.
        inputs: Numbers of a clip.
        batch: How many clips it takes at once.

    Returns:
        The file.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["product"]),
        helper.make_node("Relu", ["product"], ["hidden"]),
        helper.make_node("Add", ["hidden", "hidden"], ["twice"]),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, *shape])],
        [helper.make_tensor_value_info("twice", TensorProto.FLOAT, [batch, SIZE])],
        [numpy_helper.from_array(weight(inputs), "w")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def tflite_net(path: Path, shape: tuple[int, ...]) -> Path:
    """Write the net as .tflite, with int8 inside: steps of 1/32 at the input, and 1/8 and 1/4 behind.

    Args:
        path: The file.
        shape: Of the input, without the batch.

    Returns:
        The file.
    """
    inputs = int(np.prod(shape))
    stored = np.round(weight(inputs).T * 64).astype(np.int8)
    zeros, one = np.zeros(SIZE, np.int32), np.eye(SIZE, dtype=np.int8)
    tensors = [
        FileTensor("x", (1, *shape), 1 / 32),
        FileTensor("w", stored.shape, 1 / 64, data=stored),
        FileTensor("b", (SIZE,), 1 / 2048, data=zeros),
        FileTensor("hidden", (1, SIZE), 1 / 8),
        FileTensor("w2", one.shape, 2.0, data=one),
        FileTensor("b2", (SIZE,), 1 / 4, data=zeros),
        FileTensor("twice", (1, SIZE), 1 / 4),
    ]
    table = "FullyConnectedOptions"
    relu = FileOperator("FULLY_CONNECTED", (0, 1, 2), 3, table, {"FusedActivationFunction": 1})
    double = FileOperator("FULLY_CONNECTED", (3, 4, 5), 6, table)
    path.write_bytes(write(tensors, [relu, double], inputs=[0], outputs=[6], metadata={}, description="net"))
    return path
