"""Little model files of each kind, made without training: the metadata is what counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from onnx import TensorProto, helper, numpy_helper

from hwasc.deploy.flatfile import FileTensor, write
from hwasc.models.student import build
from hwasc.records import schema
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import InvertedResidual
from hwasc.records.front_end import FrontEnd
from hwasc.training.weights import save_weights

CLASSES = ["bus", "park", "tram"]
NET = Architecture(
    FrontEnd.for_clip(16, 9), (2, 4), (InvertedResidual(3, 6, 4, shortcut=True), InvertedResidual(3, 4, 5)), 3
)
WIDE = Architecture(FrontEnd.for_clip(16, 9), (4, 30_000), (InvertedResidual(3, 200, 4),), 3)  # 7 million weights


def about(net: Architecture = NET, **more: Any) -> dict[str, Any]:
    """What a file says of itself, as plain values."""
    return {"architecture": schema.plain(net), "classes": CLASSES, **more}


def safetensors_file(path: Path, values: dict[str, Any]) -> Path:
    """A float student of `NET` with any description."""
    torch.manual_seed(0)
    save_weights(path, build(NET), {k: v if k == "numbers" else _text(v) for k, v in values.items()})
    return path


def onnx_file(path: Path, values: dict[str, Any], *, softmax: bool = False, logits: np.ndarray | None = None) -> Path:
    """A linear classifier of `NET`'s log-mel with any description.

    Args:
        path: The file.
        values: The description.
        softmax: Whether it gives probabilities.
        logits: What it gives for every clip; None: what it computes.

    Returns:
        The path.
    """
    fe = NET.front_end
    weight = np.random.default_rng(1).normal(0, 1, (fe.mels * fe.frames, len(CLASSES))).astype(np.float32)
    nodes = [helper.make_node("Flatten", ["logmel"], ["f"]), helper.make_node("MatMul", ["f", "w"], ["m"])]
    constants = [numpy_helper.from_array(weight, "w")]
    kind, last = TensorProto.FLOAT, "m"
    if logits is not None:
        kind, last = helper.np_dtype_to_tensor_dtype(logits.dtype), "c"
        constants.append(numpy_helper.from_array(logits, "c0"))
        nodes.append(helper.make_node("Identity", ["c0"], ["c"]))
    nodes.append(helper.make_node("Softmax" if softmax else "Identity", [last], ["logits"]))
    graph = helper.make_graph(
        nodes,
        "little",
        [helper.make_tensor_value_info("logmel", TensorProto.FLOAT, ["clips", 1, fe.mels, fe.frames])],
        [helper.make_tensor_value_info("logits", kind, None)],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    for key, value in values.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, _text(value)
    path.write_bytes(model.SerializeToString())
    return path


def tflite_file(path: Path, values: dict[str, Any]) -> Path:
    """An input and an output of `NET`'s shape, with any description, but no operators."""
    fe = NET.front_end
    tensors = [FileTensor("input", (1, fe.mels, fe.frames, 1), 0.1), FileTensor("output", (1, len(CLASSES)), 0.1)]
    metadata = {"hwasc": _text(values).encode(), "room": bytes(1000)}
    path.write_bytes(write(tensors, [], inputs=[0], outputs=[1], metadata=metadata, description=""))
    return path


def _text(value: Any) -> str:
    return json.dumps(value).replace("\\ud800", "?")  # no file can hold half a character
