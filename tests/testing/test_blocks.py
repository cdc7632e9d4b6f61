"""The contract of blocks: the built-in kind keeps it, so do kinds from outside, and breaches are named."""

from __future__ import annotations

import dataclasses
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest

from hwasc.errors import HwascError, UsageError
from hwasc.parts import BLOCKS
from hwasc.records import schema
from hwasc.records.blocks import (
    GRN,
    INPUT,
    AxisResidual,
    Block,
    Choices,
    Conv,
    DepthwiseConv,
    FusedResidual,
    InvertedResidual,
    Pointwise,
    Residual,
    Stride,
    Sum,
    Unit,
)
from hwasc.records.space import SearchSpace
from hwasc.testing.blocks import check_block, check_int8, check_module, check_record, check_supernet, net

ROOT = Path(__file__).resolve().parents[2]
LITTLE = ROOT / "tests/outside_package/hwasc_little/block.py"
GRNS = (None, GRN(), GRN("channel", "expanded"), GRN("scalar", "sum", "l2"), GRN("channel", "expanded", "l2"))


@pytest.mark.slow
@pytest.mark.parametrize("grn", GRNS, ids=str)
def test_inverted_residuals(grn: GRN | None) -> None:
    check_block(InvertedResidual(5, 24, 12, (2, 1), shortcut=True, grn=grn), inputs=12)


@pytest.mark.slow
@pytest.mark.parametrize("record", [InvertedResidual(3, 20, 12), InvertedResidual(3, 20, 12, (2, 2))], ids=str)
def test_inverted_residuals_without_a_shortcut(record: InvertedResidual) -> None:
    check_block(record, inputs=8)


@pytest.mark.slow
@pytest.mark.parametrize("grn", GRNS[:3], ids=str)
@pytest.mark.parametrize("kind", [AxisResidual, FusedResidual])
def test_other_residuals(kind: type[Residual], grn: GRN | None) -> None:
    check_block(kind(3, 20, 12, (2, 1), shortcut=True, grn=grn), inputs=12)


@pytest.mark.slow
@pytest.mark.parametrize(
    "record",
    [AxisResidual(5, 20, 12, (2, 2)), FusedResidual(5, 20, 12, (1, 2)), Pointwise(12), Pointwise(12, (2, 1))],
    ids=str,
)
def test_other_kinds_without_a_shortcut(record: Block) -> None:
    check_block(record, inputs=8)


