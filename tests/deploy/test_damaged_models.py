"""Model files whose description is damaged or asks for too much: refused in a line before a net is built."""

from __future__ import annotations

import json
import resource
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from safetensors.torch import save_file

from hwasc.deploy.exporting import load_int8
from hwasc.deploy.runtimes import choose
from hwasc.errors import DataError, HwascError, UsageError
from hwasc.records import schema
from hwasc.records.architecture import Architecture
from hwasc.training.weights import load_weights, read_header
from tests.deploy.little_models import CLASSES, NET, WIDE, about, onnx_file, safetensors_file, tflite_file
from tests.records.trees import damaged

CPU = torch.device("cpu")
FEW = settings(max_examples=25, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


def opened(path: Path) -> Any:
    return choose(path, None).open(path, device=CPU, workers=1)


KINDS: dict[str, tuple[Callable[[Path, dict[str, Any]], Path], dict[str, Any], Callable[[Path], Any]]] = {
    ".safetensors": (safetensors_file, about(numbers="float"), opened),
    ".onnx": (onnx_file, about(), opened),
    ".tflite": (tflite_file, about(), opened),
}


@pytest.mark.parametrize("suffix", KINDS)
def test_any_description_is_read_or_refused_in_a_line(suffix: str) -> None:
    make, values, read = KINDS[suffix]
    refused = []

    @FEW
    @given(damaged({k: v for k, v in values.items() if k != "numbers"}))
    def check(changed: Any) -> None:
        with tempfile.TemporaryDirectory() as folder:
            try:
                entries = {**changed, **({"numbers": "float"} if suffix == ".safetensors" else {})}
                path = make(Path(folder) / f"m{suffix}", entries)
            except Exception:
                return  # no such file can be made
            try:
                model = read(path)
            except DataError as e:
                assert "\n" not in str(e) and str(path) in str(e) and len(str(e)) < 2000
                refused.append(str(e))
                return
            assert model.architecture == schema.parse(Architecture, changed["architecture"], "changed")
            assert list(model.classes) == changed["classes"]

    with tempfile.TemporaryDirectory() as folder:
        model = read(make(Path(folder) / f"m{suffix}", values))
        assert model.architecture == NET and model.classes == tuple(CLASSES)
    check()
    assert len(refused) > 5


@pytest.mark.parametrize("suffix", KINDS)
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"architecture": 3}, "architecture: expected a mapping of keys to values, found a number"),
        ({"classes": "bus"}, "classes: expected a list of names"),
        ({"classes": ["bus", "bus", "tram"]}, "a name is given twice"),
        ({"classes": ["bus", "park"]}, "2 class names for a net of 3 classes"),
        ({"classes": [1, 2, 3]}, "classes: expected a list of names"),
        ({"clips": [3]}, "clips: expected a mapping"),
    ],
)
def test_metadata_of_another_type(tmp_path: Path, suffix: str, change: dict[str, Any], said: str) -> None:
    make, values, read = KINDS[suffix]
    path = make(tmp_path / f"m{suffix}", values | change)
    with pytest.raises(DataError, match="its description of architecture and classes is damaged") as e:
        read(path)
    assert said in str(e.value)


