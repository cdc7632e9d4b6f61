"""Settings: all parameters of a run besides its data, budget and space, with defaults, from a file and from `--set a.b=c`."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from hwasc.errors import UsageError
from hwasc.records import schema
from hwasc.records.data_settings import AugmentSettings, DataSettings
from hwasc.records.distill_settings import DistillSettings
from hwasc.records.effort import Effort, changes
from hwasc.records.former_settings import check_no_former
from hwasc.records.plain_values import DEPTH, named
from hwasc.records.schema import STRICT
from hwasc.records.search_settings import SearchSettings
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