@pytest.fixture(scope="module")
def little() -> Iterator[ModuleType]:
    """The block of docs/adding/block.md, registered."""
    spec = importlib.util.spec_from_file_location("hwasc_little.block", LITTLE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    with BLOCKS.registered("dws", module.DepthwiseSeparable):
        yield module
    del sys.modules[spec.name]


@pytest.mark.parametrize("stride", [(1, 1), (2, 1)])
@pytest.mark.slow
def test_the_block_of_the_page(little: ModuleType, stride: Stride) -> None:
    check_block(little.DepthwiseSeparable(kernel=3, channels=12, stride=stride), inputs=8)


def test_it_is_used_by_name(little: ModuleType) -> None:
    block = little.DepthwiseSeparable(5, 16, (2, 1))
    assert str(block) == "dws_k5_s2x1_c16" and Block.from_text("dws_k5_s2x1_c16") == block
    assert schema.plain(block) == {"kind": "dws", "kernel": 5, "channels": 16, "stride": [2, 1]}
    values = schema.plain(SearchSpace.load("small"))
    assert "block" not in values["stages"][0]
    values["stages"][0]["block"] = ["ir", "dws"]
    values["stages"][1]["block"] = ["dws"]
    space = schema.parse(SearchSpace, values, "space")
    assert "stage1.block" in space.choices() and "stage2.block" not in space.choices()
    point = {name: values[-1] for name, values in space.choices().items()}
    a = space.architecture(point, 10)
    kinds = [b.kind for b in a.blocks]
    depths = [point[f"stage{i}.depth"] for i in range(1, len(space.stages) + 1)]
    assert kinds == ["dws"] * sum(depths[:2]) + ["ir"] * sum(depths[2:])
    again = space.architecture(point | {"stage1.block": "ir"}, 10)
    assert [b.kind for b in again.blocks] == ["ir"] * depths[0] + kinds[depths[0] :]


def test_unknown_kinds_and_keys_are_named_with_their_neighbour(little: ModuleType) -> None:
    a = schema.plain(net(little.DepthwiseSeparable(3, 8), 8))
    a["blocks"][0]["kind"] = "dw"
    a["blocks"][1]["kernl"] = 3
    from hwasc.records.architecture import Architecture

    with pytest.raises(UsageError) as e:
        schema.parse(Architecture, a, "best.json")
    assert "blocks.0: block 'dw' is not known, did you mean 'dws'?" in str(e.value)
    assert "unknown key 'blocks.1.kernl', did you mean 'kernel'?" in str(e.value)
    values = schema.plain(SearchSpace.load("small"))
    values["stages"][0]["block"] = ["irr"]
    with pytest.raises(UsageError, match=r"stages\.0: block 'irr' is not known, did you mean 'ir'\?"):
        schema.parse(SearchSpace, values, "space")
    with pytest.raises(UsageError, match="block 'dwss' is not known"):
        Block.from_text("dwss_k3_s1_c8")
    with pytest.raises(UsageError, match="no block; expected dws_k"):
        Block.from_text("dws_k3_c8")


@dataclass(frozen=True)
class Scale(Unit):
    """A unit of its own sort: a learned factor a channel."""

    def operators(self, graph: Any, *inputs: int) -> int:
        width = graph.tensors[inputs[0]][3]
        number: int = graph.pointwise("mul", self.layer, *inputs, constants=width, parameters=width)
        return number

    def module(self, channels: int, padding: str) -> Any:
        import torch

        class Factor(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.factor = torch.nn.Parameter(torch.linspace(0.5, 1.5, channels).reshape(1, channels, 1, 1))

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return x * self.factor

        return Factor()

    def quantized(self, module: Any) -> Any:
        import torch

        from hwasc.training.quantization import quantized_product, quantizer

        class QuantFactor(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.factor = torch.nn.Parameter(module.factor.detach().clone())
                self.factor_quant, self.act = quantizer(signed=True), quantizer(signed=True)

            def forward(self, x: Any) -> Any:
                return quantized_product(x, self.factor_quant(self.factor), self.act)

        return QuantFactor()

    def constants(self, module: Any) -> Iterator[tuple[Any, Any]]:
        from hwasc.deploy.tflite import vector

        yield module.act, vector("factor", module.factor, module.factor_quant)


@dataclass(frozen=True)
class Scaled(Block):
    """Two branches, a unit of its own sort in one of them, and a width between that both must have."""

    hidden: int
    channels: int
    stride: Stride = (1, 1)

    kind: ClassVar = "scaled"
    letters: ClassVar = {"stride": "s", "hidden": "h", "channels": "c"}
    width_units: ClassVar = {"hidden": "first", "channels": "last"}

    def units(self, inputs: int) -> tuple[Unit, ...]:
        return (
            Conv("first", (INPUT,), channels=self.hidden, kernel=3, stride=self.stride),
            DepthwiseConv("local", ("first",), kernel=3, relu=False),
            Scale("scale", ("first",)),
            Sum("both", ("local", "scale"), relu=True),
            Conv("last", ("both",), channels=self.channels),
        )

    @classmethod
    def from_choices(cls, choices: Choices) -> Scaled:
        return cls(2 * choices.inputs, choices.width, choices.stride)


@pytest.mark.slow
def test_a_block_may_bring_a_unit_of_its_own() -> None:
    with BLOCKS.registered("scaled", Scaled):
        check_block(Scaled(16, 12, (1, 2)), inputs=8, packaged=False)
        with pytest.raises(HwascError, match="the inference package has no unit Scale"):
            check_int8(net(Scaled(16, 12), 8))


@dataclass(frozen=True)
class Axes(Block):
    """Depthwise over frequency beside depthwise over time, then mixed."""

    kernel: int
    channels: int
    stride: Stride = (1, 1)

    kind: ClassVar = "axes"
    letters: ClassVar = {"kernel": "k", "stride": "s", "channels": "c"}
    width_units: ClassVar = {"channels": "mix"}

    def units(self, inputs: int) -> tuple[Unit, ...]:
        return (
            Conv("widen", (INPUT,), channels=12, kernel=(1, 3)),
            DepthwiseConv("frequency", ("widen",), kernel=(self.kernel, 1), stride=self.stride),
            DepthwiseConv("time", ("widen",), kernel=(1, self.kernel), stride=self.stride),
            Sum("sum", ("frequency", "time"), relu=False),
            Conv("mix", ("sum",), channels=self.channels),
        )

    @classmethod
    def from_choices(cls, choices: Choices) -> Axes:
        return cls(choices.kernel, choices.width, choices.stride)


@pytest.mark.slow
@pytest.mark.parametrize("stride", [(1, 1), (2, 1), (2, 2)])
def test_kernels_may_be_of_one_axis(stride: Stride) -> None:
    with BLOCKS.registered("axes", Axes):
        check_block(Axes(5, 10, stride), inputs=8)


def test_breaches_are_named() -> None:
    @dataclass(frozen=True)
    class Odd(Scaled):
        width: int = field(default=3)

    with BLOCKS.registered("scaled", Odd), pytest.raises(AssertionError, match="not read back"):
        check_record(Odd(16, 12, width=5), 8)

    class Wrong(Scaled):
        def units(self, inputs: int) -> tuple[Unit, ...]:
            units = super().units(inputs)
            return (*units[:-1], replace(units[-1], channels=self.channels + 1))  # type: ignore[call-arg]

        @classmethod
        def from_choices(cls, choices: Choices) -> Scaled:
            return cls(8, 8)

    with BLOCKS.registered("scaled", Wrong):
        with pytest.raises(AssertionError, match="the last unit gives 13 channels, the record has 12"):
            check_record(Wrong(16, 12), 8)
        with pytest.raises(AssertionError, match="for the width"):
            check_supernet(Wrong(16, 12))

    class Still(Scaled):
        def units(self, inputs: int) -> tuple[Unit, ...]:
            return Scaled(self.hidden, self.channels).units(inputs)

    with pytest.raises(AssertionError, match=r"the map \(10, 5\) becomes \(10, 5\), .* it should be \(5, 5\)"):
        check_module(net(Still(16, 12, (2, 1)), 8))
    with pytest.raises(UsageError, match="block 'scaled' is not known"):
        check_record(Scaled(16, 12), 8)


def test_a_shortcut_needs_equal_widths() -> None:
    with pytest.raises(
        ValueError, match=r"blocks\.0: a shortcut needs as many input as output channels, found 8 and 12"
    ):
        net(InvertedResidual(3, 16, 12, shortcut=True), 8)
    assert dataclasses.is_dataclass(net(InvertedResidual(3, 16, 8, shortcut=True), 8))


def test_the_page_shows_the_very_file() -> None:
    page = (ROOT / "docs/adding/block.md").read_text()
    assert f"```python\n{LITTLE.read_text()}```" in page


def test_its_costs_need_no_torch() -> None:
    code = f"""
import importlib.util, sys
spec = importlib.util.spec_from_file_location("hwasc_little.block", {str(LITTLE)!r})
module = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = module
spec.loader.exec_module(module)
from hwasc.cost import measure
from hwasc.parts import BLOCKS
from hwasc.records.architecture import Architecture
from hwasc.records.front_end import FrontEnd
from hwasc.records.blocks import Block
BLOCKS.register("dws")(module.DepthwiseSeparable)
block = Block.from_text("dws_k3_s2x1_c12")
print(measure(Architecture(FrontEnd(), (4, 8), (block,), 3)).parameters)
assert not {{"torch", "brevitas"}} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    stem, block, head = 4 * 9 + 8 + 8 * 4 * 9 + 16, 8 * 9 + 16 + 12 * 8 + 24, 3 * 12 + 6
    assert int(done.stdout) == stem + block + head
