"""Second scores over several trainings: their mean and its errors, the journals, and a whole search with them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwasc.errors import UsageError
from hwasc.nas import location_scores
from hwasc.nas.choice import BY_SCORE, as_good, choose
from hwasc.nas.location_scores import LocationScore
from hwasc.nas.result import SearchResult
from hwasc.nas.seed_journals import SeedJournals, training_file
from hwasc.nas.seed_scores import accuracy_error_of_seeds, loss_error_of_seeds, mean_over_seeds
from hwasc.nas.trial import SECOND, SeedScore, Trial, read_trials
from hwasc.records.settings import Settings
from tests.nas.test_choice import trial

SHARES = st.lists(st.floats(0.05, 0.95), min_size=2, max_size=6)


def training(score: float, accuracy: float = 0.5, number: int = 0, **values: object) -> Trial:
    first = trial(number, score)
    return replace(first, accuracy=accuracy, standard_error=0.03, score_error=0.02 * score, **values)  # type: ignore[arg-type]


def by_location(right: float, loss: float, places: int = 6) -> tuple[LocationScore, ...]:
    return tuple(
        LocationScore(
            fold=i % 3, location=f"p{i}", scene="ab"[i % 2], clips=10, right=right + i % 3, loss=loss + 0.2 * i
        )
        for i in range(places)
    )


@given(SHARES, SHARES)
def test_scores_are_averaged_as_losses_and_errors_contain_the_seeds(
    scores: list[float], accuracies: list[float]
) -> None:
    count = min(len(scores), len(accuracies))
    scores, accuracies = scores[:count], accuracies[:count]
    mean = mean_over_seeds([training(s, a) for s, a in zip(scores, accuracies, strict=True)])
    losses = -np.log(scores)
    assert mean.score == pytest.approx(np.exp(-losses.mean()))
    assert mean.accuracy == pytest.approx(np.mean(accuracies))
    assert loss_error_of_seeds(mean) == pytest.approx(np.std(losses, ddof=1) / math.sqrt(count))
    over_seeds = np.std(accuracies, ddof=1) / math.sqrt(count)
    assert mean.standard_error == pytest.approx(math.sqrt(0.03**2 + over_seeds**2))
    assert mean.score_error == pytest.approx(mean.score * math.sqrt(0.02**2 + loss_error_of_seeds(mean) ** 2))
    assert [s.seed for s in mean.by_seed or ()] == list(range(count))


def test_a_net_that_failed_has_a_mean_too() -> None:
    mean = mean_over_seeds([training(0.0), training(0.5)])
    assert 0 < mean.score < 1e-100 and math.isfinite(mean.score_error) and math.isfinite(loss_error_of_seeds(mean))


def test_the_error_over_seeds_is_that_of_other_seeds() -> None:
    """The spread of the mean over many draws of three trainings is what a single draw states."""
    rng = np.random.default_rng(0)
    means = [mean_over_seeds([training(math.exp(-x)) for x in rng.normal(1, 0.1, 3)]) for _ in range(400)]
    stated = np.sqrt(np.mean([loss_error_of_seeds(m) ** 2 for m in means]))
    assert stated == pytest.approx(np.std([-math.log(m.score) for m in means]), rel=0.1)


def test_scores_by_location_are_averaged() -> None:
    parts = [by_location(3, 8), by_location(5, 9), by_location(7, 13)]
    wanted = by_location(5, 10)
    trainings = [training(math.exp(-location_scores.loss(p)), location_scores.accuracy(p), locations=p) for p in parts]
    mean = mean_over_seeds(trainings)
    assert mean.locations is not None
    for found, expected in zip(mean.locations, wanted, strict=True):
        assert replace(found, loss=0.0) == replace(expected, loss=0.0) and found.loss == pytest.approx(expected.loss)
    assert mean.score == pytest.approx(math.exp(-location_scores.loss(mean.locations)))
    assert mean.accuracy == pytest.approx(location_scores.accuracy(mean.locations))
    over_places = location_scores.accuracy_error(mean.locations) or 0.0
    assert mean.standard_error == pytest.approx(math.hypot(over_places, accuracy_error_of_seeds(mean)))


def test_a_net_that_differs_from_seed_to_seed_is_as_good_as_the_best_one_sooner() -> None:
    """The difference is the same; what can be said of it is not."""
    losses = (by_location(5, 8.0), by_location(5, 8.4))

    def candidates(spread: float) -> list[Trial]:
        return [
            replace(
                training(math.exp(-location_scores.loss(p)), number=i, locations=p),
                by_seed=tuple(SeedScore(seed=s, accuracy=0.5, score=0.4 + spread * s) for s in range(3)),
            )
            for i, p in enumerate(losses)
        ]

    assert as_good(candidates(0.0)) == [0] and as_good(candidates(0.1)) == [0, 1]


def test_journals_of_single_trainings_are_gone_on_with(tmp_path: Path) -> None:
    chosen = [trial(0, 0.2, macs=10), trial(1, 0.1, macs=20)]
    journals = SeedJournals(tmp_path, SECOND, trainings=2)
    assert [(t.number, i) for t, i in journals.missing(chosen)] == [(1, 0), (1, 1), (0, 0), (0, 1)], "the longest first"
    assert journals.append(1, training(0.5, number=1)) is None
    assert journals.append(0, training(0.3, number=0)) is None and journals.finished(chosen) == []
    again = SeedJournals(tmp_path, SECOND, trainings=2)
    assert [(t.number, i) for t, i in again.missing(chosen)] == [(1, 0), (0, 1)]
    finished = again.append(0, training(0.4, number=1))
    assert finished == mean_over_seeds([training(0.4, number=1), training(0.5, number=1)])
    assert again.finished(chosen) == [finished] == list(read_trials(tmp_path / SECOND).values())


def test_a_stop_between_the_last_training_and_its_mean_loses_nothing(tmp_path: Path) -> None:
    journals = SeedJournals(tmp_path, SECOND, trainings=2)
    for i in range(2):
        journals.append(i, training(0.4 + 0.1 * i))
    (tmp_path / SECOND).unlink()
    assert SeedJournals(tmp_path, SECOND, trainings=2).finished([trial(0, 0.2)]) == journals.finished([trial(0, 0.2)])


def test_more_trainings_go_on_from_those_that_are_there(tmp_path: Path) -> None:
    chosen = [trial(0, 0.2)]
    SeedJournals(tmp_path, SECOND, trainings=1).append(0, training(0.3))
    assert not (tmp_path / training_file(0)).exists()
    for count in (2, 3):
        journals = SeedJournals(tmp_path, SECOND, trainings=count)
        assert [i for _, i in journals.missing(chosen)] == [count - 1] and journals.finished(chosen) == []
        journals.append(count - 1, training(0.3 + 0.1 * count))
    (found,) = SeedJournals(tmp_path, SECOND, trainings=3).finished(chosen)
    assert [s.score for s in found.by_seed or ()] == pytest.approx([0.3, 0.5, 0.6])
    assert len((tmp_path / SECOND).read_text().splitlines()) == 3, "the last line of a trial counts"


def test_a_journal_of_other_candidates_is_refused(tmp_path: Path) -> None:
    SeedJournals(tmp_path, SECOND, trainings=2).append(1, training(0.3))
    other = replace(trial(0, 0.2), id="another")
    with pytest.raises(UsageError, match=r"rescored_seed_1\.jsonl: trial 0 is another candidate"):
        SeedJournals(tmp_path, SECOND, trainings=2).check([other])


@pytest.mark.parametrize("count", [0, 21])
def test_so_many_trainings_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"rescore_seeds: expected 1 to 20 trainings of each finalist, found {count}"):
        replace(Settings().search, rescore_seeds=count)


@pytest.mark.slow
@pytest.mark.parametrize("folds", [False, pytest.param(True, marks=pytest.mark.long)])
def test_a_search_whose_finalists_are_trained_with_several_seeds(
    folds: bool, hwasc: Callable[..., tuple[int, str, str]], tiny_space: Path, tmp_path: Path
) -> None:
    run = tmp_path / "search"
    argv = ("search", "--budget", "dcase2024", "--space", tiny_space, "--run", run, "--trials", 4, "--rescore", 2)
    argv += ("--set", f"search.rescore_on={'folds' if folds else 'validation'}", "--set", "search.rescore_from=random")
    status, _, err = hwasc(*argv, tiny=True)
    assert status == 0, err
    one = {t.number: t for t in SearchResult.read(run).rescored}
    status, out, err = hwasc(*argv, "--set", "search.rescore_seeds=2", tiny=True)
    assert status == 0, err
    result = SearchResult.read(run)
    first, second = (read_trials(run / training_file(i)) for i in range(2))
    assert first == one, "what was trained before counts"
    assert all(second[n].score != t.score for n, t in first.items()), "another seed"
    assert result.rescored == [mean_over_seeds([first[t.number], second[t.number]]) for t in result.rescored]
    assert result.trial == choose(BY_SCORE, trials=result.trials, rescored=result.rescored, refined=[]).trial
    about = json.loads((run / "best.json").read_text())["provenance"]["proxy"]
    assert about["trainings"] == 2 and about["score"] == result.trial.score
    assert "the mean of 2 trainings" in out
    page = (run / "report.html").read_text()
    assert "a mean over 2 trainings of each" in page and "SE over seeds, points" in page
    if folds:
        assert "Each finalist was trained 6 times" in page and "once with each of 2 seeds" in page
    status, _, err = hwasc(*argv, tiny=True)
    assert status == 2 and "rescore_seeds was 2, is now 1" in err
