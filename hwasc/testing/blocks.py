"""The contract of a kind of block: its record, its torch module, its costs and its int8 forms must agree.

from hwasc.testing.blocks import check_block

def test_my_block() -> None:
    check_block(MyBlock(kernel=3, channels=12), inputs=8)
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import random
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hwasc.cost import graph as deployment
from hwasc.cost import measure, persistent
from hwasc.cost.memory import plan_greedy
from hwasc.dcase.standalone_weights import packaged_student
from hwasc.models import build
from hwasc.models.blocks import GlobalResponseNorm
from hwasc.models.student import Student
from hwasc.models.supernet import Supernet
from hwasc.parts import BLOCKS
from hwasc.records import schema
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import INPUT, Block, InvertedResidual
from hwasc.records.blocks.units import channels
from hwasc.records.front_end import FrontEnd
from hwasc.records.space import FrontEndChoices, SearchSpace, Stage, parse_stride
from hwasc.records.widths import resized, widths
from hwasc.training import pruning
from hwasc.training.quantization import calibrate, quantize

CLASSES = ("a", "b", "c")
BATCH = 32


def check_block(record: Block, *, inputs: int = 8, packaged: bool = True) -> None:
    """Check that a block fulfils its contract, between a stem and another block, with both kinds of padding.

    Args:
        record: A block of the kind, registered or of an installed package. Check several, so that each of its settings occurs.
        inputs: Channels of its input.
        packaged: Whether its units exist in the DCASE inference package too; units of other packages do not.

    Raises:
        AssertionError: Describes the first violation.
    """
    check_record(record, inputs)
    check_supernet(record)
    for padding in ("same", "torch"):
        a = net(record, inputs, padding)
        check_module(a)
        check_widths(a)
        check_int8(a, packaged=packaged)


def net(record: Block, inputs: int, padding: str = "same") -> Architecture:
    """A small architecture around a block.

    Args:
        record: The block.
        inputs: Channels of its input.
        padding: `same` or `torch`.

    Returns:
        The architecture.
    """
    last = InvertedResidual(3, 16, record.channels, shortcut=True)
    front_end = FrontEnd.for_clip(40, 17)
    return Architecture(front_end, (4, inputs), (record, last), len(CLASSES), padding=padding)  # type: ignore[arg-type]


def check_record(record: Block, inputs: int) -> None:
    """Check the record: frozen, registered under its name, the same after a round trip through text and JSON, a valid program.

    Args:
        record: The block.
        inputs: Channels of its input.

    Raises:
        AssertionError: Describes the first violation.
    """
    kind = type(record)
    assert BLOCKS.get(record.kind) is kind, f"the registry has another block under the name '{record.kind}'"
    assert dataclasses.is_dataclass(kind) and hash(record), "needs dataclass(frozen=True)"
    text = str(record)
    assert text.startswith(record.kind), f"the text '{text}' must begin with the kind '{record.kind}'"
    assert Block.from_text(text) == record, f"the text '{text}' is not read back as {record}"
    a = net(record, inputs)
    again = schema.parse(Architecture, json.loads(schema.canonical(a)), "JSON")
    assert again == a and again.id == a.id, "the JSON is not read back as the same record"

    units = record.units(inputs)
    names = [unit.name for unit in units]
    known = {INPUT}
    for unit in units:
        assert unit.name.isidentifier() and unit.name not in known, f"unit '{unit.name}': no name, or used twice"
        assert unit.inputs and known.issuperset(unit.inputs), (
            f"unit '{unit.name}' reads {unit.inputs}, known are {known}"
        )
        known.add(unit.name)
    unread = set(names[:-1]) - {name for unit in units for name in unit.inputs}
    assert not unread, f"nothing reads the units {sorted(unread)}; the block's output is the last unit's"
    found = channels(units, inputs)[names[-1]]
    assert found == record.channels, f"the last unit gives {found} channels, the record has {record.channels}"
    for field, name in record.width_units.items():
        assert name in names, f"width_units: there is no unit '{name}'"
        found = channels(units, inputs)[name]
        assert found == getattr(record, field), (
            f"width_units: '{name}' gives {found} channels, '{field}' is {getattr(record, field)}"
        )


def check_module(a: Architecture) -> None:
    """Compare the torch module with the deployment graph: parameters, MACs, shapes of units' outputs; check that it can learn."""
    model, graph = build(a), deployment.build(a)
    shapes: dict[str, tuple[int, ...]] = {}
    macs = 0

    def record_output(name: str, module: nn.Module) -> None:
        def hook(module: nn.Module, _: Any, y: Tensor) -> None:
            nonlocal macs
            shapes[name] = tuple(y.shape[1:])
            if isinstance(module, nn.Conv2d):
                macs += module.weight.numel() * y.shape[2] * y.shape[3]

        module.register_forward_hook(hook)

    for name, module in model.named_modules():
        record_output(name, module)
    y = model(logmel(a, 2))
    assert y.shape == (2, a.classes), f"logits have the shape {tuple(y.shape)}"
    last = {op.layer: graph.tensors[op.output] for op in graph.operators}
    for unit in a.program:
        _, h, w, c = last[unit.layer]
        assert shapes[unit.name] == (c, h, w), f"{unit.name}: {shapes[unit.name]} in torch, {(c, h, w)} in the graph"
    ins, outs = shapes["stem.1"], shapes["blocks.0"]
    expected = tuple(-(-size // s) for size, s in zip(ins[1:], a.blocks[0].stride, strict=True))
    assert outs[1:] == expected, f"the map {ins[1:]} becomes {outs[1:]}, by the record's stride it should be {expected}"
    costs, parameters = measure(a), sum(p.numel() for p in model.parameters())
    assert parameters == costs.parameters, f"{parameters} parameters in torch, {costs.parameters} in the graph"
    conv = costs.macs.conv - costs.macs.grn
    assert macs == conv, f"{macs} MACs of convolutions in torch, {conv} in the graph"
    y.square().sum().backward()  # type: ignore[no-untyped-call]
    missing = [name for name, p in model.named_parameters() if p.grad is None]
    assert not missing, f"no gradient reaches {missing}"


def check_widths(a: Architecture) -> None:
    """Check channel counts: a resized record has the requested ones, a pruned student those of its record."""
    counts = widths(a)
    assert resized(a, counts) == a, "the same counts give another architecture"
    rng = random.Random(0)
    wanted = {name: n + rng.randrange(5) for name, n in counts.items()}
    assert widths(resized(a, wanted)) == wanted, f"requested {wanted}, found {widths(resized(a, wanted))}"
    build(resized(a, wanted))(logmel(a, 2))
    model = example_student(a)
    removed = {name: list(range(0, n, 2))[: n - 1] for name, n in counts.items()}
    pruning.remove(model, removed)
    left = {name: n - len(removed[name]) for name, n in counts.items()}
    assert model.architecture == resized(a, left), "pruning left other channel counts than it should"
    fresh = build(model.architecture)
    fresh.load_state_dict(model.state_dict())
    x = logmel(a, 2)
    with torch.no_grad():
        assert torch.equal(fresh.eval()(x), model(x)), "a pruned student differs from one built with its weights"


def check_supernet(record: Block) -> None:
    """Check the kind in a search space beside the built-in one: points give its records, slices of the supernet are students."""
    kinds = (record.kind, "ir") if record.kind != "ir" else ("ir",)
    choices: dict[str, Any] = {
        "expansion": (1.5, 2),
        "kernel": (3, 5),
        "grn": ("none", "scalar", "channel"),
        "block": kinds,
    }
    stages = (Stage((1, 2), (8, 16), **choices), Stage((1, 2), (8, 24), stride=("1x1", "2x1", "2x2"), **choices))
    space = SearchSpace("contract", FrontEndChoices((40,), (17,)), (4,), stages, grn_at=("sum", "expanded"))
    torch.manual_seed(0)
    shared, rng = Supernet(space, len(CLASSES)), random.Random(0)
    for p in shared.parameters():
        if p.ndim < 2 or p.numel() < 200:
            nn.init.normal_(p, 0.5, 0.2)
    for _ in range(12):
        point = {name: rng.choice(values) for name, values in space.choices().items()}
        a = space.architecture(point, len(CLASSES))
        for i, stage in enumerate(("stage1", "stage2")):
            kind = point.get(f"{stage}.block", kinds[0])
            start = 0 if i == 0 else point["stage1.depth"]
            blocks = a.blocks[start : start + point[f"{stage}.depth"]]
            assert all(b.kind == kind for b in blocks), f"from_choices gave {blocks} for the kind '{kind}'"
            width = point[f"{stage}.width"]
            assert all(b.channels == width for b in blocks), f"from_choices gave {blocks} for the width {width}"
            stride = parse_stride(point[f"{stage}.stride"])
            assert blocks[0].stride == stride, f"from_choices gave {blocks[0]} for the stride {stride}"
        x = logmel(a, 4)
        with torch.no_grad():
            difference = (shared.student(point).train()(x) - shared(x, point)).abs().max()
        assert difference < 1e-4, f"the slice differs from its student by {difference:.2g} at {point}"


def check_int8(a: Architecture, *, packaged: bool = True) -> None:
    """Check that the int8 student, the inference package and the chip's interpreter (where tflite-micro is installed) agree.

    The student sums in float32, so its logits may differ by a step from the others, by two with GRN, whose quotient amplifies
    a rounding. The other two agree bit for bit, except with the kernel of the reciprocal root, which uses a table.

    Args:
        a: The architecture.
        packaged: Whether its units exist in the DCASE inference package too.

    Raises:
        AssertionError: Describes the first violation.
    """
    x = logmel(a, BATCH)
    model = calibrate(quantize(example_student(a)), [x])
    step = float(model.get_submodule("output.act").act_quant.scale())  # type: ignore[union-attr,operator]
    kinds = {op.kind for op in deployment.build(a).operators}
    tolerance = 3 if "rsqrt" in kinds else 2 if "div" in kinds else 1
    logits: dict[str, np.ndarray] = {}
    with torch.no_grad():
        expected = torch.round(model(x) / step).numpy()
        if packaged:
            logits["inference package"] = torch.round(packaged_student(model)(x) / step).numpy()
    if importlib.util.find_spec("tflite_micro") is not None:
        logits["interpreter"] = interpreted(model, x)
    assert len(np.unique(expected)) > 4, "the logits hardly differ, so that the check is void"
    for name, found in logits.items():
        difference = np.abs(found - expected)
        assert difference.max() <= tolerance, f"logits of the {name} are up to {difference.max():g} steps away"
        assert (difference > 0).mean() < 0.3, f"{(difference > 0).mean():.0%} of the logits of the {name} differ"
    if len(logits) == 2 and "rsqrt" not in kinds:
        assert np.array_equal(logits["interpreter"], logits["inference package"]), (
            "the inference package and the interpreter give different logits"
        )


def interpreted(model: Student, x: Tensor) -> np.ndarray:
    """Run a model's .tflite in TensorFlow Lite Micro, and compare the memory that it uses with the planned one.

    Args:
        model: An int8 student.
        x: Log-mels (B, 1, mels, frames).

    Returns:
        Stored logits (B, classes), without the zero point.

    Raises:
        AssertionError: The memory differs.
    """
    from hwasc.deploy import tflite
    from hwasc.deploy.interpreter import Interpreter

    a = model.architecture
    with tempfile.TemporaryDirectory() as folder, Interpreter() as chip:
        chip.load(tflite.export(model, Path(folder) / "m.tflite", CLASSES))
        head, tail = plan_greedy(deployment.build(a)).head, persistent.tail(a)
        found = chip.allocation
        assert (found.head, found.tail) == (head, tail), f"planned {(head, tail)} bytes of memory, found {found}"
        stored = torch.round(x / chip.input.scale).clamp(-128, 127).permute(0, 2, 3, 1).numpy().astype(np.int8)
        logits = chip.run(stored).astype(int)
        return np.subtract(logits, chip.output.zero_point)


def logmel(a: Architecture, clips: int) -> Tensor:
    """Smooth random log-mels, the same in every call.

    Args:
        a: Gives mels and frames.
        clips: How many.

    Returns:
        (clips, 1, mels, frames).
    """
    g = torch.Generator().manual_seed(1)
    size = (a.front_end.mels, a.front_end.frames)
    return nn.functional.interpolate(torch.randn(clips, 1, 8, 4, generator=g), size) + 0.3 * torch.randn(
        clips, 1, *size, generator=g
    )


def example_student(a: Architecture) -> Student:
    """A student with batch norm statistics of data and with GRN that has an effect; in eval mode."""
    torch.manual_seed(0)
    model = build(a)
    for m in model.modules():
        if isinstance(m, GlobalResponseNorm):
            nn.init.constant_(m.gamma, 0.3)
    with torch.no_grad():
        for _ in range(10):
            y = model(logmel(a, BATCH))
            model.head.bn.bias.sub_(0.3 * y.mean(0))
    return model.eval()
