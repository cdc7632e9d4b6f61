"""Second scores in rungs: more candidates are trained briefly, and the better half goes on; and where their training starts."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest

from hwasc.cost.limits import resolve
from hwasc.ensemble.fusion import FittedEnsemble, fuse, target_file
from hwasc.nas.job import Candidate, Score, Supernet
from hwasc.nas.problem import Problem
from hwasc.nas.result import SearchResult
from hwasc.nas.scoring import Scoring
from hwasc.nas.second_scores import rung_file, second_scores
from hwasc.nas.trial import Trial, read_trials
from hwasc.nas.work import search_stages
from hwasc.progress import Stage
from hwasc.records.budget import Budget
from hwasc.records.settings import Settings
from hwasc.records.space import SearchSpace
from hwasc.records.train_settings import TrainSettings
from hwasc.workspace import Workspace

pytestmark = pytest.mark.slow
EPOCHS = 8


class QuickLearners:
    """An engine whose nets of few MACs are best after two epochs; the more MACs, the better after more."""

    def __init__(self, problem: Problem) -> None:
        self.problem, self.jobs = problem, list[Candidate]()

    def submit(self, candidate: Candidate, seed: int) -> Future[Score]:
        self.jobs.append(replace(candidate, seed=seed))
        macs = self.problem.budget.count(candidate.proposal.architecture).macs.torchinfo / 1e8
        value = 0.5 - macs if candidate.train_settings.epochs <= 2 else 0.5 + macs
        done: Future[Score] = Future()
        done.set_result(Score(value, 1.0, accuracy=value, standard_error=0.01, value_error=0.01))
        return done


@pytest.fixture(scope="module")
def fused(tiny_workspace: Workspace) -> FittedEnsemble:
    return fuse(tiny_workspace)


@pytest.fixture(scope="module")
def problem(tiny_space: Path) -> Problem:
    return Problem(space=SearchSpace.load(str(tiny_space)), budget=resolve(Budget.load("dcase2024")), classes=10)


def all_trials(problem: Problem) -> list[Trial]:
    """All architectures of the space within the budget, with equal first scores."""
    points = {problem.architecture(p).id: p for p in problem.feasible_points(16, seed=0)}
    return [
        Trial(
            number=i, id=id_, point=dict(point), accuracy=0.5, float_accuracy=None, standard_error=0.01,
            parameters=problem.costs(point).parameters, macs=problem.costs(point).macs.torchinfo, memory=1, weights=1,
            seconds=1.0, proposed=i, seed=0, score=0.5, score_error=0.01, quantized=True,
        )
        for i, (id_, point) in enumerate(points.items())
    ]  # fmt: skip


def finalists(
    ws: Workspace, fused: FittedEnsemble, problem: Problem, run: Path, **settings: object
) -> tuple[list[Trial], list[Candidate]]:
    """The finalists, and the jobs that scored them."""
    search = replace(
        ws.settings.search, proxy="supernet", rescore_train=TrainSettings(EPOCHS, 32, 1e-2, 1e-3), **settings
    )
    run.mkdir(exist_ok=True)
    ws = replace(ws, settings=replace(ws.settings, search=search))
    shared = Supernet(weights=run / "none", space=problem.space, seconds=1.0)
    scoring = Scoring(
        proxy="supernet", targets=target_file(fused), train=TrainSettings(1, 32, 1e-2, 1e-3), supernet=shared
    )
    engine = QuickLearners(problem)
    trials = all_trials(problem)
    return second_scores(ws, problem, scoring, fused, engine=engine, ranked=trials, run=run), engine.jobs


def test_the_better_half_of_each_rung_goes_on_to_twice_the_epochs(
    tiny_workspace: Workspace, fused: FittedEnsemble, problem: Problem, tmp_path: Path
) -> None:
    found, jobs = finalists(tiny_workspace, fused, problem, tmp_path, rescore=2, rungs=3)
    assert [j.train_settings.epochs for j in jobs] == [2] * 8 + [4] * 4 + [8] * 2
    first, second, last = (read_trials(tmp_path / rung_file(later)) for later in (2, 1, 0))
    assert list(first) == sorted(first, key=lambda n: -first[n].macs), "the longest trainings begin first"
    assert set(second) == set(sorted(first, key=lambda n: first[n].macs)[:4]), "few MACs are best after two epochs"
    assert set(last) == set(sorted(second, key=lambda n: -second[n].macs)[:2]), "many MACs are best after four"
    assert {t.number: t for t in found} == last
    again, jobs = finalists(tiny_workspace, fused, problem, tmp_path, rescore=2, rungs=3)
    assert again == found and not jobs, "every rung has a journal"
    _, jobs = finalists(tiny_workspace, fused, problem, tmp_path, rescore=4, rungs=3)
    known = {(t.id, epochs) for rung, epochs in ((first, 2), (second, 4), (last, 8)) for t in rung.values()}
    scored = {(j.proposal.architecture.id, j.train_settings.epochs) for j in jobs}
    assert scored and not scored & known, "more finalists: what is known is not scored again"


def test_a_net_from_random_weights_has_no_slice_and_twice_the_epochs(
    tiny_workspace: Workspace, fused: FittedEnsemble, problem: Problem, tmp_path: Path
) -> None:
    for start, epochs in (("slice", EPOCHS), ("random", 2 * EPOCHS)):
        _, jobs = finalists(tiny_workspace, fused, problem, tmp_path / start, rescore=1, rescore_from=start)
        (job,) = jobs
        assert (job.supernet is not None) == (start == "slice")
        assert job.train_settings.epochs == epochs


def test_the_last_rung_trains_each_finalist_with_several_seeds(
    tiny_workspace: Workspace, fused: FittedEnsemble, problem: Problem, tmp_path: Path
) -> None:
    found, jobs = finalists(tiny_workspace, fused, problem, tmp_path, rescore=2, rungs=2, rescore_seeds=3)
    seed = tiny_workspace.settings.seed
    assert [(j.train_settings.epochs, j.seed) for j in jobs[:4]] == [(4, seed)] * 4
    expected = {(t.id, EPOCHS, seed + i) for t in found for i in range(3)}
    assert len(jobs) == 4 + 6
    assert {(j.proposal.architecture.id, j.train_settings.epochs, j.seed) for j in jobs[4:]} == expected
    assert [[s.seed for s in t.by_seed or ()] for t in found] == [[seed, seed + 1, seed + 2]] * 2


def test_the_line_of_progress_knows_the_rungs_and_the_seeds(tiny_workspace: Workspace) -> None:
    def second(**settings: int) -> Stage:
        s = tiny_workspace.settings
        ws = replace(tiny_workspace, settings=replace(s, search=replace(s.search, rescore=2, **settings)))
        return next(stage for stage in search_stages(ws) if stage.name == "second scores")

    assert second().parts == (1,) and second(rungs=3, rescore_seeds=2).parts == (1, 1, 2)
    assert second(rungs=3, rescore_seeds=2).work == pytest.approx(4 * second().work)


def test_rungs_without_second_scores_are_refused() -> None:
    search = Settings().search
    for wrong in ({"rungs": 0}, {"rungs": 7}, {"rungs": 2, "rescore": 0}):
        with pytest.raises(ValueError, match="rungs: expected 1 to 6"):
            replace(search, **wrong)


def test_a_search_in_rungs_says_so_on_its_page(
    hwasc: Callable[..., tuple[int, str, str]], tiny_space: Path, tmp_path: Path
) -> None:
    run = tmp_path / "search"
    more = ("--trials", 4, "--rescore", 1, "--set", "search.rungs=2", "--set", "search.at_a_time=4")
    status, _, err = hwasc("search", "--budget", "dcase2024", "--space", tiny_space, "--run", run, *more, tiny=True)
    assert status == 0, err
    rungs = [read_trials(run / rung_file(halvings)) for halvings in (1, 0)]
    assert [len(r) for r in rungs] == [2, 1]
    assert next(iter(rungs[1])) == max(rungs[0].values(), key=lambda t: t.score).number
    assert SearchResult.read(run).rungs == 2
    page = (run / "report.html").read_text()
    assert "second, longer score of the last 1, after 1 halving by scores of shorter trainings" in page
