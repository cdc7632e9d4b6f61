"""The study: it keeps the budget, scores nothing twice, resumes, and is the same whatever the order of the scores."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hwasc.cost import measure
from hwasc.cost.limits import ResolvedBudget
from hwasc.errors import InfeasibleBudget, UsageError
from hwasc.nas import predictor
from hwasc.nas.diversity import diverse
from hwasc.nas.feasibility import examine
from hwasc.nas.job import Proposal, Score
from hwasc.nas.problem import Problem
from hwasc.nas.second_scores import rescore
from hwasc.nas.seed_journals import SeedJournals
from hwasc.nas.strategies import start
from hwasc.nas.study import Evaluate, Journal, Study
from hwasc.nas.trial import Trial, best, by_score, pareto
from hwasc.parts import STRATEGIES
from hwasc.records.space import FrontEndChoices, SearchSpace, Stage

SPACE = SearchSpace.load("small")
LIMITS = {"macs.torchinfo": 3_000_000, "int8_memory.activations": 40_000}


def problem(space: SearchSpace, limits: dict[str, float]) -> Problem:
    return Problem(space=space, budget=ResolvedBudget(name="test", limits=limits), classes=10)


PROBLEM = problem(SPACE, LIMITS)
BUDGET = PROBLEM.budget


def measured(value: float, seconds: float, error: float) -> Score:
    return Score(value, seconds, accuracy=value, float_accuracy=value, standard_error=error, value_error=error)


class Scorer:
    """Scores by a hash of the architecture, and counts; may be interrupted, or yield scores backwards."""

    def __init__(self, stop_after: int | None = None, backwards: bool = False) -> None:
        self.scored: list[str] = []
        self.stop_after, self.backwards = stop_after, backwards

    def __call__(self, candidates: list[Proposal]) -> Iterator[tuple[int, Score]]:
        order = list(enumerate(candidates))
        for i, proposal in reversed(order) if self.backwards else order:
            a = proposal.architecture
            if self.stop_after is not None and len(self.scored) >= self.stop_after:
                raise KeyboardInterrupt
            self.scored.append(a.id)
            accuracy = int(hashlib.sha256(a.id.encode()).hexdigest()[:6], 16) / 16**6
            yield i, measured(accuracy, 1.0, 0.01)


def study(folder: Path, name: str = "nsga2", seed: int = 0) -> Study:
    return Study(PROBLEM, start(name, SPACE, 4, seed), Journal(folder / "trials.jsonl"), seed=seed)


def run(s: Study, scorer: Scorer, count: int = 14) -> list[Trial]:
    return s.run(count, 4, scorer, lambda trial: None)


@pytest.mark.parametrize("name", STRATEGIES.names())
def test_given_points_come_first_and_only_once(name: str, tmp_path: Path) -> None:
    """Those beyond the budget are passed over; whether the strategy or the study proposes them makes no difference to that."""
    (tmp_path / "earlier").mkdir()
    given = [t.point for t in run(study(tmp_path / "earlier", seed=5), Scorer(), count=6)]
    wide = {**given[0], "stem": 16, "stage3.width": 96, "stage2.width": 48, "stage1.width": 32, "stage3.depth": 2}
    assert not BUDGET.feasible(measure(SPACE.architecture(wide, 10)))
    first = [given[0], wide, *given]
    s = Study(PROBLEM, start(name, SPACE, 4, 0), Journal(tmp_path / "trials.jsonl"), seed=0, first=first)
    trials = run(s, Scorer())
    assert [t.point for t in trials[:6]] == given and len({t.id for t in trials}) == 14
    again = Study(PROBLEM, start(name, SPACE, 4, 0), Journal(tmp_path / "trials.jsonl"), seed=0, first=first)
    assert run(again, Scorer(stop_after=0)) == trials, "it is resumed with the same points"


@pytest.mark.parametrize("name", STRATEGIES.names())
def test_only_new_candidates_within_the_budget_are_scored(name: str, tmp_path: Path) -> None:
    scorer = Scorer()
    trials = run(study(tmp_path, name), scorer)
    assert len(trials) == 14 == len(set(scorer.scored)) == len(scorer.scored)
    for t in trials:
        a = SPACE.architecture(t.point, 10)
        assert a.id == t.id and BUDGET.feasible(measure(a)) and not SPACE.violations(t.point)


@pytest.mark.parametrize("name", STRATEGIES.names())
def test_resumed_equals_unbroken_wherever_it_stopped(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictor, "MIN_TRIALS", 6)  # so that strategies receive predictions, too
    whole = run(study(tmp_path / "whole", name), Scorer()) if (tmp_path / "whole").mkdir() is None else []
    for stop in (1, 5, 11):
        folder = tmp_path / str(stop)
        folder.mkdir()
        with pytest.raises(KeyboardInterrupt):
            run(study(folder, name), Scorer(stop_after=stop))
        rest = Scorer()
        assert run(study(folder, name), rest) == whole
        assert len(rest.scored) == 14 - stop


def test_the_order_of_scores_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert run(study(tmp_path / "a"), Scorer()) == run(study(tmp_path / "b"), Scorer(backwards=True))


def test_a_line_cut_short_by_a_crash_is_dropped(tmp_path: Path) -> None:
    whole = run(study(tmp_path), Scorer())
    path = tmp_path / "trials.jsonl"
    text = path.read_bytes()
    path.write_bytes(text[:-30])
    again = Scorer()
    assert run(study(tmp_path), again) == whole and len(again.scored) == 1
    assert path.read_bytes() == text


def test_strategies_receive_smoothed_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictor, "MIN_TRIALS", 6)
    s, received = study(tmp_path, "random"), []
    tell = s.strategy.tell
    monkeypatch.setattr(s.strategy, "tell", lambda number, outcome: (received.append(outcome), tell(number, outcome)))
    trials = run(s, Scorer(), 12)
    scores = [o.score for o in received if o.score is not None]
    first, last = trials[:4], predictor.smoothed(SPACE.choices(), trials)
    assert scores[:4] == [t.score for t in first]  # too few for a prediction
    assert scores[-4:] == pytest.approx(last[-4:]) and scores[-4:] != [t.score for t in trials[-4:]]


def test_broken_journals_and_other_searches_are_refused(tmp_path: Path) -> None:
    run(study(tmp_path), Scorer(), 6)
    with pytest.raises(UsageError, match="is not the candidate"):
        run(study(tmp_path, seed=1), Scorer())
    path = tmp_path / "trials.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text(lines[0] + "nonsense\n" + lines[1])
    with pytest.raises(UsageError, match="line 2"):
        study(tmp_path)


def test_only_the_best_few_are_scored_again_and_once(tmp_path: Path) -> None:
    trials, path = run(study(tmp_path), Scorer()), tmp_path / "rescored.jsonl"

    def again(evaluate: Evaluate) -> list[Trial]:
        return rescore(
            trials[:3],
            SeedJournals(tmp_path, path.name, trainings=1),
            proposal=lambda t: Proposal(t.point, SPACE.architecture(t.point, 10)),
            evaluate=evaluate,
            on_training=lambda trial: None,
        )

    def rising(architectures: list[Proposal]) -> Iterator[tuple[int, Score]]:
        yield from ((i, measured(0.1 * (i + 1), 9.0, 0.02)) for i in range(len(architectures)))

    trials = by_score(trials)
    first = [t.number for t in trials[:3]]
    by_falling_cost = [t.number for t in sorted(trials[:3], key=lambda t: -t.macs)]  # longest trainings start first
    with pytest.raises(KeyboardInterrupt):
        again(Scorer(stop_after=1))
    assert list(Journal(path).trials) == by_falling_cost[:1]
    path.unlink()
    found = again(rising)
    assert [t.number for t in found] == first and found[0].point == trials[0].point
    assert {t.number: t.accuracy for t in found} == pytest.approx(
        dict(zip(by_falling_cost, [0.1, 0.2, 0.3], strict=True))
    )
    assert best(found).number == by_falling_cost[2]
    silent = Scorer()
    assert again(silent) == found and not silent.scored
    edited = re.sub(r',"checksum":"\w+"', "", path.read_text().replace(found[0].id, "other"))
    path.write_text(edited)
    with pytest.raises(UsageError, match="another candidate"):
        again(silent)


@pytest.mark.parametrize(
    "sizes, count, expected",
    [
        ("aaaabc", 3, [0, 4, 5]),  # one of each
        ("aaaabc", 4, [0, 1, 4, 5]),  # two of each
        ("aabaaa", 5, [0, 1, 2, 3, 4]),  # too few others: by order again
        ("aabbcc", 1, [0]),
        ("abc", 8, [0, 1, 2]),
    ],
)
def test_second_scores_are_not_all_of_one_log_mel_size(sizes: str, count: int, expected: list[int]) -> None:
    ranked = [replace(trial(i, 0.5, 1, 1), point={"mels": ord(s), "frames": 33}) for i, s in enumerate(sizes)]
    assert [t.number for t in diverse(ranked, count)] == expected


def trial(number: int, accuracy: float, macs: int, memory: int) -> Trial:
    return Trial(
        number=number, id=str(number), point={}, accuracy=accuracy, float_accuracy=accuracy, standard_error=0.01,
        parameters=1, macs=macs, memory=memory, weights=1, seconds=1.0, proposed=1, seed=0, score=accuracy,
        score_error=0.01,
    )  # fmt: skip


def test_pareto_is_brute_force_dominance() -> None:
    cube = list(itertools.product((0.1, 0.2, 0.3), (1, 2, 3), (1, 2, 3)))
    trials = [trial(i, *row) for i, row in enumerate(cube[::2])]
    front = pareto(trials)
    for t in trials:
        dominated = any(
            o.accuracy >= t.accuracy and o.macs <= t.macs and o.memory <= t.memory and
            (o.accuracy, o.macs, o.memory) != (t.accuracy, t.macs, t.memory) for o in trials
        )  # fmt: skip
        assert (t in front) is not dominated
    assert best(trials) == front[0]


TINY = SearchSpace(
    "tiny", FrontEndChoices((20, 40), (17,)), (4, 8),
    (Stage((1, 2), (8, 16), (2, 3)), Stage((1,), (16, 24), (2,), (3, 5), ("1x1", "2x2"))),
)  # fmt: skip


def test_the_survey_finds_the_true_extremes() -> None:
    names = list(TINY.choices())
    costs = [
        measure(TINY.architecture(dict(zip(names, v, strict=True)), 10))
        for v in itertools.product(*TINY.choices().values())
    ]
    found = examine(problem(TINY, {"macs.torchinfo": 10**9, "int8_memory.activations": 10**9}), seed=0)
    by_name = {r.name: r for r in found.ranges}
    macs = [c.macs.torchinfo for c in costs]
    memory = [c.int8_memory.activations for c in costs]
    assert (by_name["macs.torchinfo"].minimum, by_name["macs.torchinfo"].maximum) == (min(macs), max(macs))
    assert (by_name["int8_memory.activations"].minimum, by_name["int8_memory.activations"].maximum) == (
        min(memory),
        max(memory),
    )
    assert found.feasible_share == 1.0


def test_an_infeasible_budget_names_the_limit() -> None:
    with pytest.raises(InfeasibleBudget, match=r"macs\.torchinfo is at least .* the limit is 1,000"):
        examine(problem(SPACE, {"macs.torchinfo": 1_000, "parameters": 10**9}), seed=0)


def test_a_corner_of_the_space_is_found() -> None:
    """Limits that hardly any random candidate meets, but one does."""
    wide = examine(problem(SPACE, {"macs.torchinfo": 10**9}), seed=0).ranges[0]
    tight = problem(SPACE, {"macs.torchinfo": int(wide.minimum * 1.05)})
    found = examine(tight, seed=0)
    assert found.feasible_share < 0.05
    assert tight.budget.violation(measure(SPACE.architecture(found.example, 10))) == 0
