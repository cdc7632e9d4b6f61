"""The base of all kinds of block: what a kind declares, and its text, JSON and channel names, which follow. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from hwasc.errors import UsageError
from hwasc.parts import BLOCKS
from hwasc.records import schema
from hwasc.records.blocks import text as texts
from hwasc.records.blocks.units import GRN, INPUT, Stride, Unit, groups
from hwasc.records.schema import STRICT

DEFAULT_KIND = "ir"  # JSON names every kind but this one


def make_divisible(value: float, divisor: int = 8) -> int:
    """Round a number of channels by MobileNet's rule.

    Args:
        value: The number, above 0.
        divisor: The result is a multiple of it.

    Returns:
        The nearest multiple, at least `divisor`, and never more than 10 % below `value`.
    """
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


@dataclass(frozen=True)
class Choices:
    """The choices of a search space for one block.

    Attributes:
        inputs: Input channels.
        width: Output channels.
        expansion: Expanded channels over input channels.
        kernel: Odd.
        stride: Over frequency and time.
        grn: Normalization, or none.
    """

    inputs: int
    width: int
    expansion: float
    kernel: int
    stride: Stride
    grn: GRN | None


class Block:
    """A block of the student. A kind of block is a frozen dataclass that inherits this.

    It declares the attributes below and defines `units` and `from_choices`; see docs/adding/block.md.

    Attributes:
        kind: Its name in the registry, of letters, digits and hyphens.
        letters: For the one-line text: each field, in order, with the letters before its value.
        width_units: Each field that counts channels, with the unit whose convolution sets that count.
        channels: Channels of the output.
        stride: Of the whole block, over frequency and time.
    """

    kind: ClassVar[str]
    letters: ClassVar[Mapping[str, str]]
    width_units: ClassVar[Mapping[str, str]]

    channels: int
    stride: Stride

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def units(self, inputs: int) -> tuple[Unit, ...]:
        """The program of the block.

        Args:
            inputs: Input channels.

        Returns:
            Units in the order of their run; the last one's output is the block's.
        """
        raise NotImplementedError

    @classmethod
    def from_choices(cls, choices: Choices) -> Block:
        """Make the block of a point of a search space.

        Args:
            choices: The choices at the point; a kind may ignore some.

        Returns:
            The block.
        """
        raise NotImplementedError

    def __str__(self) -> str:
        return texts.write(self.kind, self.letters, vars(self))

    @classmethod
    def from_text(cls, text: str) -> Block:
        """Read the one-line text of a block of any kind.

        Args:
            text: Such as `ir_k3_s2x1_e96_c32_skip_grn-scalar-sum-mean`.

        Returns:
            The block.

        Raises:
            UsageError: The kind is unknown, the text has another form, or a value is impossible.
        """
        record = of_kind(text.partition("_")[0])
        return schema.parse(record, texts.read(text, record, record.kind, record.letters), text)

    def width_owners(self, inputs: int) -> dict[str, str]:
        """Which channel counts can change on their own.

        Args:
            inputs: Input channels.

        Returns:
            For each field that counts channels, the field whose count it always has, or `INPUT`. Most have their own. A
            shortcut binds the output's count to the input's.
        """
        group, first = groups(self.units(inputs)), {INPUT: INPUT}
        return {name: first.setdefault(group[unit], name) for name, unit in self.width_units.items()}

    def json_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """The block's JSON, from its fields as JSON; see `schema.plain`."""
        return values if self.kind == DEFAULT_KIND else {"kind": self.kind, **values}

    @classmethod
    def class_for(cls, values: Any) -> type[Block]:
        """The kind of block that plain values (from JSON) describe. UsageError for an unknown kind."""
        if cls is not Block:
            return cls
        return of_kind(values.get("kind", DEFAULT_KIND) if isinstance(values, Mapping) else DEFAULT_KIND)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """How pydantic reads a field of type `Block`: by the kind that the values name."""
        if cls is not Block:
            return handler(source)
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(_validated)


def of_kind(name: Any) -> type[Block]:
    """The record class of a kind of block. UsageError for an unknown kind."""
    found: type[Block] = BLOCKS.get(str(name))
    return found


def _validated(values: Any) -> Block:
    if isinstance(values, Block):
        return values
    if not isinstance(values, Mapping):
        raise ValueError("a block is a mapping of keys to values")
    kind: Any
    try:
        kind = Block.class_for(values)
    except UsageError as e:
        raise ValueError(str(e)) from None
    block: Block = _adapter(kind).validate_python({k: v for k, v in values.items() if k != "kind"})
    return block


@cache
def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
