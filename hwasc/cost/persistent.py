"""The arena apart from the head: the structs of TensorFlow Lite Micro (the tail), and what it needs only to load a file.

Its allocations are computed one by one, because their alignment matters. There are two tables of sizes:

- `HOST`, a 64-bit computer, measured with tflite-micro 0.dev20261023182759 and its reference kernels. A tail is exact.
- `CHIP`, a 32-bit microcontroller, found within `ERROR` bytes on 13 nets in an emulated one. An arena has that much on top.
  Kernels of CMSIS-NN keep an index more for a convolution and an average, and have a handle for each scratch buffer.

No torch.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from hwasc.cost import graph as deployment
from hwasc.cost.alignment import align
from hwasc.records.architecture import Architecture

MEASURED_WITH = "tflite-micro 0.dev20261023182759"
ERROR = 16  # bytes between the table of a chip and the chip
MULTIPLIER, SCRATCHES = 4, 3  # bytes a channel, of which a convolution has two rows; scratch buffers of a mean
# While loading: a dozen scratch requests are reserved, the planner has a record of each planned buffer.
RESERVED, PLANNED, SLACK = 12, 40, 32
TEMPORARIES, PER_CHANNEL = 672, 12  # bytes while a kernel prepares: its tensors' descriptions, their zero points


@dataclass(frozen=True, slots=True)
class Structs:
    """Sizes of structs that hold pointers, in bytes.

    Attributes:
        fixed: The allocator and its planner.
        node: One operator.
        tensor: One tensor, constants too.
        handle: Of a scratch buffer.
        pointer: To an input or output.
        end: The full description of an input or output.
        conv: Data of a convolution.
        pool: Data of an average.
        request: A request for scratch, while loading.
        record: The planner's record of a tensor, while loading.
        error: By how much a tail may be larger than computed.
    """

    fixed: int
    node: int
    tensor: int
    handle: int
    pointer: int
    end: int
    conv: int
    pool: int
    request: int
    record: int
    error: int = 0


HOST = Structs(
    fixed=488, node=64, tensor=24, handle=8, pointer=8, end=96, conv=80, pool=32, request=16, record=32
)  # fmt: skip
CHIP = Structs(
    fixed=226, node=32, tensor=12, handle=4, pointer=4, end=48, conv=56, pool=32, request=12, record=24, error=ERROR
)  # fmt: skip
CHIP_CMSIS_NN = replace(CHIP, conv=CHIP.conv + 4, pool=CHIP.pool + 4)


@dataclass(frozen=True, slots=True)
class Kernel:
    """Memory of one kind of operator.

    Attributes:
        reads: Tensors that it reads, with constants (of a slice without the strides, which all share; of a join none).
        options: Bytes of its options.
        data: Bytes of its data, the same on every machine; None: it depends on the machine, see `Structs`.
    """

    reads: int
    options: int
    data: int | None


KERNELS = {
    "conv": Kernel(3, 28, None),
    "depthwise": Kernel(3, 28, None),
    "average_pool": Kernel(1, 40, None),
    "add": Kernel(2, 8, 60),
    "mul": Kernel(2, 4, 36),
    "div": Kernel(2, 4, 28),
    "mean": Kernel(2, 1, 44),
    "maximum": Kernel(2, 0, 0),
    "rsqrt": Kernel(1, 0, 28),
    "slice": Kernel(3, 24, 84),
    "concat": Kernel(0, 8, 72),
}
STRIDES = 1  # constant of all slices


def structs_of(kernels: str) -> Structs:
    """The structs that an arena is counted with.

    Args:
        kernels: `reference`: those of a 64-bit computer, where the interpreter can be asked. A core that CMSIS-NN is built for:
            those of a chip.

    Returns:
        The sizes.
    """
    return HOST if kernels == "reference" else CHIP_CMSIS_NN


def tail(
    architecture: Architecture,
    graph: deployment.Graph | None = None,
    *,
    structs: Structs = HOST,
    scratch: Collection[int] = (),
) -> int:
    """Compute the bytes of the interpreter's structs for an architecture's file; they do not depend on the memory plan.

    Args:
        architecture: The student's.
        graph: The graph of its file, if it is built already or runs in patches.
        structs: Their sizes.
        scratch: Operators, from 0, whose kernel has a scratch buffer besides those of the reference kernels.

    Returns:
        Bytes.
    """
    return _tail_and_loading(architecture, graph or deployment.build(architecture), structs, scratch)[0]


def arena(
    architecture: Architecture,
    head: int,
    graph: deployment.Graph | None = None,
    *,
    structs: Structs = HOST,
    scratch: Collection[int] = (),
) -> int:
    """Compute the smallest arena.

    It is head and tail, unless loading needs more than the head: many operators on small maps. That part is a bound; of 60 random
    nets none ran in 32 bytes less on a computer. For a chip the tail's possible error is added.

    Args:
        architecture: The student's.
        head: Bytes of the memory plan.
        graph: The graph of its file, if it is built already or runs in patches.
        structs: Sizes of the interpreter's structs.
        scratch: See `tail`.

    Returns:
        Bytes, a multiple of 16.
    """
    graph = graph or deployment.build(architecture)
    persistent, loading = _tail_and_loading(architecture, graph, structs, scratch)
    return align(max(head + persistent, loading) + structs.error)


def _tail_and_loading(
    architecture: Architecture, graph: deployment.Graph, structs: Structs, with_scratch: Collection[int]
) -> tuple[int, int]:
    """(the tail, the most that is in use while loading), both bytes."""
    kernels = []
    tensors = len(graph.tensors)
    for op in graph.operators:
        # in the file, torch's average is a depthwise convolution
        kind = "depthwise" if op.kind == "average_pool" and architecture.padding == "torch" else op.kind
        kernels.append(KERNELS[kind])
        if op.shares is None:
            tensors += max(KERNELS[kind].reads - len(op.inputs), 0)
    tensors += STRIDES * any(op.kind == "slice" for op in graph.operators)
    used = structs.fixed + structs.node * len(kernels) + structs.tensor * tensors
    for kernel in kernels:
        used = align(used + kernel.options, 4 if kernel.options > 1 else 1)
    for kernel in kernels:
        data = kernel.data if kernel.data is not None else structs.conv if kernel.reads == 3 else structs.pool
        used = align(used + data) if data else used
    scratch = loading = 0
    for number, (op, kernel) in enumerate(zip(graph.operators, kernels, strict=True)):
        channels = 1
        if kernel.reads == 3 and kernel.data is None:
            channels = graph.tensors[op.output][3]
            used = align(used) + 2 * align(MULTIPLIER * channels)
        scratch += SCRATCHES * (op.kind == "mean") + (number in with_scratch)
        requests = structs.request * (scratch + RESERVED)
        loading = max(loading, used + requests + TEMPORARIES + PER_CHANNEL * channels)
    used = align(used + structs.handle * scratch, structs.handle)
    records = structs.request * (scratch + RESERVED) + structs.record * (tensors + scratch)
    loading = max(loading, used + align(records + PLANNED * (len(graph.tensors) + scratch)) + SLACK)
    for _ in (*graph.inputs, *graph.outputs):
        used = align(used + structs.pointer) + structs.end
    return used, loading
