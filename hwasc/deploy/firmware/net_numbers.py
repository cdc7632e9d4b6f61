"""The numbers of each kind of step of the net in C, with the factors that TensorFlow Lite Micro computes when it prepares a file.

Real factors are computed in double precision from the file's single-precision scales, in the same order as there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from hwasc.cost.graph import Graph, Operator
from hwasc.cost.row_graph import Padding
from hwasc.cost.row_plan import Axis
from hwasc.deploy.constants import IntegerFilters, Quantized
from hwasc.deploy.firmware.linear import SUM_BITS, linear_average, linear_sum
from hwasc.deploy.firmware.packing import fold_zero, integer_scale, largest_sums, pack
from hwasc.deploy.flatfile import FileTensor
from hwasc.errors import UsageError

POOL = 3  # rows and columns of an average, at most
LARGEST = 2**16 - 1  # columns, channels, rows, bytes of a row
LARGEST_SUM = 2**30  # the kernels' rounding needs one bit of the int32 sums


@dataclass(frozen=True)
class Net:
    """A net to be written.

    Attributes:
        graph: The deployment graph.
        numbers: Its scales and constants.
        axis: What a row of the maps is one step of.
        padding: Of its windows.
    """

    graph: Graph
    numbers: Quantized
    axis: Axis
    padding: Padding

    @property
    def along(self) -> int:
        """The index of the row axis in a shape."""
        return 1 if self.axis == "mels" else 2

    def columns(self, tensor: int) -> int:
        """Columns of a tensor."""
        return self.graph.tensors[tensor][3 - self.along]

    def channels(self, tensor: int) -> int:
        """Channels of a tensor."""
        return self.graph.tensors[tensor][3]

    def scale(self, tensor: int) -> float:
        """Scale of a tensor, as single precision holds it."""
        return float(np.float32(self.numbers.steps[tensor][0]))

    def zero(self, tensor: int) -> int:
        """Zero point of a tensor."""
        return self.numbers.steps[tensor][1]

    def pad(self, op: Operator, along: int) -> int:
        """Rows or columns of an operator's first window that lie outside the map.

        Args:
            op: A convolution or an average.
            along: 1: over mels; 2: over frames.

        Returns:
            Their number.
        """
        size = self.graph.tensors[op.inputs[0]][along]
        kernel, stride = op.window[along - 1], op.stride[along - 1]
        if self.padding == "torch":
            return kernel // 2
        return max((-(-size // stride) - 1) * stride + kernel - size, 0) // 2


@dataclass(frozen=True)
class Operand:
    """A tensor that a step reads: for row r, `kernel` rows from r * stride - pad on.

    Attributes:
        tensor: Its number in the graph; -1: sums.
        kernel: Rows under the window.
        stride: Rows from one window to the next; 0: the same row for all.
        pad: Rows of the first window before the map.
    """

    tensor: int
    kernel: int = 1
    stride: int = 1
    pad: int = 0


@dataclass(frozen=True)
class Numbers:
    """A step's function with its numbers.

    Attributes:
        run: Name of the C function.
        type: Name of the C struct of its numbers.
        operands: What it reads.
        fields: Of the struct.
        tables: Constant tables, by the field that points to them.
    """

    run: str
    type: str
    operands: tuple[Operand, ...]
    fields: Mapping[str, object]
    tables: Mapping[str, np.ndarray] = field(default_factory=dict)


def numbers_of(net: Net, number: int) -> Numbers:
    """The numbers of an operator.

    Args:
        net: The net.
        number: Of the operator in the graph.

    Returns:
        Function and numbers; for a mean over the map the function that makes the vector of the sums.

    Raises:
        UsageError: There is no function for it, or a number is too large.
    """
    op, constant = net.graph.operators[number], net.numbers.constants[number]
    if op.kind == "average_pool":
        return _average(net, op, constant)
    if isinstance(constant, IntegerFilters):
        return _convolution(net, op, constant)
    if op.kind not in KINDS:
        raise UsageError(
            f"layer '{op.layer}': the firmware has no kernel for the operator '{op.kind}'; export as 'tflite'"
        )
    return KINDS[op.kind](net, op, constant)


def checked(value: int, what: str, *, layer: str, most: int = LARGEST) -> int:
    """Check that a number fits the C struct.

    Args:
        value: The number.
        what: What it counts, for the message.
        layer: The layer, for the message.
        most: The largest possible.

    Returns:
        The number.

    Raises:
        UsageError: It is larger.
    """
    if value > most:
        raise UsageError(f"layer '{layer}': {value:,} {what} are more than the firmware's {most:,}; export as 'tflite'")
    return value


def factor(real: float) -> dict[str, object]:
    """A real factor as a `scene_factor`."""
    multiplier, shift = integer_scale(real)
    return {"multiplier": multiplier, "shift": shift}


def _convolution(net: Net, op: Operator, filters: IntegerFilters) -> Numbers:
    (x,), y = op.inputs, op.output
    depthwise = op.kind != "conv"
    bias = fold_zero(filters.bias, filters.weight, net.zero(x))
    largest = int(largest_sums(bias, filters.weight).max())
    if largest >= LARGEST_SUM:
        raise UsageError(
            f"layer '{op.layer}': a sum can reach {largest:,}, the firmware's kernels hold sums below {LARGEST_SUM:,}; "
            "train it further (its scales are too small), or export as 'tflite'"
        )
    scales = [integer_scale(net.scale(x) * float(s) / net.scale(y)) for s in filters.scale]
    rows, columns = _window(net, op)
    pointwise = not depthwise and op.area == 1
    return Numbers(
        f"scene_step_{'depthwise' if depthwise else 'pointwise' if pointwise else 'conv'}",
        "scene_conv",
        (Operand(x, rows, op.stride[net.along - 1], net.pad(op, net.along)),),
        {
            **{"in_columns": net.columns(x), "in_channels": net.channels(x)},
            **{"out_columns": net.columns(y), "out_channels": net.channels(y)},
            **{"kernel_rows": rows, "kernel_columns": columns},
            **{"stride_columns": op.stride[2 - net.along], "pad_columns": net.pad(op, 3 - net.along)},
            **{"in_zero": net.zero(x), "out_zero": net.zero(y), "out_min": _least(net, op)},
        },
        tables={
            "weights": pack(filters.weight, depthwise=depthwise, axis=net.axis),
            "bias": bias.astype(np.int32),
            "multiplier": np.array([m for m, _ in scales], np.int32),
            "shift": np.array([s for _, s in scales], np.int8),
        },
    )


def _window(net: Net, op: Operator) -> tuple[int, int]:
    """Rows and columns of an operator's window."""
    rows, columns = op.window if net.axis == "mels" else op.window[::-1]
    return checked(rows, "rows of a kernel", layer=op.layer, most=255), columns


