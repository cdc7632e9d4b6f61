"""Settings: everything a run can be told besides its data, budget and space, with defaults, from a file and `--set a.b=c`."""

from __future__ import annotations

import copy
import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator

from hwasc.errors import UsageError
from hwasc.records import schema
from hwasc.records.part_names import ProxyName, StrategyName, TeacherName
from hwasc.records.schema import STRICT
from hwasc.records.teacher_settings import ExternalTeacherSettings, FrontEndSettings, PretrainedWeights


def _percent(value: Any) -> Any:
    """YAML reads `subset: 25` as a number."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


@dataclass(frozen=True)
class DataSettings:
    """seconds: clip length. subset: a DCASE training subset (5, 10, 25, 50, 100). Shares are of locations.

    fold: k/n takes the k-th of n parts of the locations for the test split, instead of `test_share`: n runs with the same seed
    test every clip once (cross-validation); for folders without official lists.
    max_unreadable: the share of clips that may be unreadable before the run stops.
    """

    seconds: float = 1.0
    subset: Annotated[str, BeforeValidator(_percent)] | None = None
    validation_share: float = 0.2
    test_share: float = 0.25
    fold: str | None = None
    max_unreadable: float = 0.02
    synthetic_train_locations: int = 30
    synthetic_test_locations: int = 20

    # --set data.subset=25 is a number to YAML
    __pydantic_config__: ClassVar[dict[str, Any]] = {**STRICT, "coerce_numbers_to_str": True}

    def __post_init__(self) -> None:
        if self.fold is not None:
            self.part()

    def part(self) -> tuple[int, int] | None:
        """`fold` as numbers, the first from 1."""
        if self.fold is None:
            return None
        found = re.fullmatch(r"(\d+)/(\d+)", self.fold)
        if not found or not 1 <= int(found[1]) <= int(found[2]) or int(found[2]) < 2:
            raise ValueError(f"fold: expected k/n, the k-th of n >= 2 parts, e.g. 1/4, found '{self.fold}'")
        return int(found[1]), int(found[2])


@dataclass(frozen=True)
class AugmentSettings:
    """mixstyle_p, mixstyle_alpha: Freq-MixStyle. roll, mask: greatest share of time rolled, of bands masked. gain: dB either way.
    noise_p: chance that a clip is given white or pink noise, at a ratio drawn from `noise_snr` (dB). mixup_p: chance that a clip
    is mixed with another of its batch, labels and targets too, in shares ~ Beta(mixup_alpha, mixup_alpha).

    response_p: chance that a clip of `response_devices` (none named: of any) is given a device's impulse response, drawn
    from `response_folder` (none: the data set's own `impulse_responses` folder, if it has one).
    """

    mixstyle_p: float = 0.4
    mixstyle_alpha: float = 0.4
    roll: float = 0.1
    mask: float = 0.1
    gain: float = 6.0
    response_p: float = 0.4
    response_folder: str | None = None
    response_devices: tuple[str, ...] = ("a",)
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
        low, high = self.noise_snr
        if not -200 <= low <= high <= 200:
            raise ValueError(f"noise_snr: need -200 <= lowest <= highest <= 200 (dB), found {list(self.noise_snr)}")


@dataclass(frozen=True)
class TrainSettings:
    """One training: AdamW, linear warm-up over the first tenth, then cosine to zero.

    The default rate suits small nets and few steps; `experiments/search/learning_rate.md` has the figures.
    """

    epochs: int = 40
    batch: int = 32
    lr: float = 1e-2
    weight_decay: float = 1e-3

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 2 or self.lr <= 0:
            raise ValueError(f"need epochs >= 1, batch >= 2 and lr > 0, found {self.epochs}, {self.batch}, {self.lr}")


@dataclass(frozen=True)
class TeacherSettings:
    """families: which teachers. folds: cross-fitting over so many location-disjoint folds. mels, frames (of a second): the
    front end of the families that `front_ends` does not name, and of z1.

    front_ends: by family, `paper` or its numbers. widths: by family, see `hwasc.models.teachers`. pretrained: by family, the
    weights to start from. external: teachers that are not trained here (`docs/teachers.md`).
    """

    families: tuple[TeacherName, ...] = ("cp_resnet", "crnn", "tf_sepnet")
    folds: int = 3
    mels: int = 64
    frames: int = 33
    train: TrainSettings = field(default_factory=lambda: TrainSettings(25, 32, 6e-3, 1e-2))
    front_ends: dict[str, Literal["paper"] | FrontEndSettings] = field(default_factory=dict)
    widths: dict[str, int] = field(default_factory=dict)
    pretrained: dict[str, str | PretrainedWeights] = field(default_factory=dict)
    external: tuple[ExternalTeacherSettings, ...] = ()

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        if self.folds < 2:
            raise ValueError(f"folds: cross-fitting needs at least 2, found {self.folds}")
        names = [*self.families, *(o.name for o in self.external)]
        if len(names) < 2 or len(set(names)) < len(names):
            raise ValueError("families: at least two different teachers are needed to fuse (external ones count)")
        for key in ("front_ends", "widths", "pretrained"):
            for family in getattr(self, key):
                if family not in self.families:
                    raise ValueError(f"{key}: '{family}' is none of the families ({', '.join(self.families)})")


@dataclass(frozen=True)
class FusionSettings:
    """Fitting z1 and z2 on the teachers' out-of-fold logits.

    z1_ridge, z2_ridge: the penalties on what z1's gate and z2's MLPs learn. epochs, lr, weight_decay: of z1's backbone;
    `hold_out` of the locations decides whether it earns its place; 0 epochs leave it out.
    view: what students learn from. `auto`: of all ways to fuse the one of least log loss on locations that the heads were not
    fitted on, in turn, each at its best scale, or the mean where it gains less than a standard error.
    """

    z1_ridge: float = 0.03
    z2_ridge: float = 1.0
    epochs: int = 10
    lr: float = 2e-3
    weight_decay: float = 1e-2
    hold_out: float = 0.2
    view: Literal["auto", "mean", "z1", "z2", "z1+z2"] = "auto"

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        if min(self.z1_ridge, self.z2_ridge, self.lr) <= 0 or self.epochs < 0 or not 0 < self.hold_out < 1:
            raise ValueError(
                "need z1_ridge, z2_ridge and lr > 0, epochs >= 0 and 0 < hold_out < 1, found "
                f"{self.z1_ridge}, {self.z2_ridge}, {self.lr}, {self.epochs}, {self.hold_out}"
            )

    @property
    def ridges(self) -> tuple[float, float]:
        """Of z1's gate and of z2's MLPs."""
        return self.z1_ridge, self.z2_ridge


@dataclass(frozen=True)
class DistillSettings:
    """Loss (1 - alpha) CE + alpha T^2 KL. alpha 0 trains on labels alone. qat: the quantization-aware part.

    `experiments/distillation/loss.md` has what each of these does.

    initial_weights: `winner`: the weights that a search wrote beside its winner, where these were trained on the same clips and
    alpha is above 0; or `random`.

    reduction: of KL. `batchmean` sums over classes, as its definition does; `mean` averages over them too, as some recipes do:
    with C classes KL counts 1 / C as much, as if alpha / (1 - alpha) were C times smaller (and the whole loss smaller).

    targets: of which teachers. `all`: the mean over every fold's, all but one of which trained on the clip; `out_of_fold`: only
    those that did not, whose logits are honest but of teachers with less data.
    teacher_view: what the teachers hear as the student learns. `cached`: the clips as recorded, once, kept; `augmented`: each
    batch as the student hears it, with the same draws, in `distill` alone (a search's proxies have the cached targets).
    teacher_views: of each clip that augmented teachers are asked about, one an epoch; then the epochs come round, with what
    was said of them. 0: every epoch is asked about anew.
    augment: of the students alone; what it leaves out is as in the run's, which is the teachers' too. qat_frozen_epochs: the last
    so many of `qat`, in which the activation scales stay as they are.
    seed: of the student's weights, batches and augmentation; none takes the run's, which also decides splits and teachers.
    """

    seed: int | None = None
    initial_weights: Literal["winner", "random"] = "winner"
    alpha: float = 0.7
    temperature: float = 2.0
    reduction: Literal["batchmean", "mean"] = "batchmean"
    targets: Literal["all", "out_of_fold"] = "all"
    teacher_view: Literal["cached", "augmented"] = "cached"
    teacher_views: int = 0
    augment: AugmentSettings | None = None
    train: TrainSettings = field(default_factory=TrainSettings)
    qat: TrainSettings = field(default_factory=lambda: TrainSettings(3, 32, 3e-4, 0.0))
    qat_frozen_epochs: int = 0

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        if not 0 <= self.qat_frozen_epochs <= self.qat.epochs:
            raise ValueError(
                f"need 0 <= qat_frozen_epochs <= qat.epochs, found {self.qat_frozen_epochs} and {self.qat.epochs}"
            )
        if self.teacher_view == "augmented" and (self.alpha == 0 or self.targets != "all"):
            raise ValueError("teacher_view: 'augmented' needs teachers (alpha above 0), and targets 'all'")
        if self.teacher_views < 0 or (self.teacher_views and self.teacher_view != "augmented"):
            raise ValueError(f"teacher_views: 0, or above 0 with teacher_view 'augmented', found {self.teacher_views}")
        if not 0 <= self.alpha <= 1 or self.temperature <= 0:
            raise ValueError(f"need 0 <= alpha <= 1 and temperature > 0, found {self.alpha}, {self.temperature}")


@dataclass(frozen=True)
class SupernetSettings:
    """candidates: of each step, see `training.sandwich`. points: candidates within the budget that it is trained for.

    budget: whose points these are; none: the search's own. Searches under several budgets share one supernet by naming the
    widest of them, which is quicker, and ranks the small nets worse than one of their own.
    augment: whether it hears augmented clips; shared weights are far from learning theirs by heart.
    """

    candidates: int = 4
    points: int = 2_000
    budget: str | None = None
    augment: bool = False
    train: TrainSettings = field(default_factory=lambda: TrainSettings(20, 32, 1e-2, 1e-3))

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        if self.candidates < 1 or self.points < 1:
            raise ValueError(f"need candidates >= 1 and points >= 1, found {self.candidates} and {self.points}")


@dataclass(frozen=True)
class SearchSettings:
    """strategy, number of trials, population (of the evolutionary strategies), and how candidates are scored first.

    proxy: `supernet` scores slices of one set of weights, a few seconds each once these are trained; `distillation` trains
    each candidate briefly from scratch, as `train` says. `experiments/search/proxies.md`: how well they rank. proxy_steps: of
    distillation that a slice gets for itself before it is scored (batches of 16; 0: none). proxy_qat_steps:
    quantization-aware distillation before the score, in steps of a batch (0: calibration alone). at_a_time: candidates asked
    for before the strategy is told, the same whatever the number of workers. rescore: so many of the best, by
    scores smoothed over all trials and at most a third of them of one log-mel size, are scored again, by a longer training
    (see `second`), before one is chosen; 0 takes the first scores.
    refine: so many of these are widened until a limit is passed `refine_from` times, and pruned back to the budget's edge, in
    a training as `refine_train` says.
    """

    strategy: StrategyName = "nsga2"
    proxy: ProxyName = "supernet"
    proxy_steps: int = 37
    proxy_qat_steps: int = 0
    trials: int = 500
    population: int = 40
    at_a_time: int = 20
    train: TrainSettings = field(default_factory=lambda: TrainSettings(10, 32, 1e-2, 1e-3))
    supernet: SupernetSettings = field(default_factory=SupernetSettings)
    rescore: int = 8
    rescore_train: TrainSettings | None = None
    refine: int = 0
    refine_from: float = 1.5
    refine_train: TrainSettings = field(default_factory=lambda: TrainSettings(30, 32, 1e-2, 1e-3))

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    @property
    def second(self) -> TrainSettings:
        """Of the second scores: `rescore_train`, or 15 epochs where they start from a slice of the supernet, 30 from scratch."""
        return self.rescore_train or TrainSettings(15 if self.proxy == "supernet" else 30, 32, 1e-2, 1e-3)

    def __post_init__(self) -> None:
        if (
            self.trials < 1
            or self.population < 2
            or self.at_a_time < 1
            or self.rescore < 0
            or min(self.proxy_steps, self.proxy_qat_steps) < 0
        ):
            raise ValueError(
                "need trials >= 1, population >= 2, at_a_time >= 1, rescore, proxy_steps and proxy_qat_steps >= 0, found "
                f"{self.trials}, {self.population}, {self.at_a_time}, {self.rescore}, {self.proxy_steps}, {self.proxy_qat_steps}"
            )
        if not 0 <= self.refine <= self.rescore or self.refine_from <= 1:
            raise ValueError(
                "need 0 <= refine <= rescore (what is refined is compared by second scores) and refine_from > 1, found "
                f"{self.refine}, {self.rescore}, {self.refine_from}"
            )


@dataclass(frozen=True)
class Settings:
    """The whole tree. Every random draw follows from `seed`."""

    seed: int = 0
    data: DataSettings = field(default_factory=DataSettings)
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    teachers: TeacherSettings = field(default_factory=TeacherSettings)
    fusion: FusionSettings = field(default_factory=FusionSettings)
    search: SearchSettings = field(default_factory=SearchSettings)
    distill: DistillSettings = field(default_factory=DistillSettings)

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    @classmethod
    def load(
        cls,
        source: Path | str | Mapping[str, Any] | None = None,
        overrides: Sequence[str] = (),
        seed: int | None = None,
    ) -> Settings:
        """The defaults with what differs from them laid over, in this order.

        Args:
            source: A settings file (YAML), or a mapping, nested or with dotted names.
            overrides: Single settings, `a.b=c`; the value is YAML.
            seed: The run's seed.

        Returns:
            The whole tree.

        Raises:
            UsageError: Lists every mistake: unknown keys with the nearest known one, and values out of range.
        """
        path = source if isinstance(source, (str, Path)) else None
        data: Any = schema.read_yaml(Path(path), "settings file") or {} if path is not None else {}
        if not isinstance(data, dict):
            raise UsageError(f"{path}: expected a mapping of keys to values")
        if isinstance(source, Mapping):
            for key, value in source.items():
                data = _merge(data, _nested(str(key), value))
        for text in overrides:
            _set(data, text)
        if seed is not None:
            data["seed"] = seed
        where = " and ".join([str(path)] * (path is not None) + ["--set"] * bool(overrides)) or "settings"
        return schema.parse(cls, _overlaid(_merge(dataclasses.asdict(cls()), data)), where)

    def changed(self, changes: Sequence[str] | Mapping[str, Any] = (), seed: int | None = None) -> Settings:
        """These settings with single ones replaced.

        Args:
            changes: Single settings as text, `a.b=c`, or a mapping of dotted names to values.
            seed: The run's seed.

        Returns:
            The whole tree.

        Raises:
            UsageError: As in `load`.
        """
        if isinstance(changes, Mapping):
            return Settings.load({**dataclasses.asdict(self), **changes}, (), seed)
        return Settings.load(dataclasses.asdict(self), changes, seed)


def _overlaid(data: dict[str, Any]) -> dict[str, Any]:
    """What `distill.augment` leaves out is the run's: naming mixup there must not take away the run's impulse responses."""
    run, distill = data["augment"], data["distill"]
    if not (isinstance(run, dict) and isinstance(distill, dict) and isinstance(distill["augment"], dict)):
        return data
    return {**data, "distill": {**distill, "augment": _merge(run, distill["augment"])}}


def _merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    out = dict(base)
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            out[key] = _merge(base[key], value)
        else:
            out[key] = value
    return out


def _nested(key: str, value: Any) -> dict[str, Any]:
    """`a.b` and a value as `{a: {b: value}}`; a copy, so that later changes leave the caller's mapping alone."""
    value = dict(value) if isinstance(value, Mapping) else value
    for step in reversed(key.split(".")):
        value = {step: value}
    return copy.deepcopy(value)


def _set(data: dict[str, Any], text: str) -> None:
    key, eq, value = text.partition("=")
    if not eq or not key:
        raise UsageError(f"--set {text}: expected name.name=value, e.g. distill.train.epochs=20")
    _put(data, key, schema.parse_yaml(value), f"--set {text}")


def _put(data: dict[str, Any], key: str, value: Any, where: str) -> None:
    *path, last = key.split(".")
    for step in path:
        inner = data.setdefault(step, {})
        if not isinstance(inner, dict):
            raise UsageError(f"{where}: '{step}' is a value, not a section")
        data = inner
    data[last] = value
