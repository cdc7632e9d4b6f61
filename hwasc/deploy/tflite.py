"""A quantized student as a full-integer .tflite: the deployment graph with the trained scales carried over unchanged.

Torch-padded strided kernels get a row or column of zeros, which moves SAME's alignment to torch's.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tflite

from hwasc import __version__
from hwasc.cost import graph as deployment
from hwasc.cost.graph import Graph, Operator
from hwasc.cost.memory import Plan, plan_greedy
from hwasc.cost.offline import plan_offline
from hwasc.cost.patch_choice import PatchChoice, costs
from hwasc.cost.patches import Patched, patched
from hwasc.cost.row_graph import Padding
from hwasc.deploy.constants import Constants, Filters, IntegerFilters, Quantized, constants, quantized_numbers, vector
from hwasc.deploy.exporters import Planner
from hwasc.deploy.firmware.front_end_text import front_end_text
from hwasc.deploy.flatfile import FileOperator, FileTensor, read_metadata, write
from hwasc.deploy.patch_options import PatchOptions
from hwasc.models.student import Student
from hwasc.records import schema
from hwasc.records.model_metadata import from_json
from hwasc.records.patches import PATCHES, Patches
from hwasc.records.training_clips import KEY, TrainingClips

PLAN_ENTRY, ENTRY = "OfflineMemoryAllocation", "hwasc"
POINTWISE = {
    "add": ("ADD", "AddOptions"),
    "mul": ("MUL", "MulOptions"),
    "div": ("DIV", "DivOptions"),
    "maximum": ("MAXIMUM", "MaximumMinimumOptions"),
    "rsqrt": ("RSQRT", ""),
}


def export(
    model: Student,
    path: Path,
    classes: tuple[str, ...],
    planner: Planner = "greedy",
    *,
    clips: TrainingClips | None = None,
    options: PatchOptions | None = None,
) -> Path:
    """Write an int8 student, whole or not at all; the same student gives the same bytes.

    Args:
        model: Quantized, and calibrated or trained.
        path: The file.
        classes: Names in the order of the logits.
        planner: `greedy` is made by the interpreter; `offline` stores an optimised memory plan in the file where it needs less.
        clips: The recordings that it was trained on and chosen by. The file only refers to this record, to save flash.
        options: Whether it runs in patches; None: over whole maps.

    Returns:
        The path.

    Raises:
        UsageError: The net cannot run in so many patches.
    """
    patches = options.chosen(model.architecture, planner) if options else None
    content = to_bytes(model, classes, planner, clips=clips, patches=patches)
    path.parent.mkdir(parents=True, exist_ok=True)
    schema.write_whole(path, content)
    return path


class TfliteExporter:
    """Format `tflite`.

    Attributes:
        suffix: See `Exporter`.
        planners: See `Exporter`.
        options: See `Exporter`.
    """

    suffix: str = ".tflite"
    planners: tuple[Planner, ...] = ("greedy", "offline")
    options = PatchOptions

    def export(
        self,
        model: Student,
        out: Path,
        classes: tuple[str, ...],
        planner: Planner,
        *,
        clips: TrainingClips | None = None,
        options: PatchOptions | None = None,
    ) -> Path:
        """Write a .tflite file, see `Exporter.export`.

        Args:
            model: Quantized, and calibrated or trained.
            out: The file.
            classes: Names in the order of the logits.
            planner: The memory plan.
            clips: The recordings that it was trained on and chosen by.
            options: Whether it runs in patches; None: over whole maps.

        Returns:
            The path.
        """
        return export(model, out, classes, planner, clips=clips, options=options)

    def summary(self, out: Path) -> list[str]:
        """What the patches of a file cost, for people.

        Args:
            out: A file that was written here.

        Returns:
            A line; none where the file has no patches.
        """
        entries = read_metadata(out)
        about = from_json(entries[ENTRY], out)
        if about.patches is None:
            return []
        planner: Planner = "offline" if PLAN_ENTRY in entries else "greedy"
        chosen = costs(about.architecture, about.patches, planner)
        return [str(PatchChoice(chosen, costs(about.architecture, None, planner)))]


EXPORTER = TfliteExporter()


def to_bytes(
    model: Student,
    classes: tuple[str, ...],
    planner: Planner = "greedy",
    *,
    clips: TrainingClips | None = None,
    patches: Patches | None = None,
    scratch: Mapping[int, int] | None = None,
) -> bytes:
    """The file's bytes.

    Args:
        model: Quantized, and calibrated or trained.
        classes: Names in the order of the logits.
        planner: The memory plan, see `export`.
        clips: The recordings that it was trained on and chosen by.
        patches: How the first operators run, see `cost.patches`; None: over the whole map.
        scratch: Bytes by operator that the chip's kernels take, for the plan (see `cost.memory.lifetimes`).

    Returns:
        The flatbuffer.
    """
    graph = deployment.build(model.architecture)
    numbers = quantized_numbers(model.cpu().eval(), graph)
    about = {ENTRY: _about(model, classes, clips, *numbers.steps[graph.inputs[0]], patches=patches)}
    if patches is not None:
        made = patched(model.architecture, patches)
        graph, numbers = made.graph, parts(numbers, made)
    return graph_bytes(graph, numbers, model.architecture.padding, planner, metadata=about, scratch=scratch)


def graph_bytes(
    graph: Graph,
    numbers: Quantized,
    padding: Padding,
    planner: Planner = "greedy",
    *,
    metadata: dict[str, bytes],
    scratch: Mapping[int, int] | None = None,
) -> bytes:
    """The bytes of a file of any graph.

    Args:
        graph: The deployment graph.
        numbers: Its scales and constants.
        padding: Of its windows.
        planner: The memory plan, see `export`.
        metadata: Entries by name; the memory plan is added.
        scratch: Bytes by operator that the chip's kernels take, for the plan (see `cost.memory.lifetimes`).

    Returns:
        The flatbuffer.
    """
    writer = _Writer(numbers, graph, padding)
    for op, constant in zip(graph.operators, numbers.constants, strict=True):
        writer.operator(op, constant)
    plan = plan_offline(graph, scratch=scratch) if planner == "offline" else plan_greedy(graph, scratch)
    if plan.planner == "offline":
        metadata = {**metadata, PLAN_ENTRY: _plan(plan, graph, len(writer.tensors))}
    return write(
        writer.tensors,
        writer.operators,
        inputs=graph.inputs,
        outputs=graph.outputs,
        metadata=metadata,
        description=f"acoustic scenes, hwasc {__version__}",
    )


def parts(numbers: Quantized, made: Patched) -> Quantized:
    """The numbers of a graph that runs in patches.

    Args:
        numbers: Of the whole graph.
        made: The graph in patches.

    Returns:
        The same scales and constants, by the tensors and operators of the graph in patches.
    """
    steps = {i: numbers.steps[source] for i, source in enumerate(made.tensors)}
    return Quantized(steps, tuple(None if i is None else numbers.constants[i] for i in made.operators))


def _about(
    model: Student,
    classes: tuple[str, ...],
    clips: TrainingClips | None,
    scale: float,
    zero_point: int,
    *,
    patches: Patches | None,
) -> bytes:
    """Metadata of the file: version, architecture with the front end, class names, layout and scale of the input."""
    about = {
        "schema": 1,
        "hwasc": __version__,
        "architecture": json.loads(schema.canonical(model.architecture)),
        "classes": list(classes),
        "input": {
            "layout": "1 x mels x frames x 1",
            "scale": scale,
            "zero_point": zero_point,
            "front_end": f"{front_end_text(model.architecture.front_end)}; its numbers: architecture.front_end",
        },
        **({KEY: schema.plain(clips.reference)} if clips else {}),
        **({PATCHES: schema.plain(patches)} if patches else {}),
    }
    return json.dumps(about, sort_keys=True, separators=(",", ":")).encode()


def _plan(plan: Plan, graph: Graph, tensors: int) -> bytes:
    """Version, subgraphs, tensors, then an offset each; -1 leaves it to the interpreter (constants need none)."""
    offsets = [plan.offsets[i] if i < len(graph.tensors) else -1 for i in range(tensors)]
    return struct.pack(f"<{3 + tensors}i", 1, 1, tensors, *offsets)


class _Writer:
    """Tensors and operators of the file; the graph's tensors come first and keep their numbers, constants follow."""

    def __init__(self, numbers: Quantized, graph: Graph, padding: Padding) -> None:
        self.numbers, self.graph, self.padding = numbers, graph, padding
        self.operators: list[FileOperator] = []
        self._activations: dict[int, FileTensor] = {}
        self._constants: list[FileTensor] = []
        self._made: list[tuple[int, ...]] = []  # for each operator so far, its constants
        self._strides: int | None = None  # of all slices
        self._activation(graph.inputs[0], "logmel")

    @property
    def tensors(self) -> list[FileTensor]:
        return [*(self._activations[i] for i in range(len(self.graph.tensors))), *self._constants]

    def _activation(self, number: int, name: str) -> None:
        scale, zero_point = self.numbers.steps[number]
        self._activations[number] = FileTensor(name, self.graph.tensors[number], scale, zero_point)

    def _constant(self, tensor: FileTensor) -> int:
        self._constants.append(tensor)
        return len(self.graph.tensors) + len(self._constants) - 1

    def _own(self, op: Operator, tensors: Iterable[FileTensor]) -> tuple[int, ...]:
        """An operator's constants: new ones, or those of the operator that it shares them with."""
        made = tuple(self._constant(t) for t in tensors) if op.shares is None else self._made[op.shares]
        self._made.append(made)
        return made

    def operator(self, op: Operator, constant: IntegerFilters | FileTensor | None) -> None:
        """Write one operator of the graph with its constant."""
        if isinstance(constant, IntegerFilters):
            self._convolution(op, constant)
        elif op.kind == "average_pool":
            self._average(op)
        elif op.kind == "mean":
            self._mean(op)
        elif op.kind == "slice":
            self._slice(op)
        elif op.kind == "concat":
            options = {"Axis": 1, "FusedActivationFunction": tflite.ActivationFunctionType.NONE}
            self._append(
                "CONCATENATION",
                (*op.inputs, *self._own(op, ())),
                op.output,
                table="ConcatenationOptions",
                options=options,
            )
        else:
            self._pointwise(op, constant)
        self._activation(op.output, f"{op.layer}.{op.kind}")

    def _convolution(self, op: Operator, filters: IntegerFilters) -> None:
        depthwise = op.kind != "conv"
        stored = self._extended(op, filters.weight).transpose((1, 2, 3, 0) if depthwise else (0, 2, 3, 1))
        axis = 3 if depthwise else 0
        w = FileTensor(f"{op.layer}.weight", stored.shape, filters.scale, axis=axis, data=stored)
        b = FileTensor(f"{op.layer}.bias", filters.bias.shape, filters.unit, data=filters.bias)
        options = {
            "Padding": tflite.Padding.SAME,
            "StrideH": op.stride[0],
            "StrideW": op.stride[1],
            "DilationHFactor": 1,
            "DilationWFactor": 1,
            "FusedActivationFunction": _activation(op),
        }
        if depthwise:
            options["DepthMultiplier"] = 1
        code, table = ("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions") if depthwise else ("CONV_2D", "Conv2DOptions")
        inputs = (op.inputs[0], *self._own(op, (w, b)))
        self._append(code, inputs, op.output, table=table, options=options)

    def _append(self, code: str, inputs: tuple[int, ...], output: int, *, table: str, options: dict[str, Any]) -> None:
        self.operators.append(FileOperator(code=code, inputs=inputs, output=output, table=table, options=options))

    def _extended(self, op: Operator, weight: np.ndarray) -> np.ndarray:
        """SAME and torch's k // 2 differ for a stride of 2 and an even size; one more zero at the end compensates for it."""
        if self.padding == "same":
            return weight
        _, *sizes, _ = self.graph.tensors[op.inputs[0]]
        more = [
            int(kernel > 1 and stride == 2 and size % 2 == 0)
            for kernel, stride, size in zip(op.window, op.stride, sizes, strict=True)
        ]
        return np.pad(weight, ((0, 0), (0, 0), (0, more[0]), (0, more[1])))

    def _average(self, op: Operator) -> None:
        options = {
            "Padding": tflite.Padding.SAME,
            "StrideH": op.stride[0],
            "StrideW": op.stride[1],
            "FilterHeight": op.window[0],
            "FilterWidth": op.window[1],
        }
        self._append(
            "AVERAGE_POOL_2D", (*op.inputs, *self._own(op, ())), op.output, table="Pool2DOptions", options=options
        )

    def _mean(self, op: Operator) -> None:
        over_channels = self.graph.tensors[op.output][3] != self.graph.tensors[op.inputs[0]][3]
        axes = np.array([3] if over_channels else [1, 2], np.int32)
        inputs = (op.inputs[0], *self._own(op, [FileTensor(f"{op.layer}.axes", axes.shape, data=axes)]))
        self._append("MEAN", inputs, op.output, table="ReducerOptions", options={"KeepDims": 1})

    def _slice(self, op: Operator) -> None:
        _, rows, w, c = self.graph.tensors[op.output]
        if self._strides is None:
            self._strides = self._constant(FileTensor("strides", (4,), data=np.ones(4, np.int32)))
        ends = ((0, op.start, 0, 0), (1, op.start + rows, w, c))
        own = self._own(op, [FileTensor("rows", (4,), data=np.array(end, np.int32)) for end in ends])
        inputs = (*op.inputs, *own, self._strides)
        self._append("STRIDED_SLICE", inputs, op.output, table="StridedSliceOptions", options={"BeginMask": 0})

    def _pointwise(self, op: Operator, constant: FileTensor | None) -> None:
        code, table = POINTWISE[op.kind]
        inputs = (*op.inputs, *self._own(op, () if constant is None else (constant,)))
        options = {} if op.kind in ("maximum", "rsqrt") else {"FusedActivationFunction": _activation(op)}
        self._append(code, inputs, op.output, table=table, options=options)


def _activation(op: Operator) -> int:
    return int(tflite.ActivationFunctionType.RELU if op.relu else tflite.ActivationFunctionType.NONE)


__all__ = ["Constants", "Filters", "Planner", "constants", "export", "to_bytes", "vector"]
