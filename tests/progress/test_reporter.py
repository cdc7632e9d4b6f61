"""One line for a whole command: in a terminal, in a pipe, and what `--verbose` adds."""

from __future__ import annotations

import io
import logging
import pickle
import re
import time

import pytest
from rich.console import Console

from hwasc.progress import Reporter, Stage, reporter


def reporting(terminal: bool, width: int = 80) -> tuple[Reporter, io.StringIO]:
    made, out = Reporter(), io.StringIO()
    made.console = Console(file=out, width=width, force_terminal=terminal, color_system=None, soft_wrap=True)
    return made, out


def work(reporter: Reporter) -> None:
    with reporter.plan([Stage("teachers", 3), Stage("training, int8", 1)]):
        with reporter.stage("teachers"):
            with reporter.track("features 64x33 (train)", 2, minor=True) as update:
                update(2)
            with reporter.track("teachers (crnn)", 2) as update:
                update(1, "crnn fold0, last loss 1.234")
                update(2, "crnn fold1, last loss 1.234")
        with reporter.stage("training, int8"), reporter.track("distilling, int8", 1) as update:
            update(1)


def test_without_a_terminal_a_line_begins_and_ends_each_stage() -> None:
    made, out = reporting(terminal=False)
    work(made)
    assert out.getvalue().splitlines() == [
        "stage 1/2 teachers",
        "stage 1/2 teachers: done in 0:00",
        "stage 2/2 training, int8",
        "stage 2/2 training, int8: done in 0:00",
    ]


def test_without_a_terminal_a_long_stage_says_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporter, "PLAIN_EVERY", 0.0)
    made, out = reporting(terminal=False)
    work(made)
    assert "stage 1/2 teachers · features 64x33 (train) 2/2" in out.getvalue(), "no time is known yet"
    lines = [line for line in out.getvalue().splitlines() if "fold0" in line]
    assert len(lines) == 1 and lines[0].startswith("stage 1/2 teachers · ")
    assert " % · 0:00 left · teachers (crnn) 1/2 · crnn fold0, last loss 1.234" in lines[0]


@pytest.mark.parametrize("width", [40, 80, 160])
def test_in_a_terminal_there_is_one_line_and_it_fits(width: int) -> None:
    made, out = reporting(terminal=True, width=width)
    with made.plan([Stage("teachers", 3)]), made.stage("teachers"), made.track("t" * 50, 2) as update:
        update(1, "a note " * 30)
        time.sleep(0.4)  # it is drawn four times a second
        made.say("a line of its own")
    text = out.getvalue()
    drawn = re.split(r"[\r\n]+", re.sub(r"\x1b\[[?\d]*[A-Za-z]", "", text))
    assert any(line.startswith("stage 1/1 teachers · ") for line in drawn)
    assert max(map(len, drawn)) <= width and "a line of its own" in text


def test_details_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    made, out = reporting(terminal=False)
    with caplog.at_level(logging.INFO, logger="hwasc"):
        work(made)
    assert [r.getMessage().partition(":")[0] for r in caplog.records] == [
        "features 64x33 (train)",
        "teachers (crnn)",
        "stage 1/2 teachers took 0",
        "distilling, int8",
        "stage 2/2 training, int8 took 0",
    ]
    assert "features" not in out.getvalue()


def test_what_takes_longer_than_a_minute_is_said_once_and_before(monkeypatch: pytest.MonkeyPatch) -> None:
    made, out = reporting(terminal=False)
    with made.plan([Stage("a", 1), Stage("b", 1)]):
        with made.stage("a"), made.track("steps", 10) as update:
            made.expect(200.0)
            update(1)
        with made.stage("b"):
            made.expect(59.0)
    assert [line for line in out.getvalue().splitlines() if "takes" in line] == [
        "stage 1/2 a: takes about 3:20 on this machine"
    ]


def test_a_quiet_reporter_and_one_in_another_process_say_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    for made in (Reporter(quiet=True), pickle.loads(pickle.dumps(Reporter()))):
        work(made)
    assert capsys.readouterr() == ("", "")


def test_a_plan_within_a_plan_changes_nothing() -> None:
    made, out = reporting(terminal=False)
    with made.plan([Stage("a", 1)]), made.plan([Stage("b", 1)]), made.stage("b"):
        made.say("x")
    assert out.getvalue() == "x\n"


def test_a_bar_by_itself_tells_its_time_after_the_first_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first step takes as long as the start of the processes; the estimate waits until it says something."""
    now = 0.0
    monkeypatch.setattr(reporter.time, "monotonic", lambda: now)
    made, out = reporting(terminal=False)
    with made.track("clips", 1_000) as update:
        now = 1.0
        update(1)
        assert "takes" not in out.getvalue()
        now = 4.0
        update(40)
        now = 5.0
        update(60)
    assert [line for line in out.getvalue().splitlines() if "takes" in line] == [
        "clips: takes about 1:40 on this machine"
    ]


def test_a_run_that_goes_on_tells_the_time_of_its_own_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(reporter.time, "monotonic", lambda: now)
    made, out = reporting(terminal=False)
    with made.track("nets", 48, done=8) as update:
        update(8, "resumed")
        now = 100.0
        update(9)
    assert out.getvalue().splitlines() == ["nets: takes about 1:06:40 on this machine", "nets: 9/48, 1:05:00 left"]
