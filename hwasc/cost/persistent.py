"""The arena apart from the head: the structs of TensorFlow Lite Micro (the tail), and what it needs only to load a file.

Its allocations are computed one by one, because their alignment matters. Sizes are those of a 64-bit host, measured with
tflite-micro 0.dev20261023182759 and its reference kernels. With these a tail is exact; a chip's pointers are half as wide,
so there it is an upper bound. Kernels made for a chip may need more. No torch.
"""

from __future__ import annotations

from dataclasses import dataclass

from hwasc.cost import graph as deployment
from hwasc.cost.alignment import align
from hwasc.records.architecture import Architecture

MEASURED_WITH = "tflite-micro 0.dev20261023182759"
FIXED, NODE, TENSOR = 488, 64, 24  # bytes: the allocator and its planner, one operator, one tensor (constants too)
HANDLE, POINTER, END = 8, 8, 96  # of a scratch buffer; to an input or output, and its full description
MULTIPLIER, SCRATCHES = 4, 3  # bytes a channel, of which a convolution has two rows; scratch buffers of a mean
# While loading: a scratch request (a dozen are reserved), the planner's records of a tensor and of a planned buffer.
REQUEST, RESERVED, RECORD, PLANNED, SLACK = 16, 12, 32, 40, 32
TEMPORARIES, PER_CHANNEL = 672, 12  # bytes while a kernel prepares: its tensors' descriptions, their zero points


@dataclass(frozen=True, slots=True)
class Kernel:
    """Memory of one kind of operator.

    Attributes:
        reads: Tensors that it reads, with constants.
        options: Bytes of its options.
        data: Bytes of its data.
    """

    reads: int
    options: int
    data: int


KERNELS = {
    "conv": Kernel(3, 28, 80),
    "depthwise": Kernel(3, 28, 80),
    "average_pool": Kernel(1, 40, 32),
    "add": Kernel(2, 8, 60),
    "mul": Kernel(2, 4, 36),
    "div": Kernel(2, 4, 28),
    "mean": Kernel(2, 1, 44),
    "maximum": Kernel(2, 0, 0),
    "rsqrt": Kernel(1, 0, 28),
}


def tail(architecture: Architecture) -> int:
    """Compute the bytes of the interpreter's structs for an architecture's file; they do not depend on the memory plan."""
    return _tail_and_loading(architecture, deployment.build(architecture))[0]


def arena(architecture: Architecture, head: int, graph: deployment.Graph | None = None) -> int:
    """Compute the smallest arena.

    It is head and tail, unless loading needs more than the head: many operators on small maps. That part is a bound; of 60 random
    nets none ran in 32 bytes less.

    Args:
        architecture: The student's.
        head: Bytes of the memory plan.
        graph: The architecture's graph, if it is built already.

    Returns:
        Bytes, a multiple of 16.
    """
    persistent, loading = _tail_and_loading(architecture, graph or deployment.build(architecture))
    return align(max(head + persistent, loading))


def _tail_and_loading(architecture: Architecture, graph: deployment.Graph) -> tuple[int, int]:
    """(the tail, the most that is in use while loading), both bytes."""
    kernels = []
    tensors = len(graph.tensors)
    for op in graph.operators:
        # in the file, torch's average is a depthwise convolution
        kind = "depthwise" if op.kind == "average_pool" and architecture.padding == "torch" else op.kind
        kernels.append(KERNELS[kind])
        tensors += KERNELS[kind].reads - len(op.inputs)
    used = FIXED + NODE * len(kernels) + TENSOR * tensors
    for kernel in kernels:
        used = align(used + kernel.options, 4 if kernel.options > 1 else 1)
    for kernel in kernels:
        used = align(used + kernel.data) if kernel.data else used
    scratch = loading = 0
    for op, kernel in zip(graph.operators, kernels, strict=True):
        channels = 1
        if kernel.reads == 3:
            channels = graph.tensors[op.output][3]
            used = align(used) + 2 * align(MULTIPLIER * channels)
        if op.kind == "mean":
            scratch += SCRATCHES
        loading = max(loading, used + REQUEST * (scratch + RESERVED) + TEMPORARIES + PER_CHANNEL * channels)
    used = align(used + HANDLE * scratch, HANDLE)
    records = REQUEST * (scratch + RESERVED) + RECORD * (tensors + scratch) + PLANNED * (len(graph.tensors) + scratch)
    loading = max(loading, used + align(records) + SLACK)
    for _ in (*graph.inputs, *graph.outputs):
        used = align(used + POINTER) + END
    return used, loading
