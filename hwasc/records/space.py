"""The search space: named choices per field and stage, and how a point of it becomes an architecture. No torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from hwasc.errors import UsageError
from hwasc.records import bundled, schema, sizes
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import GRN, Block, Stride
from hwasc.records.blocks.base import DEFAULT_KIND, Choices, of_kind
from hwasc.records.front_end import N_FFT, FrontEnd, next_power_of_two
from hwasc.records.schema import STRICT

SCHEMA = 1
Point = Mapping[str, Any]  # choice name -> chosen value; strides as "2x1", so that every value is a number or a string


@dataclass(frozen=True)
class FrontEndChoices:
    """Choices of the front end. The length of a clip is given by the data.

    Attributes:
        mels: Mel bands.
        frames: Frames of a second of sound, from which the hop follows.
        sample_rate: Hz: one, or several to choose from.
        n_fft: Length of the FFT for all windows, samples; None: for each window the smallest power of two that holds it.
        window: Length of the window, samples: one, or several to choose from. The windows are the same for every sample rate:
            at half of the rate a window lasts twice as long.
    """

    mels: tuple[int, ...]
    frames: tuple[int, ...]
    sample_rate: int | tuple[int, ...] = 32_000
    n_fft: int | None = None
    window: int | tuple[int, ...] = 3072

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        if min((*self.mels, *self.frames, *self.sample_rates), default=1) < 1:
            raise ValueError("mels, frames and sample_rate must be at least 1")
        if min(self.windows, default=1) < 1:
            raise ValueError(f"window must be at least 1, found {min(self.windows)}")
        longest = max(self.windows, default=1)
        if longest > N_FFT or (self.n_fft or 1) > N_FFT:
            raise ValueError(f"window and n_fft must be at most {N_FFT:,}")
        if self.n_fft is not None and self.n_fft < longest:
            raise ValueError(
                f"n_fft {self.n_fft} is below the longest window, {longest}; raise it, or leave it out: then each window has "
                "the smallest power of two that holds it"
            )

    @property
    def sample_rates(self) -> tuple[int, ...]:
        """The sample rates to choose from, Hz."""
        return (self.sample_rate,) if isinstance(self.sample_rate, int) else self.sample_rate

    @property
    def windows(self) -> tuple[int, ...]:
        """The windows to choose from."""
        return (self.window,) if isinstance(self.window, int) else self.window

    def n_fft_for(self, window: int) -> int:
        """Length of the FFT for a window, samples."""
        return self.n_fft or next_power_of_two(window)

    def at_rate(self, sample_rate: int) -> FrontEndChoices:
        """The choices at one sample rate: windows and FFT last as long as at the space's own rate.

        Of a space with several rates the windows are the same in samples at each, so one of these is only picked.

        Args:
            sample_rate: Hz.

        Returns:
            The choices.

        Raises:
            ValueError: The space has several sample rates, and this is none of them.
        """
        if sample_rate in self.sample_rates:
            return replace(self, sample_rate=sample_rate)
        if len(self.sample_rates) > 1:
            known = ", ".join(f"{rate:,}" for rate in self.sample_rates)
            raise ValueError(f"has the sample rates {known} Hz to choose from, and {sample_rate:,} is none of them")
        ratio = sample_rate / self.sample_rates[0]
        windows = tuple(dict.fromkeys(max(1, round(window * ratio)) for window in self.windows))
        n_fft = None if self.n_fft is None else next_power_of_two(max(*windows, round(self.n_fft * ratio)))
        return replace(self, sample_rate=sample_rate, window=windows, n_fft=n_fft)


@dataclass(frozen=True)
class Stage:
    """Choices of one stage. They hold for all its blocks, but for the stride, which only the first block has.

    Attributes:
        depth: Blocks.
        width: Output channels.
        expansion: Expanded channels over input channels.
        kernel: Size of the depthwise kernel.
        stride: (frequency, time) stride, such as `2x1`.
        grn: Global response normalization.
        block: Kinds of block by name, built-in ones and those of other packages.
    """

    depth: tuple[int, ...]
    width: tuple[int, ...]
    expansion: tuple[float, ...]
    kernel: tuple[int, ...] = (3,)
    stride: tuple[str, ...] = ("1x1",)
    grn: tuple[Literal["none", "scalar", "channel"], ...] = ("none",)
    block: tuple[str, ...] = (DEFAULT_KIND,)

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        if not all(0 <= n <= sizes.BLOCKS for n in self.depth):
            raise ValueError(f"depth: expected 0 to {sizes.BLOCKS} blocks, found {list(self.depth)}")
        if min((*self.width, *self.kernel), default=1) < 1 or not all(0 < e <= sizes.CHANNELS for e in self.expansion):
            raise ValueError("width and kernel must be at least 1, expansion above 0")
        if not self.block:
            raise ValueError("block: needs at least one choice")
        for kind in self.block:
            try:
                of_kind(kind)
            except UsageError as e:
                raise ValueError(str(e)) from None

    def json_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Its JSON, without the kind of block while that is the usual one; see `schema.plain`."""
        return values if self.block != (DEFAULT_KIND,) else {k: v for k, v in values.items() if k != "block"}


