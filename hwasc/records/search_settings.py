"""Settings of a search: how candidates are proposed, scored and scored again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

from hwasc.records.part_names import ProxyName, StrategyName
from hwasc.records.schema import STRICT
from hwasc.records.train_settings import TrainSettings


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
        guided: Share of the candidates that are proposed by prediction once there are 50 scores, 0 to 1. Half of these are
            children of the best, of which the highest score is expected; half are children of the front, which are expected
            to surpass it by most. The strategy proposes the others; with 0 all.
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
    guided: float = 0.5
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
        if not 0 <= self.guided <= 1:
            raise ValueError(f"guided: expected a share of the candidates, 0 to 1, found {self.guided}")
        if not 0 <= self.refine <= self.rescore or self.refine_from <= 1:
            raise ValueError(
                "need 0 <= refine <= rescore (refined nets are compared by second scores) and refine_from > 1, found "
                f"{self.refine}, {self.rescore}, {self.refine_from}"
            )
