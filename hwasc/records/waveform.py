"""The input of nets that take a waveform, in place of a log-mel."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Waveform:
    """A mono waveform of full scale 1.

    Attributes:
        sample_rate: Hz.
        seconds: Length of a clip, s.
    """

    sample_rate: int
    seconds: float

    def __post_init__(self) -> None:
        if not 1 <= self.sample_rate <= 1_000_000 or not 0 < self.seconds < 100_000 or self.samples < 1:
            raise ValueError(
                f"need a sample rate of 1 to 1,000,000 Hz and a clip of a sample at least, found {self.sample_rate:,} Hz "
                f"and {self.seconds:g} s"
            )

    def __str__(self) -> str:
        return f"waveform at {self.sample_rate:,} Hz"

    @property
    def samples(self) -> int:
        """Samples of one clip."""
        return round(self.seconds * self.sample_rate)
