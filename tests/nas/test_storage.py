"""Trials in a database: a study that a dashboard can read, scores that equal searches share, and no duplicates."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest

from hwasc.errors import HwascError, UsageError
from hwasc.nas.start import reusing
from hwasc.nas.storage import StoredTrials
from hwasc.nas.strategies import start
from hwasc.nas.study import Journal, Study
from hwasc.nas.trial import Trial
from tests.nas.test_study import PROBLEM, SPACE, Scorer

Run = Callable[..., tuple[int, str, str]]
ORIGIN = {"space": {"name": "small"}, "settings": {"seed": 0, "data": {"seconds": 1.0}}}


def stored(folder: Path, name: str | None = None, origin: Any = ORIGIN) -> StoredTrials:
    return StoredTrials(f"sqlite:///{folder}/t.db", name, SPACE.choices(), origin)


def searched(folder: Path, into: StoredTrials, scorer: Scorer, journal: str = "a", count: int = 12) -> list[Trial]:
    study = Study(PROBLEM, start("nsga2", SPACE, 4, 0), Journal(folder / f"{journal}.jsonl"), seed=0)
    for trial in study.journal.trials.values():
        into.add(trial)
    return study.run(count, 4, reusing(scorer, into.known), into.add)


def read(folder: Path, name: str) -> optuna.Study:
    return optuna.load_study(study_name=name, storage=f"sqlite:///{folder}/t.db")


def test_every_trial_is_in_the_study(tmp_path: Path) -> None:
    into = stored(tmp_path)
    trials = searched(tmp_path, into, Scorer())
    found = read(tmp_path, into.name)
    assert into.name.startswith("small-") and found.direction.name == "MAXIMIZE"
    assert [(t.value, t.params, t.user_attrs["id"], t.user_attrs["macs"]) for t in found.trials] == [
        (t.score, t.point, t.id, t.macs) for t in trials
    ]
    assert found.best_trial.user_attrs["number"] == max(trials, key=lambda t: t.score).number
    choices = found.trials[0].distributions["stage1.width"].choices  # type: ignore[attr-defined]
    assert tuple(choices) == SPACE.choices()["stage1.width"]


def test_an_equal_search_scores_nothing_again_and_finds_the_same(tmp_path: Path) -> None:
    first = searched(tmp_path, stored(tmp_path), Scorer())
    again, scorer = stored(tmp_path), Scorer()
    assert {t.id for t in first} == set(again.known)
    second = searched(tmp_path, again, scorer, "b", count=16)
    assert second[:12] == first and len(scorer.scored) == 4
    assert len(read(tmp_path, again.name).trials) == 16


def test_a_resumed_run_is_not_stored_twice(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        searched(tmp_path, stored(tmp_path), Scorer(stop_after=6))
    (tmp_path / "t.db").rename(tmp_path / "old.db")
    into = stored(tmp_path)  # an empty one gets what the journal holds
    trials = searched(tmp_path, into, Scorer())
    assert sorted(t.user_attrs["number"] for t in read(tmp_path, into.name).trials) == [t.number for t in trials]


def test_scores_of_another_origin_are_refused(tmp_path: Path) -> None:
    searched(tmp_path, stored(tmp_path, "mine"), Scorer(), count=2)
    other = copy.deepcopy(ORIGIN)
    other["settings"]["seed"] = 1  # type: ignore[index]
    with pytest.raises(
        UsageError, match=r"study mine are not comparable: settings.seed was 0, is now 1\. Name another study"
    ):
        stored(tmp_path, "mine", other)
    assert stored(tmp_path, None, other).known == {}, "by default, each origin has a study of its own"
    foreign = optuna.create_study(storage=f"sqlite:///{tmp_path}/t.db", study_name="foreign")
    foreign.add_trial(optuna.trial.create_trial(value=1.0))
    with pytest.raises(UsageError, match="the study foreign is not of hwasc"):
        stored(tmp_path, "foreign")


@pytest.mark.parametrize("url", ["nonsense", "sqlite:////no/such/folder/t.db", "other://me:secret@host/db", ""])
def test_an_address_that_cannot_be_used_is_one_line(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        StoredTrials(url, None, SPACE.choices(), ORIGIN)
    message = str(caught.value)
    assert "\n" not in message and "secret" not in message and message.startswith("storage ")


def test_a_database_that_fails_later_says_what_to_do(tmp_path: Path) -> None:
    into = stored(tmp_path)
    (trial, *_) = searched(tmp_path, into, Scorer(), count=1)
    into.known.clear()
    (tmp_path / "t.db").write_bytes(b"no database any more" * 1000)
    with pytest.raises(HwascError, match="does not answer .* run the same command again"):
        into.add(trial)


def test_a_stored_trial_is_checked_as_every_record(tmp_path: Path) -> None:
    into = stored(tmp_path, "mine")
    searched(tmp_path, into, Scorer(), count=1)
    read(tmp_path, "mine").add_trial(optuna.trial.create_trial(value=1.0, user_attrs={"id": 3}))
    with pytest.raises(UsageError, match="trial 1 of study mine"):
        stored(tmp_path, "mine")


@pytest.mark.slow
@pytest.mark.long
def test_a_search_by_the_command_line(hwasc: Run, tiny_space: Path, tmp_path: Path) -> None:
    arguments = ("search", "--budget", "dcase2024", "--space", tiny_space, "--out", tmp_path / "best.json")
    url = ("--storage", f"sqlite:///{tmp_path}/t.db", "--study", "tiny")
    for run in ("one", "two"):
        status, _, err = hwasc(*arguments, *url, "--run", tmp_path / run, tiny=True)
        assert status == 0, err
    assert "study tiny: 3 scored candidates" in err
    found = read(tmp_path, "tiny").trials
    assert len(found) == 3 and all(t.value == t.user_attrs["score"] for t in found)
    one, two = (Journal(tmp_path / run / "trials.jsonl").trials for run in ("one", "two"))
    assert one == two, "to the last bit, the time of the score included: nothing was scored again"
    status, _, err = hwasc(*arguments, *url, "--run", tmp_path / "three", "--seed", "1", tiny=True)
    assert status == 2 and "settings.seed was 0, is now 1" in err
    status, _, err = hwasc(*arguments, "--study", "tiny", tiny=True)
    assert status == 2 and "--storage" in err
