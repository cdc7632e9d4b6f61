"""A quantized student as the tables of the firmware's net: `scene_net_tables.c`, and the net's macros for `scene_model.h`.

The tables are constants: weights, scales, the steps of each segment with their operands. A step has a pointer to its function, so
that a linker leaves out the kernels of operators that a net does not have.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from hwasc.cost.graph import Graph
from hwasc.cost.row_plan import RowPlan, Rows, Segment
from hwasc.deploy.constants import quantized_numbers
from hwasc.deploy.firmware.c_text import floating, struct, table, wrapped
from hwasc.deploy.firmware.net_numbers import LARGEST, Net, Numbers, Operand, checked, numbers_of
from hwasc.models.student import Student

TABLES = "scene_net_tables.c"
UNNAMED = 255  # of the step that copies a row of the features, and of operators from that number on
OPERANDS = 2  # of a step
START = f"""\
/* {TABLES}: the net's constants and its order of steps. Written by hwasc; do not edit, export again. */
#include <stddef.h>

#include "scene_kernels.h"
#include "scene_steps.h"
"""


@dataclass(frozen=True)
class NetTables:
    """A net for the firmware.

    Attributes:
        text: Of `scene_net_tables.c`.
        macros: For `scene_model.h`: names with their values as C text.
    """

    text: str
    macros: Mapping[str, str]


def net_tables(model: Student, graph: Graph, plan: RowPlan) -> NetTables:
    """Write a net as tables.

    Args:
        model: Quantized, and calibrated or trained.
        graph: Its deployment graph.
        plan: How it runs row by row.

    Returns:
        Tables and macros. The same student gives the same text.

    Raises:
        UsageError: An operator, a size or a sum is beyond the firmware's kernels; the message names the layer.
    """
    numbers = quantized_numbers(model.cpu().eval(), graph)
    return tables_of(Net(graph, numbers, plan.axis, model.architecture.padding), plan)


def tables_of(net: Net, plan: RowPlan) -> NetTables:
    """Write any graph as tables, see `net_tables`.

    Args:
        net: The graph with its numbers.
        plan: How it runs row by row.

    Returns:
        Tables and macros.

    Raises:
        UsageError: An operator, a size or a sum is beyond the firmware's kernels.
    """
    graph = net.graph
    writer = _Writer(net)
    segments = [writer.segment(segment) for segment in plan.segments]
    (start,), (end,) = graph.inputs, graph.outputs
    macros = {
        "SCENE_NET_BYTES": str(-(-plan.size // 8) * 8),
        "SCENE_NET_SEGMENTS": str(len(segments)),
        "SCENE_NET_STEPS": str(writer.most_steps),
        "SCENE_NET_OPERAND_ROWS": str(writer.most_rows),
        "SCENE_NET_LOGITS": str(plan.segments[-1].buffers[end].offset),
        "SCENE_NET_ROWS_ARE_MELS": str(int(plan.axis == "mels")),
        "SCENE_CLASSES": str(net.channels(end)),
        "SCENE_INPUT_SCALE": floating(net.scale(start)),
        "SCENE_INPUT_ZERO_POINT": str(net.zero(start)),
        "SCENE_OUTPUT_SCALE": floating(net.scale(end)),
        "SCENE_OUTPUT_ZERO_POINT": str(net.zero(end)),
    }
    buffers = _list("const scene_buffer scene_net_buffers[]", [struct(b) for b in writer.buffers])
    return NetTables(
        "\n".join([START, *writer.parts, buffers, _list("const scene_segment scene_net_segments[]", segments)]), macros
    )


@dataclass
class _Step:
    """A step of a segment.

    Attributes:
        run: Name of its function, or NULL.
        number: Of its operator in the graph; None: it copies a row of the features.
        output: Where its rows lie.
        operands: What it reads: where that lies, how many rows it has, and the step that makes it (from 1 on; 0: none here).
        rows: How many it makes.
        sums: int32 sums that it adds to.
        last_reader: Steps up to the last one that reads its rows.
    """

    run: str
    number: int | None
    output: Rows
    operands: list[tuple[Rows, int, int, Operand]]
    rows: int = 1
    sums: int = 0
    last_reader: int = 0


@dataclass
class _Writer:
    """Collects definitions.

    Attributes:
        net: What is written.
        parts: Definitions so far.
        buffers: Of all segments, each once.
        numbers: Of the operators that are defined.
        most_steps: The most steps that run row by row in a segment.
        most_rows: The most rows that a step reads.
    """

    net: Net
    parts: list[str] = field(default_factory=list)
    buffers: list[dict[str, object]] = field(default_factory=list)
    numbers: dict[int, Numbers] = field(default_factory=dict)
    most_steps: int = 1
    most_rows: int = OPERANDS

    def segment(self, segment: Segment) -> str:
        """Define the steps of a segment; its own initialiser is returned."""
        start, operators = self.net.graph.inputs[0], self.net.graph.operators
        makers: dict[int, int] = {}  # the step that makes a tensor, from 1 on, of those that run row by row
        rows: list[_Step] = []
        cells: list[_Step] = []
        if any(start in operators[n].inputs for n in segment.rows):
            rows.append(_Step("NULL", None, segment.buffers[start], [], rows=self._rows(start)))
            makers[start] = 1
        for number in segment.rows:
            op, numbers = operators[number], self._numbers(number)
            operands = self._operands(numbers.operands, segment, makers)
            if op.kind == "mean":
                count = self.net.channels(op.output)
                sums = Rows(1, 4 * count, segment.sums[number])
                rows.append(_Step("scene_step_sum", number, sums, operands, rows=self._rows(op.inputs[0]), sums=count))
                cells.append(_Step(numbers.run, number, segment.buffers[op.output], [(sums, 1, 0, Operand(-1))]))
            else:
                rows.append(
                    _Step(numbers.run, number, segment.buffers[op.output], operands, rows=self._rows(op.output))
                )
                makers[op.output] = len(rows)
            for _, _, maker, _ in operands:
                if maker > 0:
                    rows[maker - 1].last_reader = len(rows)
        for number in segment.cells:
            numbers = self._numbers(number)
            operands = self._operands(numbers.operands, segment, {})
            cells.append(_Step(numbers.run, number, segment.buffers[operators[number].output], operands))
        for place, step in enumerate(rows):
            step.last_reader = max(step.last_reader, place + 1)
        self.most_steps = max(self.most_steps, checked(len(rows), "steps", layer="net", most=254))
        checked(len(cells), "steps", layer="net", most=255)
        place = len([p for p in self.parts if "scene_step " in p])
        fields: dict[str, object] = {"rows": "NULL", "cells": "NULL", "patch": segment.patch}
        for kind, steps in (("rows", rows), ("cells", cells)):
            if steps:
                name = f"scene_{kind}_{place}"
                self.parts.append(_list(f"static const scene_step {name}[]", [self._step(step) for step in steps]))
                fields[kind] = name
        return struct({**fields, "row_count": len(rows), "cell_count": len(cells)})

    def _rows(self, tensor: int) -> int:
        return self.net.graph.tensors[tensor][self.net.along]

    def _buffer(self, rows: Rows) -> int:
        """The number of a buffer."""
        found: dict[str, object] = {"offset": rows.offset, "held": rows.held, "bytes": rows.bytes}
        checked(rows.bytes, "bytes of a row", layer="net")
        checked(rows.held, "rows", layer="net")
        if found not in self.buffers:
            self.buffers.append(found)
        return self.buffers.index(found)

    def _operands(
        self, operands: tuple[Operand, ...], segment: Segment, makers: Mapping[int, int]
    ) -> list[tuple[Rows, int, int, Operand]]:
        return [(segment.buffers[o.tensor], self._rows(o.tensor), makers.get(o.tensor, 0), o) for o in operands]

    def _step(self, step: _Step) -> str:
        """The initialiser of a step."""
        self.most_rows = max(self.most_rows, sum(o.kernel for *_, o in step.operands))
        operands = [
            struct(
                {
                    **{"buffer": self._buffer(buffer), "rows": height, "maker": maker},
                    **{"kernel": o.kernel, "stride": o.stride, "pad": o.pad},
                }
            )
            for buffer, height, maker, o in step.operands
        ]
        fields: dict[str, object] = {
            "run": step.run,
            "numbers": "NULL" if step.number is None else f"&scene_numbers_{step.number}",
            "rows": checked(step.rows, "rows", layer="net", most=LARGEST - 1),
            "output": self._buffer(step.output),
            "sums": step.sums,
            "name": UNNAMED if step.number is None else min(step.number, UNNAMED),
            "last_reader": step.last_reader,
        }
        if operands:
            fields["operand"] = "{" + ", ".join(operands) + "}"
        return struct(fields)

    def _numbers(self, number: int) -> Numbers:
        """An operator's numbers, defined at their first use."""
        if number in self.numbers:
            return self.numbers[number]
        op = self.net.graph.operators[number]
        found = self.numbers[number] = numbers_of(self.net, number)
        for tensor in (*op.inputs, op.output):
            for size in self.net.graph.tensors[tensor]:
                checked(size, "channels, rows or columns", layer=op.layer)
        names = {key: f"scene_{key}_{number}" for key in found.tables}
        text = [f"/* {re.sub('[^A-Za-z0-9_.]', '_', op.layer)}: {op.kind} */"]
        text += [table(names[key], values) for key, values in found.tables.items()]
        definition = f"static const {found.type} scene_numbers_{number} = {struct({**names, **found.fields})};"
        self.parts.append("\n".join([*text, wrapped(definition)]) + "\n")
        return found


def _list(name: str, items: list[str]) -> str:
    return f"{name} = {{\n" + "\n".join(wrapped(f"{item},", indent="    ") for item in items) + "\n};\n"
