"""Efforts are settings between the defaults and what a user sets."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwasc.errors import UsageError
from hwasc.records.effort import EFFORTS
from hwasc.records.settings import Settings

NOT_NUMBERS = ("teachers.members", "search.rescore_train.epochs")  # the latter follows from the proxy


def at(settings: Settings, name: str) -> object:
    found: object = settings
    for step in name.split("."):
        found = getattr(found, step)
    return found


@pytest.mark.parametrize("effort", EFFORTS)
def test_each_setting_of_an_effort_is_set(effort: str) -> None:
    settings = Settings.load({"effort": effort})
    assert settings.effort == effort
    numbers = {name: value for name, value in EFFORTS[effort].items() if name != "teachers.members"}  # type: ignore[index]
    assert {name: at(settings, name) for name in numbers} == numbers
    papers = [member.front_end == "paper" for member in settings.teachers.members if member.family]
    assert all(papers) if effort == "thorough" else not any(papers)


def test_what_is_set_comes_after_the_effort(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text("effort: thorough\nsearch: {rescore_train: {lr: 0.003}}\n")
    settings = Settings.load(file, ["distill.train.epochs=7"])
    assert (
        settings.distill.train.epochs == 7 and settings.distill.qat.epochs == EFFORTS["thorough"]["distill.qat.epochs"]
    )
    assert settings.search.second().lr == 0.003 and settings.search.second().epochs == 40
    assert Settings.load(file, ["effort=quick"]).distill.train.epochs == 15
    assert settings.changed({"seed": 3}).distill == settings.distill


def test_the_default_changes_nothing() -> None:
    assert Settings.load() == Settings.load({"effort": "default"}) == Settings()


def test_quick_is_less_work_than_default_and_thorough_more() -> None:
    efforts = [Settings.load({"effort": effort}) for effort in ("quick", "default", "thorough")]
    for name in sorted({name for effort in EFFORTS.values() for name in effort if name not in NOT_NUMBERS}):
        amounts = [at(settings, name) for settings in efforts]
        assert amounts == sorted(amounts), name  # type: ignore[type-var]


def test_unknown_efforts_are_named_with_their_neighbour() -> None:
    with pytest.raises(UsageError, match="did you mean 'thorough'"):
        Settings.load({"effort": "through"})


def test_the_page_shows_each_setting() -> None:
    page, default = (Path(__file__).parents[2] / "docs" / "training.md").read_text(), Settings()
    for name in {name for effort in EFFORTS.values() for name in effort} - {"teachers.members"}:
        usual = default.search.second().epochs if name == "search.rescore_train.epochs" else at(default, name)
        cells = [EFFORTS["quick"].get(name, usual), usual, EFFORTS["thorough"].get(name, usual)]
        assert f"| `{name}` | {' | '.join(f'{c:,}' for c in cells)} |" in page
