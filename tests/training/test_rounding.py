"""The kernels' arithmetic: exactly that of integers (gemmlowp's fixed-point multiplication), and that of the interpreter."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from hwasc.deploy.flatfile import FileOperator, FileTensor, write
from hwasc.deploy.interpreter import Interpreter
from hwasc.training.newton import halved, high_product
from hwasc.training.rounding import (
    Multiplier,
    added,
    divided,
    reciprocal_root,
    shift_of,
    shift_of_mean,
)

ONE = torch.ones(1)


def high_multiply(a: int, b: int) -> int:
    """SaturatingRoundingDoublingHighMul of two int32."""
    product = a * b
    nudged = product + ((1 << 30) if product >= 0 else 1 - (1 << 30))
    return int(math.copysign(abs(nudged) >> 31, nudged))  # C++ division truncates


def shift_right(x: int, bits: int) -> int:
    """RoundingDivideByPOT: halves away from zero."""
    mask = (1 << bits) - 1
    threshold = (mask >> 1) + (1 if x < 0 else 0)
    return (x >> bits) + (1 if (x & mask) > threshold else 0)


def kernel(total: int, factor: float) -> int:
    """MultiplyByQuantizedMultiplier with the multiplier of a real factor."""
    mantissa, exponent = math.frexp(factor)
    multiplier = round(mantissa * 2**31)
    if multiplier == 2**31:
        multiplier, exponent = multiplier // 2, exponent + 1
    return shift_right(high_multiply(total * (1 << max(exponent, 0)), multiplier), max(-exponent, 0))


@pytest.mark.parametrize(
    "factor", [0.3, 0.0085, 1 / 127, 0.126, 1.618, 0.00071, 0.5, 0.25 - 1e-12, 0.0078125 * (1 - 1e-8)]
)
def test_products_round_as_the_kernels_do(factor: float) -> None:
    rng = random.Random(0)
    most = int(300 / factor)
    totals = [rng.randint(-most, most) for _ in range(3000)]
    ours = Multiplier.of(factor, ONE)(torch.tensor(totals)).flatten()
    assert ours.tolist() == [kernel(t, factor) for t in totals]


def test_the_shift_of_a_product_is_computed_in_double() -> None:
    """These scales are a power of two in float32, and a little less in float64."""
    a, b, y = (float(np.float32(x)) for x in (0.022790098562836647, 0.03615880757570267, 0.10548003762960434))
    assert int(shift_of(torch.tensor(a * b / y, dtype=torch.float64))) == 7
    assert int(shift_of(torch.tensor(a) * torch.tensor(b) / torch.tensor(y))) == 6
    assert float(Multiplier.of(a * b / y, ONE).second) == 2**-7


@pytest.mark.parametrize(("factor", "elements"), [(6.3, 50), (0.9, 7), (1.0, 1), (25.0, 1000), (0.4, 64)])
def test_means_fold_their_division_into_the_multiplier(factor: float, elements: int) -> None:
    mantissa, exponent = math.frexp(factor)
    more = min(elements.bit_length() - 1, 32, 31 + exponent)
    multiplier, shift = (round(mantissa * 2**31) << more) // elements, exponent - more
    rng = random.Random(1)
    totals = [rng.randint(-128 * elements, 128 * elements) for _ in range(2000)]
    totals = [t for t in totals if abs(t * factor / elements) < 300]
    theirs = [shift_right(high_multiply(t * (1 << max(shift, 0)), multiplier), max(-shift, 0)) for t in totals]
    by = Multiplier.of_mean(factor, elements, ONE)
    assert by(torch.tensor(totals)).flatten().tolist() == theirs
    assert float(by.second) == 2.0 ** -shift_of_mean(factor, elements)


def test_integers_round_as_the_kernels_do() -> None:
    rng = random.Random(2)
    for _ in range(2000):
        a, b, bits = rng.randint(-(2**31), 2**31 - 1), rng.randint(1, 2**31 - 1), rng.randint(0, 30)
        assert high_product(a, b) == high_multiply(a, b) and halved(a, bits) == shift_right(a, bits)


@pytest.fixture(scope="module")
def interpreter() -> Iterator[Interpreter]:
    pytest.importorskip("tflite_micro")
    with Interpreter() as one:
        yield one


STEPS = [  # of both operands and the result; the first three have quotients on a half
    (0.009500882588326931, 0.00043582962825894356, 0.08548836410045624),
    (0.0007434369181282818, 0.00010042257054010406, 0.02903171069920063),
    (0.013472716324031353, 0.0025959734339267015, 0.020352357998490334),
    (0.022790098562836647, 0.03615880757570267, 0.10548003762960434),
    (0.0123, 0.0234, 0.031),
    (0.01, 0.02, 0.003),
]
ALL = np.arange(-128, 128).astype(np.int8)


def single(code: str, steps: tuple[float, ...], *, zero: int, constant: np.ndarray | None) -> bytes:
    """One operator over every stored number, with every number of a constant."""
    width = 1 if constant is None else constant.size
    tensors = [FileTensor("x", (1, 16, 16, 1), steps[0], zero), FileTensor("y", (1, 16, 16, width), steps[-1], zero)]
    if constant is not None:
        tensors.append(FileTensor("c", (1, 1, 1, width), steps[1], zero, data=constant.reshape(1, 1, 1, -1)))
    table = "" if code == "RSQRT" else f"{code.capitalize()}Options"
    operator = FileOperator(
        code, (0,) if constant is None else (0, 2), 1, table, {"FusedActivationFunction": 0} if table else {}
    )
    return write(tensors, [operator], inputs=[0], outputs=[1], metadata={}, description="one operator")


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize(("code", "zero"), [("ADD", 0), ("MUL", -128), ("DIV", -128)])
def test_every_pair_of_numbers_gives_the_interpreters_result(
    code: str, zero: int, steps: tuple[float, float, float], interpreter: Interpreter, tmp_path: Path
) -> None:
    steps = tuple(float(np.float32(x)) for x in steps)  # type: ignore[assignment]
    if code == "DIV" and steps[0] < 64 * steps[1] * steps[2]:
        pytest.skip("the kernel shifts by more than 31 bits, which C does not define")
    constant = ALL[1:] if code == "DIV" else ALL
    (tmp_path / "m.tflite").write_bytes(single(code, steps, zero=zero, constant=constant))
    interpreter.load(tmp_path / "m.tflite")
    theirs = interpreter.run(ALL.reshape(1, 16, 16, 1)).reshape(256, -1).astype(int) - zero
    a, b = (
        torch.tensor(x.astype(np.float32)) - zero for x in (ALL.reshape(1, 1, -1, 1), constant.reshape(1, 1, 1, -1))
    )
    if code == "MUL":
        ours = Multiplier.of(steps[0] * steps[1] / steps[2], a)(a * b)
    else:
        ours = (added if code == "ADD" else divided)(a, b, steps)
    low = -128 - zero
    assert np.array_equal(ours.clamp(low, low + 255).reshape(256, -1).numpy(), theirs)


@pytest.mark.parametrize("steps", [(0.0123, 0.0432), (0.9, 0.0042), (4e-7, 7.3)])
def test_every_reciprocal_root_is_the_interpreters(
    steps: tuple[float, float], interpreter: Interpreter, tmp_path: Path
) -> None:
    steps = (float(np.float32(steps[0])), float(np.float32(steps[1])))
    (tmp_path / "m.tflite").write_bytes(single("RSQRT", steps, zero=-128, constant=None))
    interpreter.load(tmp_path / "m.tflite")
    theirs = interpreter.run(ALL.reshape(1, 16, 16, 1)).ravel().astype(int) + 128
    ours = reciprocal_root(torch.arange(1.0, 256.0), steps).flatten().clamp(max=255)
    assert ours.tolist() == theirs[1:].tolist()
