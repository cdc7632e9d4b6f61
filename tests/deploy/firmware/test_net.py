"""The net in C gives the logits of TensorFlow Lite Micro, bit for bit, whatever its form, its scales and its axis."""

from __future__ import annotations

import dataclasses
import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hwasc.cost.graph import Graph
from hwasc.cost.graph import build as build_graph
from hwasc.cost.row_plan import Axis
from hwasc.cost.row_planner import plan_rows
from hwasc.deploy import tflite
from hwasc.deploy.constants import IntegerFilters, Quantized
from hwasc.deploy.firmware import net_numbers
from hwasc.deploy.firmware.host import NET, NET_MAIN, SOURCES, STRICT, HostNet, compile_host, host_net
from hwasc.deploy.firmware.net_numbers import Net
from hwasc.deploy.firmware.net_tables import tables_of
from hwasc.errors import HwascError, UsageError
from hwasc.nas.declare import random_point
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import InvertedResidual
from hwasc.records.front_end import FrontEnd
from hwasc.records.presets import PRESETS
from hwasc.records.space import SearchSpace
from tests.deploy.firmware import net_cases

COMPILERS = [c for c in ("gcc", "clang") if shutil.which(c)]
needs_compiler = pytest.mark.skipif(not COMPILERS, reason="no C compiler: apt-get install gcc")
SANITIZERS = ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


@pytest.fixture(scope="module")
def interpreter() -> Iterator[object]:
    pytest.importorskip("tflite_micro")
    from hwasc.deploy.interpreter import Interpreter

    with Interpreter() as one:
        yield one


def check(
    a: Architecture, graph: Graph, found: Quantized, folder: Path, interpreter: object, axis: Axis | None = None
) -> None:
    net = net_cases.compiled(graph, found, a, folder, axis=axis)
    clips = net_cases.features(a, seed=1)
    path = folder / "m.tflite"
    path.write_bytes(tflite.graph_bytes(graph, found, a.padding, metadata={}))
    interpreter.load(path)  # type: ignore[attr-defined]
    expected = interpreter.run(clips[..., None])  # type: ignore[attr-defined]
    logits = net.run(clips)
    assert np.array_equal(logits, expected), f"{axis}: {a.text()}"


@needs_compiler
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.slow
def test_odd_nets(seed: int, tmp_path: Path, interpreter: object) -> None:
    a = net_cases.random_architecture(seed)
    check(a, *net_cases.numbers(a), tmp_path, interpreter, ("mels", "frames")[seed % 2])  # type: ignore[arg-type]


@needs_compiler
@pytest.mark.parametrize("seed", [0, *(pytest.param(s, marks=pytest.mark.slow) for s in range(1, 3))])
@pytest.mark.slow
def test_nets_of_the_full_space(seed: int, tmp_path: Path, interpreter: object) -> None:
    space = SearchSpace.load("full")
    a = space.architecture(random_point(space, random.Random(seed)), 10)
    check(a, *net_cases.numbers(a, 1), tmp_path, interpreter)


@needs_compiler
@pytest.mark.parametrize(
    ("axis", "padding"),
    [
        ("mels", "same"),
        ("frames", "torch"),
        pytest.param("frames", "same", marks=pytest.mark.slow),
        pytest.param("mels", "torch", marks=pytest.mark.slow),
    ],
)
@pytest.mark.slow
def test_every_grn(axis: Axis, padding: str, tmp_path: Path, interpreter: object) -> None:
    blocks = tuple(
        InvertedResidual(3 + 2 * (i % 2), 12, 6, ((1, 1), (1, 2), (2, 1), (1, 1))[i % 4], True, form)
        for i, form in enumerate(net_cases.FORMS)
    )
    a = Architecture(FrontEnd.for_clip(40, 37), (4, 6), blocks, 5, padding=padding)  # type: ignore[arg-type]
    check(a, *net_cases.numbers(a), tmp_path, interpreter, axis)


