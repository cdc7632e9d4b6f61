"""What every kind of block declares, and what follows from it: text, JSON, channel names. No torch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, ClassVar, get_args, get_type_hints

from hwasc.errors import UsageError
from hwasc.parts import BLOCKS
from hwasc.records import schema
from hwasc.records.blocks.units import GRN, INPUT, Stride, Unit, groups
from hwasc.records.schema import STRICT

DEFAULT_KIND = "ir"  # records name their kind in JSON, but not this one


def make_divisible(value: float, divisor: int = 8) -> int:
    """The nearest multiple of `divisor`, at least one, never more than 10 % below `value` (MobileNet's rule)."""
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


@dataclass(frozen=True)
class Choices:
    """What a point of a search space says about one block.

    inputs: channels that come in. width: output channels. expansion: a multiple of the input channels. kernel: odd.
    stride: frequency, time. grn: normalization, or none.
    """

    inputs: int
    width: int
    expansion: float
    kernel: int
    stride: Stride
    grn: GRN | None


class Block:
    """A block of the student. A kind is a frozen dataclass that inherits this and declares what stands below.

    kind: its name in the registry, of letters, digits and hyphens.
    letters: for the one-line text, each field with the letters before its value, in order; a bool's letters stand alone.
    makers: each field that counts channels, with the unit whose convolution makes so many first.
    """

    kind: ClassVar[str]
    letters: ClassVar[Mapping[str, str]]
    makers: ClassVar[Mapping[str, str]]

    channels: int  # of the output
    stride: Stride

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def units(self, inputs: int) -> tuple[Unit, ...]:
        """The program: units in the order of their run; the last one's output is the block's.

        Args:
            inputs: channels that come in.
        """
        raise NotImplementedError

    @classmethod
    def from_choices(cls, choices: Choices) -> Block:
        """The block that a search space's choices stand for. A kind leaves out the choices that it has no use for."""
        raise NotImplementedError

    def __str__(self) -> str:
        parts = [_written(letters, getattr(self, name)) for name, letters in self.letters.items()]
        return "_".join([self.kind, *filter(None, parts)])

    @classmethod
    def from_text(cls, text: str) -> Block:
        """Read the one-line form of any kind back, e.g. `ir_k3_s2x1_e96_c32_skip_grn-scalar-sum-mean`."""
        kind = of_kind(text.partition("_")[0])
        types = get_type_hints(kind)
        pattern = kind.kind + "".join(_pattern(name, letters, types[name]) for name, letters in kind.letters.items())
        found = re.fullmatch(pattern, text)
        if not found:
            shape = "_".join(f"{letters}.." for letters in kind.letters.values())
            raise UsageError(f"'{text}' is no block; expected {kind.kind}_{shape}")
        values = {name: _read(found[name], letters, types[name]) for name, letters in kind.letters.items()}
        return schema.parse(kind, {k: v for k, v in values.items() if v is not None}, text)

    def followed(self, inputs: int) -> dict[str, str]:
        """For each field that counts channels, the field (or `INPUT`) whose count it always has: often itself.

        A shortcut binds the output's count to the input's.
        """
        group, first = groups(self.units(inputs)), {INPUT: INPUT}
        return {name: first.setdefault(group[unit], name) for name, unit in self.makers.items()}

    def json_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Its JSON, from its fields as JSON; see `schema.plain`."""
        return values if self.kind == DEFAULT_KIND else {"kind": self.kind, **values}

    @classmethod
    def class_for(cls, values: Any) -> type[Block]:
        """The kind that plain values (from JSON) are of; UsageError for an unknown one."""
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
    """The record class of a kind of block; UsageError for an unknown one."""
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


def _written(letters: str, value: Any) -> str:
    """A field as text; empty for what is absent."""
    if isinstance(value, bool) or value is None:
        return letters if value else ""
    if isinstance(value, tuple):
        return f"{letters}{value[0]}" if value[0] == value[1] else f"{letters}{value[0]}x{value[1]}"
    if isinstance(value, GRN):
        return "-".join([letters, *(str(getattr(value, f.name)) for f in fields(value))])
    return f"{letters}{value}"


def _pattern(name: str, letters: str, of: Any) -> str:
    """A regular expression for what `_written` gives."""
    if of is bool:
        return f"(?P<{name}>_{letters})?"
    if of is int:
        return f"_{letters}(?P<{name}>\\d+)"
    if of == Stride:
        return f"_{letters}(?P<{name}>\\d(?:x\\d)?)"
    if GRN in get_args(of):
        return f"(?:_{letters}-(?P<{name}>\\w+-\\w+-\\w+))?"
    raise TypeError(f"field {name}: the text knows int, bool, Stride and GRN, found {of}")


def _read(text: str | None, letters: str, of: Any) -> Any:
    if text is None or of is bool:
        return text is not None or None
    if of == Stride:
        parts = text.split("x")
        return (parts[0], parts[-1])
    if GRN in get_args(of):
        return dict(zip((f.name for f in fields(GRN)), text.split("-"), strict=True))
    return text
