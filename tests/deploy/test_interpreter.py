"""The interpreter in its child process: every bad file ends in one clear line, and this process lives on."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from hwasc.deploy import tflite
from hwasc.deploy.flatfile import FileOperator, FileTensor, write
from hwasc.errors import DataError, HwascError
from hwasc.models import build
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import GRN, InvertedResidual
from hwasc.records.front_end import FrontEnd
from hwasc.training.quantization import calibrate, quantize

pytest.importorskip("tflite_micro")
from hwasc.deploy import interpreter as interpreters
from hwasc.deploy.interpreter import Interpreter, Name, Runtime, read_about

NAMES: tuple[Name, ...] = ("tflm", "litert-ref")
MUTANTS = 1_000


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    a = Architecture(FrontEnd.for_clip(40, 17), (4, 8), (InvertedResidual(3, 16, 8, (1, 1), True, GRN()),), 3)
    model = calibrate(quantize(build(a).eval()), [torch.randn(4, 1, 40, 17)])
    return tflite.export(model, tmp_path_factory.mktemp("good") / "m.tflite", ("a", "b", "c"), "offline")


@pytest.fixture(params=NAMES)
def interpreter(request: pytest.FixtureRequest) -> Iterator[Interpreter]:
    if request.param == "litert-ref":
        pytest.importorskip("ai_edge_litert")
    with Interpreter(request.param, timeout=20) as one:
        yield one


def one_line(error: BaseException, path: Path) -> None:
    assert str(error).startswith(str(path)) and "\n" not in str(error) and len(str(error)) < 500


def small(code: str, table: str, **options: int) -> bytes:
    tensors = [FileTensor("x", (1, 4), 0.1), FileTensor("y", (1, 4), 0.1)]
    operator = FileOperator(code=code, inputs=(0,), output=1, table=table, options=options)
    return write(tensors, [operator], inputs=[0], outputs=[1], metadata={}, description="test")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a .tflite file"),
        (b"\x08\x07 something else entirely", "not a .tflite file"),
        (b"\x1c\x00\x00\x00TFL3" + bytes(40), "damaged|no model"),
        (small("CUSTOM", ""), "CUSTOM, which this interpreter does not support|no model that the interpreter can run"),
        (small("HARD_SWISH", "HardSwishOptions")[:-30], "damaged|no model"),
    ],
    ids=["empty", "foreign", "header only", "unknown operator", "cut off"],
)
def test_bad_files_are_one_line(content: bytes, message: str, interpreter: Interpreter, tmp_path: Path) -> None:
    path = tmp_path / "bad.tflite"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as e:
        interpreter.load(path)
    one_line(e.value, path)
    with pytest.raises(DataError):
        Runtime(path)


def test_a_small_arena_is_named(good: Path) -> None:
    with Interpreter() as interpreter:
        interpreter.load(good)
        found = interpreter.allocation
        assert found.total == found.head + found.tail
        with pytest.raises(DataError, match=r"an arena of 2,048 B is too small") as e:
            interpreter.load(good, arena=2048)
        one_line(e.value, good)
        interpreter.load(good)
        assert interpreter.allocation == found, "the next file is not harmed"


def test_the_runtimes_agree_bit_for_bit(good: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    clips = np.random.default_rng(0).integers(-128, 128, (8, 40, 17, 1)).astype(np.int8)
    found = []
    for name in NAMES:
        with Interpreter(name) as interpreter:
            interpreter.load(good)
            found.append(interpreter.run(clips))
    assert np.array_equal(*found) and found[0].std() > 0


def test_only_the_chips_interpreter_reports_an_arena(good: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    with Interpreter("litert-ref") as interpreter:
        interpreter.load(good)
        with pytest.raises(DataError, match="no allocation report"):
            _ = interpreter.allocation


def test_clips_of_another_shape_are_refused(interpreter: Interpreter, good: Path) -> None:
    interpreter.load(good)
    with pytest.raises(DataError, match="expects clips of"):
        interpreter.run(np.zeros((1, 41, 17, 1), np.int8))
    assert interpreter.run(np.zeros((2, 40, 17, 1), np.int8)).shape == (2, 3)


def test_a_file_of_somebody_else_has_no_architecture(tmp_path: Path) -> None:
    (tmp_path / "x.tflite").write_bytes(small("RELU", "ReshapeOptions"))
    with pytest.raises(DataError, match="was not written by hwasc"):
        read_about(tmp_path / "x.tflite")


def test_without_the_package_one_line_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters.importlib.util, "find_spec", lambda name: None)
    for name, extra in (("tflm", "tflm"), ("litert-ref", "litert")):
        with pytest.raises(HwascError, match=rf"pip install 'hwasc\[{extra}\]'"):
            Interpreter(name)  # type: ignore[arg-type]


@pytest.mark.slow
def test_mutated_files_never_take_this_process_down(good: Path, tmp_path: Path) -> None:
    """Bytes changed, cut and doubled: each either runs or is one line; afterwards the good file still runs."""
    content, rng, refused = good.read_bytes(), random.Random(0), 0
    path = tmp_path / "mutant.tflite"
    with Interpreter(timeout=5) as interpreter:
        clips = np.zeros((1, 40, 17, 1), np.int8)
        interpreter.load(good)
        expected = (interpreter.allocation, interpreter.run(clips).tolist())
        for _ in range(MUTANTS):
            data = bytearray(content)
            kind = rng.randrange(4)
            if kind == 0:
                data = data[: rng.randrange(len(data))]
            elif kind == 1:
                at = rng.randrange(len(data))
                data[at:at] = data[at : at + rng.randrange(64)]
            else:  # the structure lies at both ends, weights in the middle
                for _ in range(rng.choice([1, 4, 30])):
                    at = rng.randrange(len(data)) if kind == 2 else rng.randrange(min(3000, len(data)))
                    data[at] = rng.randrange(256)
            path.write_bytes(data)
            try:
                interpreter.load(path)
                if interpreter.input.shape == (1, 40, 17, 1):
                    interpreter.run(clips)
            except DataError as e:
                one_line(e, path)
                refused += 1
        assert refused > MUTANTS // 6, "the mutations mean something"
    with Interpreter() as fresh:
        fresh.load(good)
        assert (fresh.allocation, fresh.run(clips).tolist()) == expected