@needs_compiler
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.slow
def test_scales_far_from_any_calibration(seed: int, tmp_path: Path, interpreter: object) -> None:
    a = net_cases.random_architecture(100 + seed)
    graph, found = net_cases.numbers(a)
    check(a, graph, net_cases.with_other_scales(graph, found, seed), tmp_path, interpreter)


@needs_compiler
@pytest.mark.parametrize("real", [33.5, 60.0, 130.0])
def test_quotients_also_of_zero(real: float, tmp_path: Path, interpreter: object) -> None:
    """From 32 on: below it the interpreter shifts by more bits than int32 has, which cores do in different ways."""
    graph, found = net_cases.quotients(real, seed=int(real))
    net = host_net(Net(graph, found, "mels", "same"), plan_rows(graph, axis="mels"), tmp_path)
    rng = np.random.default_rng(1)
    clips = np.concatenate(
        [rng.integers(-128, 128, (60, 2, 2)), np.tile(rng.integers(-128, 128, (60, 1, 1)), (1, 2, 2))]
    )
    path = tmp_path / "m.tflite"
    path.write_bytes(tflite.graph_bytes(graph, found, "same", metadata={}))
    interpreter.load(path)  # type: ignore[attr-defined]
    expected = interpreter.run(clips[..., None].astype(np.int8))  # type: ignore[attr-defined]
    assert len(np.unique(expected)) > 20 and np.array_equal(net.run(clips.astype(np.int8)), expected)


