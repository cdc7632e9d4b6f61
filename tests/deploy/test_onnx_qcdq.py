"""ONNX QCDQ: the runtime's logits are the fake-quantized student's, for every block kind; the metadata of the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from hwasc.deploy.onnx_qcdq import Runtime, export
from hwasc.errors import DataError
from hwasc.models import build
from hwasc.models.blocks import GlobalResponseNorm
from hwasc.models.student import Student
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import GRN, InvertedResidual
from hwasc.records.front_end import FrontEnd
from hwasc.training.quantization import calibrate, quantize

pytestmark = pytest.mark.slow

CLASSES = ("airport", "bus <1>", "métro")


def clips(n: int) -> torch.Tensor:
    return nn.functional.interpolate(torch.randn(n, 1, 8, 4), (40, 17)) + 0.3 * torch.randn(n, 1, 40, 17)


def quantized(grn: GRN | None, padding: str) -> Student:
    torch.manual_seed(1)
    blocks = (
        InvertedResidual(3, 24, 12, (1, 1), True, grn),
        InvertedResidual(5, 24, 12, (2, 2), True, grn),
        InvertedResidual(3, 32, 20, (2, 1), False, grn),
    )
    model = build(Architecture(FrontEnd.for_clip(40, 17), (4, 12), blocks, 3, padding=padding))  # type: ignore[arg-type]
    for m in model.modules():
        if isinstance(m, GlobalResponseNorm):
            nn.init.constant_(m.gamma, 0.3)
    for _ in range(15):
        y = model(clips(32))
        model.head.bn.bias.data -= 0.3 * y.detach().mean(0)  # centred logits make the classes vary
    return calibrate(quantize(model.eval()), [clips(32) for _ in range(4)])


@pytest.mark.parametrize(
    ("grn", "padding"),
    [
        (None, "same"),
        (None, "torch"),
        pytest.param(GRN(), "torch", marks=pytest.mark.long),
        pytest.param(GRN("channel", "expanded"), "same", marks=pytest.mark.long),
        (GRN("scalar", "sum", "l2"), "torch"),
    ],
    ids=str,
)
def test_the_runtime_agrees_with_the_student(grn: GRN | None, padding: str, tmp_path: Path) -> None:
    model = quantized(grn, padding)
    runtime = Runtime(export(model, tmp_path / "m.onnx", CLASSES))
    assert runtime.architecture == model.architecture and runtime.classes == CLASSES
    x = clips(200)
    with torch.no_grad():
        student_logits = model(x).numpy()
    file_logits = runtime.logits(x.numpy())
    step = np.diff(np.unique(student_logits)).min()
    difference = np.abs(file_logits - student_logits)
    assert difference.max() <= 4.01 * step and np.mean(difference > 0.5 * step) < 0.3
    assert len(set(student_logits.argmax(1))) > 1, "the test is not void"
    clear = np.diff(np.sort(student_logits, 1)[:, -2:], axis=1)[:, 0] > 4 * step  # an untrained net has many near-ties
    assert (file_logits.argmax(1) == student_logits.argmax(1))[clear].all()
    one_by_one = np.concatenate([runtime.logits(row[None].numpy()) for row in x[:5]])
    assert np.allclose(one_by_one, file_logits[:5], atol=1e-5)


def test_the_file_is_quantized_and_deterministic(tmp_path: Path) -> None:
    model = quantized(None, "same")
    first, second = (export(model, tmp_path / name, CLASSES).read_bytes() for name in ("a.onnx", "b.onnx"))
    assert first == second
    graph = onnx.load_model_from_string(first).graph
    convolutions = [n for n in graph.node if n.op_type == "Conv"]
    produced = {output: node.op_type for node in graph.node for output in node.output}
    assert len(convolutions) == 12 and all(produced[n.input[1]] == "DequantizeLinear" for n in convolutions)
    assert {p.name for p in tmp_path.iterdir()} == {"a.onnx", "b.onnx"}


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_bytes(b"\x08\x07garbage")
    with pytest.raises(DataError, match="no model that ONNX Runtime can open"):
        Runtime(tmp_path / "x.onnx")
    model = onnx.load(export(quantized(None, "same"), tmp_path / "m.onnx", CLASSES))
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "n.onnx")
    with pytest.raises(DataError, match="not written by hwasc"):
        Runtime(tmp_path / "n.onnx")
