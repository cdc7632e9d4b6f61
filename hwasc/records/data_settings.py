"""Settings of the data: clips, splits and augmentation."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator

from hwasc.records.front_end import SAMPLE_RATE
from hwasc.records.schema import STRICT

LOWEST_RATE = 1_000  # Hz, of a microphone: 16 is taken for kHz


def _percent(value: Any) -> Any:
    """YAML reads `subset: 25` as a number."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Column = Literal["filename", "scene_label", "identifier", "source_label", "fold", "split"]


@dataclass(frozen=True)
class DataSettings:
    """Layout of the data folder, clips and splits.

    Attributes:
        seconds: Length of a clip, s.
        sample_rate: Of the microphone, Hz, for which architectures are searched and teachers are trained: their log-mels keep
            windows and hops in time. Recordings of any rate are resampled. None: the rates of search space and teachers, 32,000.
        subset: A DCASE training subset: 5, 10, 25, 50 or 100 (%). None: all.
        validation_share: Share of the locations for validation.
        test_share: Share of the locations for the test split, where there are no official lists.
        fold: Cross-validation. `k/n` uses the k-th of n parts of the locations for the test split, instead of `test_share`: n
            runs with the same seed test every clip once. Where the data set has n official folds, it is the k-th of these
            (default 1).
        max_unreadable: Share of clips that may be unreadable before the run stops.
        layout: How the folder is read, see the page *Layouts*. `auto`: as it is recognised. `scenes`: the folders are the
            scenes, whatever their names are.
        table: The table of the recordings, a path in the data folder. None: `meta.csv`.
        columns: Names of the table's columns, by what they hold: filename, scene_label, identifier (the location),
            source_label (the recorder), fold, split. What is not named here has these very names.
        rename: Names of scenes, locations and devices, by the names that were found: `{Kitchen: kitchen}` makes them one,
            `{Kitchen: Kitchen}` keeps two that differ in case alone.
        synthetic_train_locations: Locations of the simulated scenes for training and validation.
        synthetic_test_locations: Locations of the simulated scenes for the test split.
    """

    seconds: float = 1.0
    sample_rate: int | None = None
    subset: Annotated[str, BeforeValidator(_percent)] | None = None
    validation_share: float = 0.2
    test_share: float = 0.25
    fold: str | None = None
    max_unreadable: float = 0.02
    layout: str = "auto"
    table: str | None = None
    columns: dict[Column, str] = field(default_factory=dict)
    rename: dict[str, str] = field(default_factory=dict)
    synthetic_train_locations: int = 30
    synthetic_test_locations: int = 20

    # --set data.subset=25 is a number to YAML
    __pydantic_config__: ClassVar[dict[str, Any]] = {**STRICT, "coerce_numbers_to_str": True}

    def __post_init__(self) -> None:
        if self.fold is not None:
            self.part()
        if self.sample_rate is not None and not LOWEST_RATE <= self.sample_rate <= SAMPLE_RATE:
            raise ValueError(f"sample_rate: expected {LOWEST_RATE:,} to {SAMPLE_RATE:,} Hz, found {self.sample_rate:,}")

    def part(self) -> tuple[int, int] | None:
        """`fold` as numbers, the first from 1."""
        if self.fold is None:
            return None
        match = re.fullmatch(r"(\d+)/(\d+)", self.fold)
        if not match or not 1 <= int(match[1]) <= int(match[2]) or int(match[2]) < 2:
            raise ValueError(f"fold: expected k/n, the k-th of n >= 2 parts, e.g. 1/4, found '{self.fold}'")
        return int(match[1]), int(match[2])


@dataclass(frozen=True)
class AugmentSettings:
    """Augmentation of training clips.

    Attributes:
        mixstyle_p: Probability of Freq-MixStyle.
        mixstyle_alpha: Of Freq-MixStyle's Beta distribution.
        roll: Greatest share of the time that a clip is rolled by.
        mask: Greatest share of mel bands that are masked.
        gain: Greatest change of level, up or down, dB.
        response_p: Probability that a clip is convolved with a device's impulse response.
        response_folder: Folder of impulse responses; None: the data set's `impulse_responses` folder, if it has one.
        response_devices: Devices whose clips are convolved; empty: all.
        equaliser_p: Probability that a clip gets a random smooth equaliser, as if another device had recorded it. For folders
            without impulse responses.
        equaliser_db: Standard deviation of the equaliser's gain at any frequency, dB.
        equaliser_mel: Its length scale, mel: gains at frequencies further apart hardly depend on each other.
        band_limit_p: Probability that a clip gets band limits.
        band_limit_low: Range of the lower cut-off frequency, Hz.
        band_limit_high: Range of the upper cut-off frequency, Hz.
        band_limit_slope: Range of the slope beyond the cut-offs, dB an octave.
        noise_p: Probability that white or pink noise is added to a clip.
        noise_snr: Range that the signal-to-noise ratio is drawn from, dB.
        mixup_p: Probability that a clip is mixed with another clip of its batch, labels and targets included.
        mixup_alpha: The shares of both clips are drawn from Beta(mixup_alpha, mixup_alpha).
    """

    mixstyle_p: float = 0.4
    mixstyle_alpha: float = 0.4
    roll: float = 0.1
    mask: float = 0.1
    gain: float = 6.0
    response_p: float = 0.4
    response_folder: str | None = None
    response_devices: tuple[str, ...] = ("a",)
    equaliser_p: float = 0.0
    equaliser_db: float = 6.0
    equaliser_mel: float = 500.0
    band_limit_p: float = 0.0
    band_limit_low: tuple[float, float] = (20.0, 400.0)
    band_limit_high: tuple[float, float] = (3_000.0, 16_000.0)
    band_limit_slope: tuple[float, float] = (6.0, 24.0)
    noise_p: float = 0.0
    noise_snr: tuple[float, float] = (5.0, 30.0)
    mixup_p: float = 0.0
    mixup_alpha: float = 0.3

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        if not 0 <= self.noise_p <= 1 or not 0 <= self.mixup_p <= 1 or self.mixup_alpha <= 0:
            raise ValueError(
                "need 0 <= noise_p <= 1, 0 <= mixup_p <= 1 and mixup_alpha > 0, found "
                f"{self.noise_p}, {self.mixup_p}, {self.mixup_alpha}"
            )
        for name in ("equaliser_p", "band_limit_p"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: need a probability, 0 to 1, found {getattr(self, name)}")
        if not 0 <= self.equaliser_db <= 60 or not 1 <= self.equaliser_mel < math.inf:
            raise ValueError(
                f"need 0 <= equaliser_db <= 60 and equaliser_mel >= 1, found {self.equaliser_db}, {self.equaliser_mel}"
            )
        for name in ("band_limit_low", "band_limit_high", "band_limit_slope"):
            least, most = getattr(self, name)
            if not 1 <= least <= most < math.inf:
                raise ValueError(f"{name}: need 1 <= lowest <= highest, found {[least, most]}")
        low, high = self.noise_snr
        if not -200 <= low <= high <= 200:
            raise ValueError(f"noise_snr: need -200 <= lowest <= highest <= 200 (dB), found {list(self.noise_snr)}")
