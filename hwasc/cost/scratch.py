"""Scratch that CMSIS-NN's int8 kernels take of the arena, as TensorFlow Lite Micro's `cmsis_nn` kernels ask for it.

Sizes are those of its *_get_buffer_size functions (github.com/ARM-software/CMSIS-NN, Source/), read at these file revisions:

    arm_convolve_wrapper_s8 (V.2.3.0, 6 March 2026)          1x1 without padding: none (built with GCC; Arm Compiler takes
                                                             4 bytes an input channel). Else, in C and with the DSP
                                                             extension, two int16 columns of kernel area x channels rounded
                                                             up to 4; with MVE four int8 columns rounded up to 16.
    arm_depthwise_conv_wrapper_s8 (V.1.1.0, 30 Oct. 2023)    C: none. DSP: none for 3x3 padded by at most 1, else an int16
                                                             copy of the kernels. MVE: four int8 blocks of 124 channels.
    arm_avgpool_s8 (V.1.0.0, 25 January 2023)                DSP: an int32 a channel. C, MVE: none.

1xn convolutions take the same, but for MVE, where this is an upper bound; add, mul and maximum ask for none; mean, div and rsqrt
run as reference kernels, whose scratch `memory.py` counts. Padding in the file is SAME: a torch-padded net's strided kernels are
one wider there, and its averages are depthwise convolutions; both take more.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from hwasc.cost.alignment import align
from hwasc.cost.graph import Graph, Operator
from hwasc.cost.memory import Plan, plan_greedy
from hwasc.errors import UsageError
from hwasc.suggestion import did_you_mean

Extension = Literal["c", "dsp", "mve"]
Padding = Literal["same", "torch"]

EXTENSIONS: dict[str, Extension] = {
    "cortex-m0+": "c",
    "cortex-m4": "dsp",
    "cortex-m7": "dsp",
    "cortex-m33": "dsp",
    "cortex-m55": "mve",
}

MVE_CHANNELS = 124  # CH_IN_BLOCK_MVE


def known(target: str, targets: Iterable[str]) -> str:
    """Check the name of a target.

    Args:
        target: The name.
        targets: Known names.

    Returns:
        The name.

    Raises:
        UsageError: It is unknown; the message suggests the nearest.
    """
    names = list(targets)
    if target in names:
        return target
    hint = did_you_mean(target.lower(), names)
    raise UsageError(f"target '{target}' is not known{hint} (known: {', '.join(names)})")


def scratch(graph: Graph, target: str, padding: Padding = "same") -> dict[int, int]:
    """Compute the scratch of CMSIS-NN's kernels.

    Args:
        graph: The deployment graph.
        target: A core, see `EXTENSIONS`.
        padding: The architecture's.

    Returns:
        Bytes by operator (from 0), for operators whose kernel asks for any.

    Raises:
        UsageError: The target is unknown.
    """
    extension = EXTENSIONS[known(target, EXTENSIONS)]
    sizes = ((i, _size(graph, op, extension, padding)) for i, op in enumerate(graph.operators))
    return {i: size for i, size in sizes if size}


def plan_with_scratch(graph: Graph, target: str, padding: Padding = "same") -> Plan:
    """Compute the interpreter's own plan if it is built with CMSIS-NN.

    Args:
        graph: The deployment graph.
        target: A core, see `EXTENSIONS`.
        padding: The architecture's.

    Returns:
        The plan.
    """
    return plan_greedy(graph, scratch(graph, target, padding))


def window_in_file(graph: Graph, op: Operator, padding: Padding) -> tuple[int, int]:
    """The extent of a kernel as the file has it.

    SAME and torch's k // 2 differ for a stride of 2 and an even size; one more zero at the kernel's end compensates for it.

    Args:
        graph: The deployment graph.
        op: One of its operators.
        padding: The architecture's.

    Returns:
        Cells over frequency and time.
    """
    if padding == "same":
        return op.window
    _, *sizes, _ = graph.tensors[op.inputs[0]]
    rows, columns = (
        kernel + int(kernel > 1 and stride == 2 and size % 2 == 0)
        for kernel, stride, size in zip(op.window, op.stride, sizes, strict=True)
    )
    return rows, columns


def _size(graph: Graph, op: Operator, extension: Extension, padding: Padding) -> int:
    if op.kind not in ("conv", "depthwise", "average_pool"):
        return 0
    channels = graph.tensors[op.inputs[0]][3]
    window = window_in_file(graph, op, padding)
    area = window[0] * window[1]
    if op.kind == "conv":
        if area == 1:
            return 0
        return 4 * align(area * channels, 16) if extension == "mve" else 2 * 2 * align(area * channels, 4)
    if op.kind == "average_pool" and padding == "same":
        return 4 * channels if extension == "dsp" else 0
    if extension == "mve":
        return 4 * MVE_CHANNELS * area
    return 2 * area * channels if extension == "dsp" and window != (3, 3) else 0
