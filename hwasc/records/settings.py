"""Settings: all parameters of a run besides its data, budget and space, with defaults, from a file and from `--set a.b=c`."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from hwasc.errors import UsageError
from hwasc.records import schema
from hwasc.records.data_settings import AugmentSettings, DataSettings
from hwasc.records.distill_settings import DistillSettings
from hwasc.records.effort import Effort, changes
from hwasc.records.former_settings import check_no_former
from hwasc.records.part_names import ProxyName, StrategyName
from hwasc.records.plain_values import DEPTH, named
from hwasc.records.schema import STRICT
from hwasc.records.teacher_settings import TeacherSettings
from hwasc.records.train_settings import TrainSettings


@dataclass(frozen=True)
class FusionSettings:
    """Fitting z1 and z2 on the teachers' out-of-fold logits.

    There are two sets of both heads: `evidence`, this project's own, and `paper`, as public summaries tell those of arXiv
    2512.13905. Both are fitted and compared; `docs/teachers.md` shows how they differ.

    Attributes:
        heads: The set that students learn from, `evidence` or `paper`.
        z1_ridge: Penalty on the weights of z1's gate (`evidence`).
        z2_ridge: Penalty on the weights of z2's MLPs (`evidence`).
        paper_hidden: Width of z2's MLP (`paper`).
        paper_epochs: Of z1 and z2 (`paper`); 0 leaves them out.
        epochs: Of z1's backbone (`evidence`); 0 leaves it out.
        lr: Learning rate of both trainings.
        weight_decay: Likewise.
        hold_out: Share of the locations that neither is trained on. The backbone of `evidence` is used only if it helps there,
            and the heads of `paper` have the weights of the epoch that is best there.
        view: The view of these heads that students learn from. `auto` chooses the view of lowest log loss on locations that the
            heads were not fitted on (cross-fitted; of `paper` the held-out ones), each view at its best scale, or `mean` where
            the gain is within a standard error.
    """

    heads: Literal["evidence", "paper"] = "evidence"
    z1_ridge: float = 0.03
    z2_ridge: float = 1.0
    paper_hidden: int = 64
    paper_epochs: int = 30
    epochs: int = 10
    lr: float = 2e-3
    weight_decay: float = 1e-2
    hold_out: float = 0.2
    view: Literal["auto", "mean", "z1", "z2", "z1+z2"] = "auto"

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        if self.paper_hidden < 1 or self.paper_epochs < (self.heads == "paper"):
            raise ValueError(
                "need paper_hidden >= 1 and paper_epochs >= 0, and paper_epochs >= 1 for the heads 'paper', found "
                f"{self.paper_hidden} and {self.paper_epochs}"
            )
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
class SupernetSettings:
    """Training of a supernet.

    Attributes:
        candidates: Candidates of each step. One or two are drawn uniformly; of three or more, one is among the most expensive
            tenth and one among the cheapest tenth (the sandwich rule).
        points: Points within the budget that it is trained for.
        budget: The budget of these points; None: that of the search. Searches under several budgets can share one supernet if
            they name the widest of them. That is faster, but ranks small nets worse than a supernet of their own does.
        augment: Whether clips are augmented. Shared weights hardly overfit without.
        train: The training.
    """

    candidates: int = 2
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
    """A search.

    Attributes:
        strategy: Proposes candidates.
        proxy: How candidates are first scored. `supernet` scores slices of one set of weights, a few seconds each once these are
            trained. `distillation` trains each candidate briefly from scratch. `experiments/search/proxies.md` shows how well
            they rank.
        proxy_steps: Steps of distillation that a slice trains by itself before it is scored (0: none).
        proxy_batch: Clips of such a step.
        proxy_qat_steps: Steps of quantization-aware distillation before the score (0: calibration alone).
        proxy_precision: Which net is measured for a first score, `int8` or `float`. A float score takes about half the time; it
            needs second scores, which are always of int8 nets. `auto`: float where finalists get second scores, else int8.
        proxy_clips: Validation clips that first scores are measured on at most: as hard for the ensemble as all of them. 0: all.
            Second scores are measured on all.
        weigh: What counts alike in the scores of candidates. `clips`: every clip. `devices`: every recording device, however many
            clips it has: where most are of one device, and the net is to be as good on the others.
        trials: Candidates to score.
        population: Of the evolutionary strategies, 2 at least.
        at_a_time: Candidates that are proposed before the strategy receives their scores. It does not depend on the workers.
        dismiss: A candidate is not scored where a scored one that costs no more is better than what is expected of it, by so
            many standard deviations. What is expected follows from all scores so far, once there are 50. None: every candidate
            is scored.
        train: Training of a candidate by the proxy `distillation`.
        supernet: Training of the supernet.
        rescore: Candidates that are scored again by a longer training before one is chosen: the best by scores that are
            smoothed over all trials, at most a third of them of one log-mel size. 0: the first scores decide.
        rungs: Rungs of second scores (successive halving). The last one scores `rescore` candidates. Each rung before it scores
            twice as many for half the epochs, and the better half goes on; so each rung takes as long as the last. 1: all
            finalists are trained in full.
        rescore_seeds: Trainings of each finalist in the last rung, with the seeds from `seed` on. The mean of their scores
            counts, and its error contains how they differ. 1: one training, and an error that does not contain the seed.
        rescore_from: Where the training of second scores on validation clips starts. `slice`: from the slice of the supernet.
            `random`: from random weights, with twice the epochs: for nets that will be distilled so, too.
        rescore_on: What second scores are measured on. `validation`: the validation clips. `folds`: all training and
            validation clips, each by a net that was trained on all clips but those of its fold, in as many steps;
            takes `teachers.folds` + 1 times as long (twice that with the proxy `supernet`), and ties within the error
            go to the cheaper net. `auto`: over folds where validation has fewer than 30 locations.
        rescore_train: Training of the second scores; None: 15 epochs with the proxy `supernet`, else 30. Over folds, and with
            `rescore_from: random`, a net does not start from its slice of the supernet, and has twice the epochs instead.
        refine: Candidates that are refined: the best by second scores are widened past the budget, and pruned until they meet
            the budget again.
        refine_from: Cost of the wide net over the limit, for the limit that it exceeds most; above 1.
        refine_train: Training of a refinement, all its parts together.
    """

    strategy: StrategyName = "nsga2"
    proxy: ProxyName = "supernet"
    proxy_steps: int = 37
    proxy_batch: int = 8
    proxy_qat_steps: int = 0
    proxy_precision: Literal["auto", "int8", "float"] = "auto"
    proxy_clips: int = 600
    weigh: Literal["clips", "devices"] = "clips"
    trials: int = 500
    population: int = 40
    at_a_time: int = 20
    dismiss: float | None = 2.0
    train: TrainSettings = field(default_factory=lambda: TrainSettings(10, 32, 1e-2, 1e-3))
    supernet: SupernetSettings = field(default_factory=SupernetSettings)
    rescore: int = 8
    rungs: int = 1
    rescore_seeds: int = 1
    rescore_from: Literal["slice", "random"] = "slice"
    rescore_on: Literal["auto", "validation", "folds"] = "auto"
    rescore_train: TrainSettings | None = None
    refine: int = 0
    refine_from: float = 1.5
    refine_train: TrainSettings = field(default_factory=lambda: TrainSettings(30, 32, 1e-2, 1e-3))

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def second(self, *, over_folds: bool = False) -> TrainSettings:
        """Training of the second scores.

        Args:
            over_folds: Whether they are over folds, where no net starts from a slice of the supernet.

        Returns:
            As documented for `rescore_train`.
        """
        could_inherit = self.proxy == "supernet"
        chosen = self.rescore_train or TrainSettings(15 if could_inherit else 30, 32, 1e-2, 1e-3)
        anew = could_inherit and (over_folds or self.rescore_from == "random")
        return replace(chosen, epochs=2 * chosen.epochs) if anew else chosen

    def decided(self) -> SearchSettings:
        """The same with `proxy_precision` `int8` or `float`, as documented there for `auto`."""
        if self.proxy_precision != "auto":
            return self
        rescored = self.rescore > 0 and not self.proxy_qat_steps
        return replace(self, proxy_precision="float" if rescored else "int8")

    def clips_of_first(self, clips: int) -> int:
        """Of so many validation clips, those that first scores are measured on."""
        return min(self.proxy_clips or clips, clips)

    def __post_init__(self) -> None:
        if self.proxy_precision == "float" and (self.proxy_qat_steps or not self.rescore):
            raise ValueError(
                "proxy_precision: 'float' needs second scores (rescore above 0), and no quantization-aware steps "
                f"(proxy_qat_steps 0), found rescore {self.rescore} and proxy_qat_steps {self.proxy_qat_steps}"
            )
        if self.proxy_clips < 0 or 0 < self.proxy_clips < 50:
            raise ValueError(f"proxy_clips: expected 0 for all, or 50 at least, found {self.proxy_clips}")
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
        if self.proxy_batch < 2:
            raise ValueError(f"proxy_batch: expected 2 clips or more, which batch norm needs, found {self.proxy_batch}")
        if not 1 <= self.rungs <= 6 or (self.rungs > 1 and not self.rescore):
            raise ValueError(
                f"rungs: expected 1 to 6, and 1 where nothing is scored again (rescore 0), found {self.rungs} with rescore "
                f"{self.rescore}"
            )
        if not 1 <= self.rescore_seeds <= 20:
            raise ValueError(f"rescore_seeds: expected 1 to 20 trainings of each finalist, found {self.rescore_seeds}")
        if self.dismiss is not None and not 0 <= self.dismiss < 100:
            raise ValueError(f"dismiss: expected 0 to 100 standard deviations, or null for none, found {self.dismiss}")
        if not 0 <= self.refine <= self.rescore or self.refine_from <= 1:
            raise ValueError(
                "need 0 <= refine <= rescore (refined nets are compared by second scores) and refine_from > 1, found "
                f"{self.refine}, {self.rescore}, {self.refine_from}"
            )


@dataclass(frozen=True)
class Settings:
    """All settings of a run.

    Attributes:
        seed: Every random number follows from it.
        effort: A set of settings that come after the defaults and before all that is set: `quick` for a first look, `default`,
            `thorough` for the last tenths of a point. See `hwasc.records.effort`.
        data: Clips and splits.
        augment: Augmentation of training clips.
        teachers: The teachers.
        fusion: Fitting z1 and z2.
        search: A search.
        distill: Distillation of a student.
    """

    seed: int = 0
    effort: Effort = "default"
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
        """Load settings: the defaults, changed by the effort, a file or mapping, then by single settings, then by the seed.

        Args:
            source: A settings file (YAML), or a mapping; keys are nested or dotted names.
            overrides: Single settings, `a.b=c`; the value is YAML.
            seed: The run's seed.

        Returns:
            All settings.

        Raises:
            UsageError: Lists every mistake: unknown keys with the nearest known one, and values out of range.
        """
        path = source if isinstance(source, (str, Path)) else None
        data: Any = schema.read_yaml(Path(path), "settings file") if path is not None else {}
        data = {} if data is None else data  # an empty file
        if not isinstance(data, dict):
            raise UsageError(f"{path}: expected a mapping of keys to values, found {named(data)}")
        if isinstance(source, Mapping):
            schema.check_plain(source, "settings")
            data = source
        data = _undotted(data, str(path) if path is not None else "settings")
        for text in overrides:
            _set(data, text)
        if seed is not None:
            data["seed"] = seed
        where = " and ".join([str(path)] * (path is not None) + ["--set"] * bool(overrides)) or "settings"
        check_no_former(data, where)
        return schema.parse(cls, _overlaid(_merge(_defaults(data, where), data)), where)

    def changed(self, changes: Sequence[str] | Mapping[str, Any] = (), seed: int | None = None) -> Settings:
        """Change single settings.

        Args:
            changes: Single settings as text, `a.b=c`, where the value is YAML, or a mapping of dotted names to values.
            seed: The run's seed; None: unchanged.

        Returns:
            The changed settings.

        Raises:
            UsageError: As in `load`.
        """
        if isinstance(changes, Mapping):
            long = dict(_full(key, value) for key, value in changes.items())
            return Settings.load({**dataclasses.asdict(self), **long}, (), seed)
        return Settings.load(dataclasses.asdict(self), changes, seed)


def _defaults(data: Mapping[str, Any], where: str) -> dict[str, Any]:
    """All settings of the effort that is named."""
    base = dataclasses.asdict(Settings())
    try:
        named_effort = changes(data.get("effort", "default"))
    except ValueError as e:
        raise UsageError(f"{where}: {e}") from None
    for key, value in named_effort.items():
        if key.startswith("search.rescore_train."):  # None by default: it follows from the proxy
            base["search"]["rescore_train"] = base["search"]["rescore_train"] or dataclasses.asdict(TrainSettings())
        base = _merge(base, _nested(key, value))
    return base


def _overlaid(data: dict[str, Any]) -> dict[str, Any]:
    """Fill in what `distill.augment` leaves out from `augment`: mixup alone there must not switch off impulse responses."""
    run, distill = data["augment"], data["distill"]
    if not (isinstance(run, dict) and isinstance(distill, dict) and isinstance(distill["augment"], dict)):
        return data
    return {**data, "distill": {**distill, "augment": _merge(run, distill["augment"])}}


def _undotted(data: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Keys with dots as nested ones; later keys come on top of earlier ones."""
    nested: dict[str, Any] = {}
    for key, value in data.items():
        if str(key).count(".") > DEPTH:
            raise UsageError(f"{where}: '{str(key)[:70]}...' is nested deeper than {DEPTH} levels")
        nested = _merge(nested, _nested(*_full(str(key), value)))
    return nested


def _full(key: str, value: Any) -> tuple[str, Any]:
    """A key with its value; `teachers` with a list is short for `teachers.members`."""
    return ("teachers.members" if key == "teachers" and isinstance(value, (list, tuple)) else key), value


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
        raise UsageError(f"--set {' '.join(text[:80].split())}: expected name.name=value, e.g. distill.train.epochs=20")
    flat = " ".join(text[:10_000].split())
    where = f"--set {flat if len(flat) <= 80 else flat[:70] + '...'}"
    if key.count(".") > DEPTH:
        raise UsageError(f"{where}: is nested deeper than {DEPTH} levels")
    key, parsed = _full(key, schema.parse_yaml(value, where))
    _put(data, key, parsed, where)


def _put(data: dict[str, Any], key: str, value: Any, where: str) -> None:
    *path, last = key.split(".")
    for step in path:
        inner = data.setdefault(step, {})
        if not isinstance(inner, dict):
            raise UsageError(f"{where}: '{step}' is a value, not a section")
        data = inner
    data[last] = value
