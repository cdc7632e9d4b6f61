"""Cases of the firmware's kernels: random convolutions with the outputs that integers of numpy give."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hwasc.cost.graph import Graph, Operator
from hwasc.cost.kernel_scratch import patch_bytes
from hwasc.deploy.firmware.packing import fold_zero, pack

KINDS = ("pointwise", "conv", "depthwise")


@dataclass(frozen=True)
class Case:
    """One output row of a convolution.

    Attributes:
        kind: One of `KINDS`.
        window: Rows and columns of the kernel.
        stride: Over the columns.
        pad: Columns before the first.
        columns: Of the input.
        channels: Of the input.
        outputs: Channels of the output.
        zeros: The input's zero point, the output's, and the least output.
        rows: Which rows are inside the map, a bit each.
        off: Bytes that pointers are away from an aligned place.
        shifts: The least and largest shift.
        numbers: Of inputs and weights: `all`, `extreme` (-128 and 127) or `small` (so that halves are met when rounding).
        seed: Of the numbers.
    """

    kind: str
    window: tuple[int, int]
    stride: int
    pad: int
    columns: int
    channels: int
    outputs: int
    zeros: tuple[int, int, int]
    rows: int
    off: int
    shifts: tuple[int, int]
    numbers: str
    seed: int

    @property
    def out_columns(self) -> int:
        """Columns of the output: of SAME padding and of torch's k // 2."""
        return -(-self.columns // self.stride)


def multiply(sums: np.ndarray, multiplier: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """gemmlowp's doubling high multiplication, then its rounding division by a power of two."""
    left, right = np.maximum(shift, 0), np.maximum(-shift, 0)
    product = np.clip(sums << left, -(2**31), 2**31 - 1) * multiplier
    nudge = np.where(product >= 0, 1 << 30, 1 - (1 << 30))
    nudged = product + nudge
    high = np.where(nudged >= 0, nudged >> 31, -(-nudged >> 31))  # C's division truncates
    mask = (1 << right) - 1
    return (high >> right) + ((high & mask) > (mask >> 1) + (high < 0))


def bytes_of(case: Case) -> bytes:
    """The case's fields, constants, input rows and outputs, as kernel_cases.c reads them."""
    random = np.random.default_rng(case.seed)
    depthwise = case.kind == "depthwise"
    shape = (case.outputs, 1 if depthwise else case.channels, *case.window)
    values = {"all": np.arange(-128, 128), "extreme": np.array([-128, 127]), "small": np.arange(-3, 4)}[case.numbers]
    weights, x = (random.choice(values, s) for s in (shape, (case.window[0], case.columns, case.channels)))
    in_zero, out_zero, out_min = case.zeros
    most = 50 if case.numbers == "small" else 20000
    bias = fold_zero(random.integers(-most, most, case.outputs), weights, in_zero)
    multiplier = random.integers(2**30, 2**31, case.outputs)
    exact = case.outputs if case.numbers == "small" else case.outputs // 4
    multiplier[:exact] = random.choice([2**30, 2**31 - 1], exact)
    shift = random.integers(case.shifts[0], case.shifts[1] + 1, case.outputs)
    inside = [r for r in range(case.window[0]) if case.rows >> r & 1]
    ends = case.pad, case.window[1] + case.stride
    padded = np.pad(x, ((0, 0), ends, (0, 0)), constant_values=in_zero)
    padded[[r for r in range(case.window[0]) if r not in inside]] = in_zero
    sums = np.tile(bias, (case.out_columns, 1))
    for j in range(case.out_columns):
        seen = padded[:, j * case.stride : j * case.stride + case.window[1]]
        sums[j] += (
            np.einsum("rkc,crk->c", seen, weights[:, 0]) if depthwise else np.einsum("rkc,ocrk->o", seen, weights)
        )
    out = np.clip(multiply(sums, multiplier, shift) + out_zero, out_min, 127)
    graph = Graph(((1, 99, case.columns, case.channels), (1, 99, case.out_columns, case.outputs)), (), (0,), (1,))
    op = Operator(
        "depthwise" if depthwise else "conv",
        "",
        (0,),
        1,
        kernel=case.window,
        stride=(1, case.stride),  # type: ignore[arg-type]
    )
    fields = [KINDS.index(case.kind), *case.window, case.stride, case.pad, case.columns, case.channels]
    fields += [case.out_columns, case.outputs, *(z & 0xFFFF for z in case.zeros)]
    fields += [patch_bytes(graph, op, "mels"), case.rows, case.off, 0]
    parts = [np.array(fields, "<u2"), bias.astype("<i4"), multiplier.astype("<i4"), shift.astype(np.int8)]
    parts += [
        pack(weights.astype(np.int8), depthwise=depthwise, axis="mels"),
        x[inside].astype(np.int8),
        out.astype(np.int8),
    ]
    return b"".join(p.tobytes() for p in parts)


def cases(count: int) -> Iterator[Case]:
    """Random cases; the same for the same count."""
    random = np.random.default_rng(7)
    windows = [(3, 3), (3, 3), (5, 5), (1, 3), (3, 1), (5, 3), (3, 5)]
    for number in range(count):
        kind = KINDS[number % 3]
        window = (1, 1) if kind == "pointwise" else windows[random.integers(len(windows))]
        channels, outputs = (int(n) for n in random.integers(1, 41, 2))
        out_zero = int(random.integers(-128, 128))
        zeros = int(random.integers(-128, 128)), out_zero, out_zero if random.integers(2) else -128
        if random.integers(2):
            zeros = (-128, -128, -128)
        numbers = ("all", "small", "all", "extreme", "all")[number % 5]
        shifts = [(-12, -5), (-9, -7), (-31, 0), (-3, 4)][random.integers(4)]
        yield Case(
            kind,
            window,
            stride=int(random.integers(1, 3)),
            pad=int(random.integers(0, window[1] // 2 + 1)),
            columns=int(random.integers(1, 14)),
            channels=channels,
            outputs=channels if kind == "depthwise" else outputs,
            zeros=zeros,
            rows=int(random.integers(1, 2 ** window[0])) | (2 ** window[0] - 1) * int(random.integers(2)),
            off=int(random.integers(4)),
            shifts=(-4, int(random.integers(-1, 2))) if numbers == "small" else shifts,
            numbers=numbers,
            seed=number,
        )
