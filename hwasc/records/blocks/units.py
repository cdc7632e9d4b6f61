"""Units: the layers of a block. A block's program is a tuple of units in the order in which they run.

Every unit has a name, the names of its inputs, and one output. The same program becomes the torch module (`models.blocks`),
the operators on the chip (`cost.graph`), the int8 module (`training.quantization`), the constants of the .tflite
(`deploy.constants`) and the inference package (`dcase.standalone_weights`), so that all of these agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, NoReturn

from hwasc.errors import HwascError
from hwasc.records.schema import STRICT

Stride = tuple[int, int]  # frequency, time
Kernel = int | tuple[int, int]  # square, or frequency and time; odd
INPUT = "input"  # the name of the block's input


@dataclass(frozen=True)
class GRN:
    """Global response normalization (Woo et al., ConvNeXt V2, 2023): y = x * (1 + gamma * n) (+ beta), n = g / mean_c(g).

    Attributes:
        shape: One gamma (`scalar`), or one for each channel (`channel`).
        at: After the shortcut sum (`sum`), or on the expanded channels after the depthwise ReLU (`expanded`).
        response: g is the L2 norm over the map (`l2`: with beta, before the block's ReLU, as in CP-Mobile), or the mean over
            the rectified map (`mean`: no beta, after the ReLU; every step has an int8 kernel on the chip).
    """

    shape: Literal["scalar", "channel"] = "scalar"
    at: Literal["sum", "expanded"] = "sum"
    response: Literal["mean", "l2"] = "mean"

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def parameters(self, channels: int) -> int:
        """Learned numbers over `channels` channels."""
        return (1 if self.shape == "scalar" else channels) * (2 if self.response == "l2" else 1)


@dataclass(frozen=True)
class Unit:
    """One step of a block.

    A new type of unit is a subclass that defines the methods below, but for `width` and `variant` if their defaults fit. The
    methods import torch where they use it, not at the top of their file. The units of this module do not define them: the
    packages that convert units have a function for each of these.

    Attributes:
        name: Of its torch module within the block.
        inputs: Names of the units that it reads, or `INPUT`.
        layer: The name of its operators on the chip, where that is not its own name.
    """

    name: str
    inputs: tuple[str, ...]
    layer: str = field(default="", kw_only=True)

    def within(self, prefix: str, names: dict[str, str]) -> Unit:
        """The same unit as part of a larger program.

        Args:
            prefix: Of its name in that program, without the dot.
            names: Names of its inputs in that program, by their names in the block.

        Returns:
            The renamed unit.
        """
        return replace(
            self,
            name=f"{prefix}.{self.name}",
            inputs=tuple(names[i] for i in self.inputs),
            layer=f"{prefix}.{self.layer or self.name}",
        )

    def width(self, *inputs: int) -> int:
        """Output channels.

        Args:
            inputs: Channels of each input.

        Returns:
            By default the channels of the first input; a unit may have its own number of channels.
        """
        return inputs[0]

    @property
    def variant(self) -> str:
        """A suffix for the name of the unit's weights in a supernet: only units of one variant share weights."""
        return ""

    def operators(self, graph: Any, *inputs: int) -> int:
        """Add the unit's operators to the deployment graph.

        Args:
            graph: A `cost.graph.Builder`.
            inputs: Numbers of the tensors that the unit reads.

        Returns:
            The number of its output tensor.
        """
        self._lacks("operators")

    def module(self, channels: int, padding: str) -> Any:
        """The torch module, freshly initialised.

        Args:
            channels: Channels of the first input.
            padding: `same` or `torch`, see `Architecture`.

        Returns:
            A `torch.nn.Module`: one map (B, C, F, T) for each input -> the output map.
        """
        self._lacks("module")

    def quantized(self, module: Any) -> Any:
        """The int8 module that takes the place of the torch module.

        Args:
            module: The trained torch module.

        Returns:
            A module of quant tensors in and a quant tensor out, made of `training.quantization`'s parts.
        """
        self._lacks("quantized")

    def constants(self, module: Any) -> Iterator[tuple[Any, Any]]:
        """The quantizers and constants of the model file, for each of the unit's operators in turn.

        Args:
            module: The calibrated int8 module.

        Returns:
            The quantizer of the operator's output (None: it keeps its input's scale), and its constant or None; see
            `deploy.constants.constants`.
        """
        self._lacks("constants")

    def _lacks(self, what: str) -> NoReturn:
        raise HwascError(f"unit {type(self).__name__} lacks a method '{what}'; see docs/adding/block.md")


@dataclass(frozen=True)
class Conv(Unit):
    """Convolution, batch norm, optional ReLU.

    Attributes:
        channels: Output channels.
        kernel: Odd.
        stride: (frequency, time).
        relu: Whether the output is rectified.
    """

    channels: int = field(kw_only=True)
    kernel: Kernel = field(default=1, kw_only=True)
    stride: Stride = field(default=(1, 1), kw_only=True)
    relu: bool = field(default=True, kw_only=True)

    def width(self, *inputs: int) -> int:
        """See `Unit.width`."""
        return self.channels

    @property
    def variant(self) -> str:
        """The size of the kernel, empty for 1 x 1."""
        return "" if self.kernel == 1 else _size(self.kernel)


@dataclass(frozen=True)
class DepthwiseConv(Unit):
    """Convolution of each channel by itself, batch norm, optional ReLU.

    Attributes:
        kernel: Odd.
        stride: (frequency, time).
        relu: Whether the output is rectified.
    """

    kernel: Kernel = field(kw_only=True)
    stride: Stride = field(default=(1, 1), kw_only=True)
    relu: bool = field(default=True, kw_only=True)

    @property
    def variant(self) -> str:
        """The size of the kernel."""
        return _size(self.kernel)


@dataclass(frozen=True)
class ResponseNorm(Unit):
    """Global response normalization of a rectified map; the L2 response also takes a map with both signs.

    Attributes:
        grn: Which one; `at` has no meaning here.
        relu: Whether the result is rectified. In float only the L2 response's is: the mean response of a rectified map is
            negative only where a gamma is below -1.
    """

    grn: GRN = field(kw_only=True)
    relu: bool = field(kw_only=True)

    @property
    def variant(self) -> str:
        """The shape of gamma."""
        return f"_{self.grn.shape}"


@dataclass(frozen=True)
class Pool(Unit):
    """3 x 3 average pooling with a stride, for the shortcut of a strided block."""

    stride: Stride = field(kw_only=True)


@dataclass(frozen=True)
class Sum(Unit):
    """The sum of two maps of one shape, optional ReLU."""

    relu: bool = field(kw_only=True)


def pair(kernel: Kernel) -> tuple[int, int]:
    """A kernel's extent over frequency and time."""
    return kernel if isinstance(kernel, tuple) else (kernel, kernel)


def _size(kernel: Kernel) -> str:
    return "x".join(map(str, kernel)) if isinstance(kernel, tuple) else str(kernel)


def channels(units: Sequence[Unit], inputs: int) -> dict[str, int]:
    """The channels of every unit's output by name, `INPUT` included.

    Args:
        units: A block's program.
        inputs: Input channels of the block.

    Returns:
        Channels by name.

    Raises:
        ValueError: Two maps of different widths are added.
    """
    found = {INPUT: inputs}
    for unit in units:
        widths = [found[i] for i in unit.inputs]
        if isinstance(unit, Sum) and widths[0] != widths[1]:
            raise ValueError(f"a shortcut needs as many input as output channels, found {widths[0]} and {widths[1]}")
        found[unit.name] = unit.width(*widths)
    return found


def groups(units: Sequence[Unit]) -> dict[str, str]:
    """For every output, whose channel count it has: `INPUT`'s or that of a unit which sets its own (`Conv`).

    A sum binds the counts of both of its inputs together; the one that comes first gives its name.
    """
    order = [INPUT, *(u.name for u in units)]
    found = {INPUT: INPUT}
    for unit in units:
        if isinstance(unit, Sum):
            first, second = sorted((found[i] for i in unit.inputs), key=order.index)
            found = {name: first if group == second else group for name, group in found.items()}
        # Two input widths tell whether the output follows the input.
        follows = unit.width(*(1 for _ in unit.inputs)) != unit.width(*(2 for _ in unit.inputs))
        found[unit.name] = found[unit.inputs[0]] if follows else unit.name
    return found