@needs_compiler
def test_sums_and_products_without_short_forms(
    tmp_path: Path, interpreter: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(net_numbers, "linear_sum", lambda *_: None)
    monkeypatch.setattr(net_numbers, "_product", lambda *_: {})
    a = small()
    check(a, *net_cases.numbers(a), tmp_path, interpreter)
    text = (tmp_path / "scene_net_tables.c").read_text()
    assert {"scene_step_add", "scene_step_add_vector", "scene_step_mul", "scene_step_mul_vector"} <= set(
        re.findall(r"scene_step_\w+", text)
    )


@needs_compiler
@pytest.mark.parametrize(
    "name",
    [
        "dcase2024_baseline",
        "cp_mobile_8",
        *(pytest.param(f"cp_mobile{b}", marks=pytest.mark.long) for b in ("", "_24", "_16")),
    ],
)
@pytest.mark.slow
def test_presets(name: str, tmp_path: Path, interpreter: object) -> None:
    a = PRESETS[name]()
    check(a, *net_cases.numbers(a, 1), tmp_path, interpreter)


def small(padding: str = "same") -> Architecture:
    """A net with every kind of step, quickly compiled."""
    form, l2 = net_cases.FORMS[0], net_cases.FORMS[7]
    blocks = (
        InvertedResidual(3, 9, 5, (2, 1), True, form),
        InvertedResidual(5, 7, 5, (1, 2), True, l2),
        InvertedResidual(3, 7, 6),
    )
    return Architecture(FrontEnd.for_clip(41, 17), (3, 5), blocks, 4, padding=padding)  # type: ignore[arg-type]


@needs_compiler
@pytest.mark.parametrize("compiler", COMPILERS)
def test_neither_compiler_has_anything_to_say(compiler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", compiler)
    a = small()
    net_cases.compiled(*net_cases.numbers(a), a, tmp_path, flags=STRICT)
    (tmp_path / "all.cpp").write_text('#include "scene_net.h"\n#include "scene_steps.h"\n')
    command = [compiler, "-x", "c++", "-std=c++11", *STRICT[1:], "-fsyntax-only", f"-I{SOURCES}", tmp_path / "all.cpp"]
    subprocess.run(command, check=True, timeout=60)


@needs_compiler
@pytest.mark.parametrize(("axis", "padding"), [("mels", "same"), ("frames", "torch")])
@pytest.mark.slow
def test_sanitizers_find_nothing_in_exactly_as_much_memory(axis: Axis, padding: str, tmp_path: Path) -> None:
    a = small(padding)
    net = net_cases.compiled(*net_cases.numbers(a), a, tmp_path, axis=axis, flags=SANITIZERS)
    assert len(np.unique(net.run(net_cases.features(a, seed=2)))) > 4


@needs_compiler
@pytest.mark.slow
def test_frames_may_lie_in_any_order(tmp_path: Path) -> None:
    a = small()
    graph, found = net_cases.numbers(a)
    clips = net_cases.features(a, seed=3)
    assert "order[t] = t;" in NET_MAIN
    turned = NET_MAIN.replace("order[t] = t;", "order[t] = (uint16_t)(SCENE_FRAMES - 1 - t);")
    for axis in ("mels", "frames"):
        net = net_cases.compiled(graph, found, a, tmp_path / axis, axis=axis)  # type: ignore[arg-type]
        expected = net.run(clips)
        names = ("scene_model.h", "scene_net_tables.c")
        files = {"main.c": turned, **{name: (tmp_path / axis / name).read_text() for name in names}}
        program = compile_host(files, [SOURCES / n for n in NET], tmp_path / "turned", include=[SOURCES])
        other = HostNet(program, net.mels, net.frames, net.classes)
        assert np.array_equal(other.run(clips[:, :, ::-1]), expected)


@needs_compiler
def test_kernels_that_a_net_does_not_have_are_left_out(tmp_path: Path) -> None:
    a = Architecture(FrontEnd.for_clip(40, 17), (2, 4), (InvertedResidual(3, 8, 5),), 3)
    net = net_cases.compiled(
        *net_cases.numbers(a), a, tmp_path, flags=("-O1", "-ffunction-sections", "-Wl,--gc-sections")
    )
    symbols = set(re.findall(r"scene_step_\w+", net.program.read_bytes().decode("latin-1")))
    assert "scene_step_mean" in symbols and not symbols & {"scene_step_div", "scene_step_rsqrt", "scene_step_average"}


def tables(a: Architecture, graph: Graph, found: Quantized) -> str:
    plan = plan_rows(graph, a.padding)
    return tables_of(Net(graph, found, plan.axis, a.padding), plan).text


def test_what_cannot_be_written_is_refused_in_a_line() -> None:
    a = small()
    graph, found = net_cases.numbers(a)
    heavy = found.constants[1]
    assert isinstance(heavy, IntegerFilters)
    bias = heavy.bias.copy()
    bias[2] = 2**30
    constants = (found.constants[0], dataclasses.replace(heavy, bias=bias), *found.constants[2:])
    with pytest.raises(UsageError, match=r"^layer 'stem.1': a sum can reach 1,073,857,792"):
        tables(a, graph, Quantized(found.steps, constants))
    unknown = tuple(dataclasses.replace(op, kind="softmax") if op.kind == "div" else op for op in graph.operators)
    plan = plan_rows(graph, a.padding)
    net = Net(dataclasses.replace(graph, operators=unknown), found, plan.axis, a.padding)
    with pytest.raises(
        UsageError, match=r"^layer 'blocks.0.grn': the firmware has no kernel for the operator 'softmax'"
    ):
        tables_of(net, plan)
    wide = dataclasses.replace(graph, tensors=tuple((1, h, w, 70_000 if c == 9 else c) for _, h, w, c in graph.tensors))
    with pytest.raises(UsageError, match=r"^layer 'blocks.0.expand': 70,000 channels"):
        tables_of(Net(wide, found, plan.axis, a.padding), plan)


def test_the_same_student_gives_the_same_text() -> None:
    a = small()
    graph, found = net_cases.numbers(a)
    assert tables(a, graph, found) == tables(a, build_graph(a), net_cases.numbers(a)[1])


def test_a_program_that_fails_or_lacks_a_compiler_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HwascError, match="no C compiler is installed"):
        compile_host({"main.c": "int main(void) { return 0; }"}, [], tmp_path)