@pytest.mark.parametrize("suffix", KINDS)
def test_a_small_file_that_names_a_wide_net_builds_none(tmp_path: Path, suffix: str) -> None:
    make, values, read = KINDS[suffix]
    path = make(tmp_path / f"m{suffix}", values | {"architecture": schema.plain(WIDE)})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DataError, match=r"names a net of 7,\d{3},\d{3} weights, which its [\d,]+ bytes cannot hold"):
        read(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # kB; the net has 28 MB


@pytest.mark.parametrize(("front_end", "stem"), [({"mels": 20}, (2, 4)), ({}, (2, 8)), ({}, (4, 4))])
def test_shapes_are_compared_before_a_net_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, front_end: dict[str, int], stem: tuple[int, int]
) -> None:
    other = schema.plain(NET)
    other["front_end"] |= front_end
    other["stem"] = list(stem)
    other["blocks"][0]["shortcut"] = False
    for suffix in (".onnx", ".tflite") if front_end else (".safetensors",):
        make, values, read = KINDS[suffix]
        path = make(tmp_path / f"m{suffix}", values | {"architecture": other})
        monkeypatch.setattr("hwasc.deploy.weight_files.load_weights", lambda path: pytest.fail("was built"))
        with pytest.raises(DataError, match="do(es)? not fit"):
            read(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda h: h["__metadata__"].update(numbers=3), "not readable as safetensors"),
        (lambda h: h["__metadata__"].update(numbers="int4"), "numbers: expected float or int8"),
        (lambda h: h["__metadata__"].pop("classes"), "was not written by `hwasc distill`"),
        (lambda h: h.update(__metadata__=[]), "its header is damaged"),
        (lambda h: h["head.conv.weight"].update(shape=[3, 5, 1, 2]), "head.conv.weight"),
        (lambda h: h["head.conv.weight"].update(dtype="F64"), "'head.conv.weight' is F64"),
        (lambda h: h.pop("head.conv.weight"), "'head.conv.weight' is missing"),
        (lambda h: h["head.conv.weight"].update(shape=-1), "its header is damaged"),
        (lambda h: h["head.conv.weight"].update(data_offsets=[0, 10**12]), "is cut short"),
        (lambda h: h.update(x=3), "its header is damaged"),
    ],
)
def test_headers_of_safetensors(tmp_path: Path, change: Callable[[Any], object], said: str) -> None:
    path = safetensors_file(tmp_path / "m.safetensors", about(numbers="float"))
    content = path.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    change(header)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[end:])
    with pytest.raises(DataError) as e:
        opened(path)
    assert said in str(e.value) and "\n" not in str(e.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n", "it is a Git LFS pointer"),
        (b"<!DOCTYPE html><html></html>", "it is a web page"),
        (b"PK\x03\x04" + b"x" * 60, "it is a zip archive"),
        (b"some words about a model\n", "it is text"),
        (b"\xff" * 8, "cut short"),
    ],
)
def test_other_files_are_named(tmp_path: Path, content: bytes, said: str) -> None:
    for suffix in (".safetensors", ".onnx", ".tflite"):
        path = tmp_path / f"m{suffix}"
        path.write_bytes(content)
        with pytest.raises(DataError) as e:
            opened(path)
        assert "\n" not in str(e.value) and (said in str(e.value) or said == "cut short")
    with pytest.raises(HwascError, match=said):
        load_int8(tmp_path / "m.safetensors")


def test_repeated_keys_and_numbers_that_are_not_finite(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    tensor = b'{"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}'
    text = b'{"a": ' + tensor + b', "a": ' + tensor + b"}"
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(4))
    with pytest.raises(DataError, match="key 'a' is given twice"):
        read_header(path)
    save_file({"a": torch.tensor([1.0, float("nan")])}, path)
    with pytest.raises(DataError, match="'a' is not finite"):
        load_weights(path)
    with pytest.raises(UsageError, match="holds no int8 student"):
        load_int8(safetensors_file(path, about(numbers="float")))


@pytest.mark.parametrize(
    ("logits", "said"),
    [
        (np.array([[1.0, 2.0, np.nan]], np.float32), "not finite in float32"),
        (np.array([[1.0, 2.0, 1e300]], np.float64), "not finite in float32"),
        (np.array([[1.0, 2.0]], np.float32), r"gives \[1, 2\], expected \[1, 3\]"),
        (np.array([[True, False, True]]), "gives bool, expected numbers"),
    ],
)
def test_outputs_of_onnx_that_are_no_logits(tmp_path: Path, logits: np.ndarray, said: str) -> None:
    from hwasc.deploy.onnx_qcdq import Runtime

    runtime = Runtime(onnx_file(tmp_path / "m.onnx", about(), logits=logits))
    with pytest.raises(DataError, match=said):
        runtime.logits(np.zeros((1, 1, 16, 9), np.float32))