@dataclass(frozen=True)
class Constraints:
    """Rules between choices.

    Attributes:
        widths_grow: Whether no stage may be narrower than the stage before it.
        min_map: Smallest final map, (frequency, time).
    """

    widths_grow: bool = False
    min_map: tuple[int, int] = (1, 1)

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT


@dataclass(frozen=True)
class SearchSpace:
    """A search space: choices of the front end, the stem and the stages.

    Attributes:
        name: Of the space.
        front_end: Choices of the front end.
        stem: Channels of the first convolution.
        stages: Choices of each stage.
        schema: Version of the format.
        grn_at: Where GRN is placed in all blocks.
        grn_response: GRN's response in all blocks.
        constraints: Rules between choices.
    """

    name: str
    front_end: FrontEndChoices
    stem: tuple[int, ...]
    stages: tuple[Stage, ...]
    schema: int = SCHEMA
    grn_at: tuple[Literal["sum", "expanded"], ...] = ("sum",)
    grn_response: Literal["mean", "l2"] = "mean"
    constraints: Constraints = field(default_factory=Constraints)

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        for name, values in self.choices().items():
            if not values:
                raise ValueError(f"{name}: needs at least one choice")
            if len(set(values)) != len(values):
                raise ValueError(f"{name}: the same choice stands twice")
        if min(self.stem, default=1) < 1:
            raise ValueError("stem: must be at least 1")
        if len(self.stages) > sizes.BLOCKS:
            raise ValueError(f"stages: expected at most {sizes.BLOCKS}, found {len(self.stages):,}")
        for stage in self.stages:
            for stride in stage.stride:
                parse_stride(stride)

    def choices(self) -> dict[str, tuple[Any, ...]]:
        """The values of every choice by name, in a fixed order."""
        out: dict[str, tuple[Any, ...]] = {
            "mels": self.front_end.mels,
            "frames": self.front_end.frames,
            "window": self.front_end.windows,
            "stem": self.stem,
            "grn_at": self.grn_at,
        }
        if len(self.front_end.sample_rates) != 1:  # points of a space with one sample rate do not name it
            out["sample_rate"] = self.front_end.sample_rates
        for i, stage in enumerate(self.stages, 1):
            for key in ("depth", "width", "expansion", "kernel", "stride", "grn"):
                out[f"stage{i}.{key}"] = getattr(stage, key)
            if len(stage.block) > 1:  # points of a space with one kind of block do not name it
                out[f"stage{i}.block"] = stage.block
        return out

    def at_rate(self, sample_rate: int | None) -> SearchSpace:
        """The space for a microphone of a sample rate, see `FrontEndChoices.at_rate`.

        Args:
            sample_rate: Hz; None: the space's own.

        Returns:
            The space.

        Raises:
            UsageError: The space has other sample rates to choose from.
        """
        if sample_rate is None:
            return self
        try:
            return replace(self, front_end=self.front_end.at_rate(sample_rate))
        except ValueError as e:
            raise UsageError(f"search space {self.name}: {e}; edit its front_end, or leave --sample-rate out") from None

    def log10_size(self) -> float:
        """log10 of the number of points."""
        return sum(math.log10(len(v)) for v in self.choices().values())

    def violations(self, point: Point) -> list[str]:
        """The constraints that a point breaks, in words; empty where it breaks none."""
        out, maps = [], [point["mels"], point["frames"]]
        widths = [point[f"stage{i}.width"] for i in range(1, len(self.stages) + 1)]
        if self.constraints.widths_grow and widths != sorted(widths):
            out.append(f"widths {widths} do not grow")
        strides = [(2, 2), (2, 2)] + [parse_stride(point[f"stage{i}.stride"]) for i in range(1, len(self.stages) + 1)]
        for s in strides:
            maps = [-(-m // k) for m, k in zip(maps, s, strict=True)]
        if any(m < minimum for m, minimum in zip(maps, self.constraints.min_map, strict=True)):
            out.append(
                f"the final map {maps[0]}x{maps[1]} is below {self.constraints.min_map[0]}x{self.constraints.min_map[1]}"
            )
        return out

    def front_end_at(self, point: Point, seconds: float = 1.0) -> FrontEnd:
        """Make the front end of a point.

        Args:
            point: The point.
            seconds: Length of a clip, s.

        Returns:
            The front end.

        Raises:
            UsageError: It does not fit the clip.
        """
        fe, window = self.front_end, point["window"]
        rate = point.get("sample_rate", fe.sample_rates[0])
        try:
            second = FrontEnd.for_clip(
                point["mels"], point["frames"], 1.0, rate, n_fft=fe.n_fft_for(window), window=window
            )
            return second.lasting(seconds)
        except ValueError as e:
            raise UsageError(f"search space {self.name}: {e}") from None

    def architecture(self, point: Point, classes: int, seconds: float = 1.0) -> Architecture:
        """Make the architecture of a point.

        Args:
            point: The point.
            classes: Scenes.
            seconds: Length of a clip, s.

        Returns:
            The architecture.

        Raises:
            UsageError: The front end does not fit the clip, or the net is impossible.
        """
        front_end = self.front_end_at(point, seconds)
        try:
            return self._built(point, front_end, classes)
        except ValueError as e:
            raise UsageError(f"search space {self.name}: {e}") from None

    def _built(self, point: Point, front_end: FrontEnd, classes: int) -> Architecture:
        stem = (point["stem"], point["stage1.width"])
        channels = stem[1]
        blocks: list[Block] = []
        for i, stage in enumerate(self.stages, 1):
            kind = of_kind(point.get(f"stage{i}.block", stage.block[0]))
            get = {k: point[f"stage{i}.{k}"] for k in ("depth", "width", "expansion", "kernel", "stride", "grn")}
            grn = None if get["grn"] == "none" else GRN(get["grn"], point["grn_at"], self.grn_response)
            for j in range(get["depth"]):
                chosen = Choices(
                    inputs=channels,
                    width=get["width"],
                    expansion=get["expansion"],
                    kernel=get["kernel"],
                    stride=parse_stride(get["stride"]) if j == 0 else (1, 1),
                    grn=grn,
                )
                blocks.append(kind.from_choices(chosen))
                channels = blocks[-1].channels
        return Architecture(front_end, stem, tuple(blocks), classes)

    @classmethod
    def load(cls, name_or_path: str | Path) -> SearchSpace:
        """Load a bundled space by name, or a file. UsageError lists every mistake."""
        path = bundled.find("search_spaces", name_or_path)
        space = schema.parse(cls, schema.read_yaml(path, "search space"), str(path))
        if space.schema != SCHEMA:
            raise UsageError(f"{path}: schema {space.schema} is not supported (this version reads {SCHEMA})")
        if not space.stages:
            raise UsageError(f"{path}: stages: at least one stage is needed")
        return space


def parse_stride(text: str) -> Stride:
    """Read a stride: '2x1' is (2, 1), frequency x time."""
    parts = text.split("x")
    if len(parts) != 2 or any(p not in ("1", "2") for p in parts):
        raise ValueError(f"a stride reads 1x1, 2x1, 1x2 or 2x2, found '{text:.60}'")
    return int(parts[0]), int(parts[1])
