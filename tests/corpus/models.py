"""Odd model files, checkpoints and logits."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from hwasc.data import logit_tables
from hwasc.deploy.interpreter import read_about
from hwasc.deploy.runtimes import choose
from hwasc.ensemble.pretrained import read_tensors
from hwasc.records import schema
from tests.corpus.cases import Case
from tests.deploy.little_models import CLASSES, WIDE, about, onnx_file, safetensors_file, tflite_file


def _open(path: Path) -> object:
    return choose(path, None).open(path, device=torch.device("cpu"), workers=1)


def _logits(path: Path) -> object:
    return logit_tables.read(path, CLASSES)


def _made(make: Callable[[Path, dict[str, Any]], Path], values: dict[str, Any]) -> bytes:
    with TemporaryDirectory() as folder:
        return make(Path(folder) / "m", values).read_bytes()


def _npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _large_npz() -> bytes:
    """An archive whose directory says that a member has 400 MB."""
    content = bytearray(_npz(logits=np.zeros(3)))
    size = content.index(b"PK\x01\x02") + 24
    content[size : size + 4] = (400_000_000).to_bytes(4, "little")
    return bytes(content)


def _checkpoint() -> bytes:
    buffer = io.BytesIO()
    torch.save({"a": torch.ones(2)}, buffer)
    return buffer.getvalue()


FLOAT, WIDE_NET = about(numbers="float"), {"architecture": schema.plain(WIDE)}
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 120\n"
IDS, NAMES = np.array(["a", "b"]), np.array(CLASSES)
CASES = [
    Case(name="float.safetensors", content=_made(safetensors_file, FLOAT), read=_open, fine=True),
    Case(name="wide.safetensors", content=_made(safetensors_file, FLOAT | WIDE_NET), read=_open),
    Case(name="names.safetensors", content=_made(safetensors_file, FLOAT | {"classes": 3}), read=_open),
    Case(name="header.safetensors", content=(1 << 40).to_bytes(8, "little") + b"{}", read=_open),
    Case(name="student.onnx", content=_made(onnx_file, about()), read=_open, fine=True),
    Case(name="wide.onnx", content=_made(onnx_file, about() | WIDE_NET), read=_open),
    Case(name="names.onnx", content=_made(onnx_file, about() | {"classes": {"a": 1}}), read=_open),
    Case(name="student.tflite", content=_made(tflite_file, about()), read=read_about, fine=True),
    Case(name="wide.tflite", content=_made(tflite_file, about() | WIDE_NET), read=read_about),
    Case(name="names.tflite", content=_made(tflite_file, about() | {"classes": [1, 2, 3]}), read=read_about),
    Case(name="checkpoint.pt", content=_checkpoint(), read=read_tensors, fine=True),
    Case(name="pointer.pt", content=POINTER, read=read_tensors),
    Case(name="page.pth", content=b"<!DOCTYPE html><title>404</title>", read=read_tensors),
    Case(name="pointer.onnx", content=POINTER, read=_open),
    Case(name="large.npz", content=_large_npz(), read=_logits),
    Case(name="logits.npz", content=_npz(ids=IDS, classes=NAMES, logits=np.eye(2, 3)), read=_logits, fine=True),
    Case(name="complex.npz", content=_npz(ids=IDS, classes=NAMES, logits=np.ones((2, 3), complex)), read=_logits),
    Case(name="overflow.npz", content=_npz(ids=IDS, classes=NAMES, logits=np.full((2, 3), 1e300)), read=_logits),
    Case(name="pandas.csv", content=b",id,bus,park,tram\n0,a,0.2,0.3,0.5\n1,b,1,0,0\n", read=_logits, fine=True),
    Case(name="column.csv", content=b"id,bus,park,tram,split\na,1,2,3,x\n", read=_logits),
    Case(name="field.csv", content=b"id,bus,park,tram\n" + b"a" * 140_000 + b",1,2,3\n", read=_logits),
    Case(name="shares.json", content=json.dumps({"a": 1}).encode(), read=_logits),
]