def _least(net: Net, op: Operator) -> int:
    return net.zero(op.output) if op.relu else -128


def _average(net: Net, op: Operator, constant: object) -> Numbers:
    (x,) = op.inputs
    rows, columns = _window(net, op)
    if max(rows, columns) > POOL:
        raise UsageError(
            f"layer '{op.layer}': the firmware averages over {POOL} x {POOL} cells at most; export as 'tflite'"
        )
    fields: dict[str, object] = {
        **{"in_columns": net.columns(x), "out_columns": net.columns(op.output), "channels": net.channels(x)},
        **{"kernel_rows": rows, "kernel_columns": columns},
        **{"stride_columns": op.stride[2 - net.along], "pad_columns": net.pad(op, 3 - net.along)},
    }
    operand = Operand(x, rows, op.stride[net.along - 1], net.pad(op, net.along))
    if not isinstance(constant, IntegerFilters):
        return Numbers("scene_step_average", "scene_pool", (operand,), fields)
    form = linear_average(net.scale(x) * float(constant.scale[0]) / net.scale(op.output), net.zero(x), op.area)
    fields |= {"zero": net.zero(x), "shift": form.shift, "factor": form.a, "offset": form.offset}
    return Numbers("scene_step_average_padded", "scene_pool", (operand,), fields)


