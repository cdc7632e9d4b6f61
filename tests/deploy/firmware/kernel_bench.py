"""Instructions of the firmware's convolutions on an emulated core: one row of each layer is counted, times the layer's rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from hwasc.cost.graph import build
from hwasc.cost.row_planner import plan_rows
from hwasc.deploy.firmware.emulator import run_image
from hwasc.deploy.firmware.host import SOURCES
from hwasc.deploy.firmware.toolchain import Core, compile_objects, link
from hwasc.records.architecture import Architecture

HERE = Path(__file__).parent
BOARD = SOURCES / "emulator"
KERNELS = [SOURCES / f"scene_{name}.c" for name in ("pointwise", "conv", "depthwise")]
KINDS = ("pointwise", "conv", "depthwise")
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layers:
    """The convolutions of a net.

    Attributes:
        rows: Output rows of each shape, as kernel_bench.c reads it: kind, kernel, stride, pad, columns and channels.
        macs: Multiply-accumulates by kind.
    """

    rows: Counter[Shape] = field(default_factory=Counter)
    macs: Counter[str] = field(default_factory=Counter)


def layers(a: Architecture) -> Layers:
    """The convolutions of a net over the axis that its row plan takes."""
    graph, found = build(a), Layers()
    turn = -1 if plan_rows(graph, a.padding).axis == "frames" else 1
    for op in graph.operators:
        if op.kind in ("conv", "depthwise"):
            (_, *size, channels), (_, *out, outputs) = graph.tensors[op.inputs[0]], graph.tensors[op.output]
            (rows, columns), stride = op.window[::turn], op.stride[::turn][1]
            (_, width), (height, made) = size[::turn], out[::turn]
            pad = max((made - 1) * stride + columns - width, 0) // 2 if a.padding == "same" else columns // 2
            kind = op.kind if op.kind == "depthwise" or op.area > 1 else "pointwise"
            found.rows[KINDS.index(kind), rows, columns, stride, pad, width, channels, made, outputs] += height
            found.macs[kind] += op.macs
    return found


def count_kernels(a: Architecture, core: Core, folder: Path, *flags: str) -> dict[str, float]:
    """Instructions a clip by kind of convolution."""
    net, folder = layers(a), folder / core.name
    folder.mkdir(parents=True, exist_ok=True)
    text = ",\n".join("{" + ", ".join(map(str, shape)) + "}" for shape in net.rows)
    (folder / "layers.h").write_text(text + "\n")
    files = [*KERNELS, HERE / "kernel_bench.c", BOARD / "scene_start.c", BOARD / "scene_board.c"]
    objects = compile_objects(files, core, folder, include=[SOURCES, BOARD, folder], flags=flags)
    lines = run_image(link(objects, core, folder / "bench.elf"), core).splitlines()
    million, *ticks = (int(line.split()[1]) for line in lines)
    found: Counter[str] = Counter()
    for (shape, rows), spent in zip(net.rows.items(), ticks, strict=True):
        found[KINDS[shape[0]]] += rows * spent * 1_000_000 // million
    return dict(found)