def _mean(net: Net, op: Operator, constant: object) -> Numbers:
    (x,), y = op.inputs, op.output
    _, height, width, channels = net.graph.tensors[x]
    over_channels = channels != net.channels(y)
    if over_channels and height * width > 1:
        raise UsageError(f"layer '{op.layer}': the firmware has no mean over channels of a map; export as 'tflite'")
    count = channels if over_channels else height * width
    checked(count, "elements of a mean", layer=op.layer, most=2**31 // 256)
    multiplier, shift = integer_scale(net.scale(x) / net.scale(y))
    # the division is part of the factor, whose bits are used as far as they reach
    more = min(count.bit_length() - 1, 32, 31 + shift)
    fields = {
        **{"columns": net.columns(x), "channels": channels, "offset": net.zero(x) * count},
        "factor": {"multiplier": (multiplier << more) // count, "shift": shift - more},
        **{"out_zero": net.zero(y)},
    }
    return Numbers(f"scene_step_{'channel_mean' if over_channels else 'mean'}", "scene_mean", (Operand(x),), fields)


def _pair(net: Net, op: Operator, constant: FileTensor | None) -> Numbers:
    """Operators on two operands."""
    shape = net.graph.tensors[op.output]
    tensors = list(op.inputs)
    if op.kind in ("add", "mul") and net.graph.tensors[tensors[0]] != shape:
        tensors.reverse()
    a = tensors[0]
    if isinstance(constant, FileTensor):
        b_shape, b_scale, b_zero = constant.shape, float(np.float32(constant.scale)), constant.zero_point
        if len(tensors) > 1 or constant.data is None:
            raise UsageError(
                f"layer '{op.layer}': '{op.kind}' has other operands than the firmware's; export as 'tflite'"
            )
    else:
        b_shape, b_scale, b_zero = net.graph.tensors[tensors[1]], net.scale(tensors[1]), net.zero(tensors[1])
    vector = b_shape != shape or isinstance(constant, FileTensor)
    channels = shape[3]
    if net.graph.tensors[a] != shape or (vector and tuple(b_shape) not in ((1, 1, 1, 1), (1, 1, 1, channels))):
        raise UsageError(f"layer '{op.layer}': '{op.kind}' mixes shapes that the firmware can't; export as 'tflite'")
    operands = [Operand(a)]
    if not isinstance(constant, FileTensor):
        operands.append(Operand(tensors[1], stride=0 if vector else 1))
    y = op.output
    tables = {"constant": constant.data.reshape(-1)} if isinstance(constant, FileTensor) else {}  # type: ignore[union-attr]
    shared = {"columns": net.columns(y), "channels": channels, "step": int(b_shape[3] == channels)}
    suffix = "_vector" if vector else ""
    scales, zeros = (net.scale(a), b_scale, net.scale(y)), (net.zero(a), b_zero, net.zero(y))
    if op.kind == "add" and _least(net, op) == -128 and (form := linear_sum(scales, zeros)):
        fields: dict[str, object] = {"a": form.a, "b": form.b, "offset": form.offset, "shift": form.shift}
        return Numbers(f"scene_step_linear{suffix}", "scene_linear", tuple(operands), shared | fields, tables=tables)
    real = {"mul": scales[0] * scales[1] / scales[2], "div": scales[0] / (scales[1] * scales[2])}
    if op.kind == "mul" and _least(net, op) == -128 and (fields := _product(real["mul"], zeros)):
        return Numbers(f"scene_step_product{suffix}", "scene_product", tuple(operands), shared | fields, tables=tables)
    fields = {"a_zero": zeros[0], "b_zero": zeros[1], "out_zero": zeros[2], "out_min": _least(net, op)}
    if op.kind == "add":
        twice = 2 * max(scales[:2])
        fields |= {"a": factor(scales[0] / twice), "b": factor(scales[1] / twice)}
        fields["out"] = factor(twice / (2**SUM_BITS * scales[2]))
    elif op.kind in real:
        fields["out"] = factor(real[op.kind])
    suffix = suffix if op.kind in ("add", "mul") else ""
    return Numbers(f"scene_step_{op.kind}{suffix}", "scene_pair", tuple(operands), shared | fields, tables=tables)


def _product(real: float, zeros: tuple[int, int, int]) -> dict[str, object]:
    """The fields of a `scene_product`, where the factor allows it, else nothing."""
    multiplier, shift = integer_scale(real)
    left, right = max(shift, 0), max(-shift, 0)
    if not 1 <= right <= 22:
        return {}
    rounding = (1 << (right - 1)) + (zeros[2] << right)
    more = {"left": left, "right": right, "a_zero": zeros[0], "b_zero": zeros[1]}
    return {"multiplier": multiplier, "rounding": rounding, **more}


def _root(net: Net, op: Operator, constant: object) -> Numbers:
    (x,), y = op.inputs, op.output
    real = 1.0 / float(np.sqrt(np.float32(net.scale(x))) * np.float32(net.scale(y)))
    fields = {
        **{"channels": net.channels(x), "in_zero": net.zero(x), "out_zero": net.zero(y)},
        "factor": factor(real),
    }
    return Numbers("scene_step_rsqrt", "scene_unary", (Operand(x),), fields)


KINDS: dict[str, Callable[[Net, Operator, FileTensor | None], Numbers]] = {
    "mean": _mean,
    **dict.fromkeys(("add", "mul", "div", "maximum"), _pair),
    "rsqrt": _root,
}
