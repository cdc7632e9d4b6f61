"""The stages of a command: how much of its time is over, and how much is left."""

from __future__ import annotations

import pytest

from hwasc.progress import Plan, Stage, duration


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def planned(*stages: Stage) -> tuple[Plan, Clock]:
    clock = Clock()
    return Plan(stages, clock), clock


def test_the_pace_so_far_tells_the_time_of_what_comes() -> None:
    plan, clock = planned(Stage("a", 10), Stage("b", 30))
    assert plan.left is None and plan.title == "" and plan.begin("a") and plan.left is None
    clock.now = 2
    plan.advance(0.5)
    assert (plan.title, plan.left, plan.percent) == ("stage 1/2 a", 2 + 12, 12)
    clock.now = 4
    plan.advance(1.0)
    plan.begin("b")
    assert plan.left == pytest.approx(12) and plan.percent == 25
    clock.now = 10  # twice as slow as thought
    plan.advance(0.25)
    assert plan.left == pytest.approx(18) and plan.line() == "stage 2/2 b · 35 % · 0:18 left"


def test_what_an_earlier_run_did_is_no_pace() -> None:
    plan, clock = planned(Stage("a", 10, parts=(1, 1)), Stage("b", 10))
    plan.begin("a")
    clock.now = 1
    plan.skip(0.5)  # a quarter of the stage
    assert plan.left is None
    clock.now = 5
    plan.advance(1.0)
    assert plan.left == pytest.approx(10 + 20)  # a quarter in five seconds
    plan.end_part()
    clock.now = 15
    plan.advance(1.0)
    plan.begin("b")
    assert plan.left == pytest.approx(20)


def test_a_measured_first_step_counts_until_there_is_a_pace() -> None:
    plan, clock = planned(Stage("a", 1), Stage("b", 2))
    plan.begin("a")
    clock.now = 1
    plan.expect(9)
    assert plan.stage_seconds == 10 and plan.left == 9 + 20
    clock.now = 5
    plan.advance(0.25)
    assert plan.stage_seconds == 20 and plan.left == 15 + 40


def test_a_slow_first_step_says_little_of_the_others() -> None:
    plan, clock = planned(Stage("a", 1), Stage("b", 1))
    plan.begin("a")
    clock.now = 40  # processes start, a cache is filled
    plan.advance(1 / 101)
    assert plan.left is None and plan.line() == "stage 1/2 a"
    clock.now = 42
    plan.advance(3 / 101)
    assert plan.stage_seconds is None  # too early to say
    clock.now = 60
    plan.advance(21 / 101)
    assert plan.stage_seconds == pytest.approx(140)  # pro rata it would be 289


def test_after_the_first_of_few_steps_the_time_is_known() -> None:
    plan, clock = planned(Stage("a", 1))
    plan.begin("a")
    clock.now = 10
    plan.advance(1 / 8)
    assert plan.stage_seconds == pytest.approx(80)
    clock.now = 11
    plan.advance(2 / 8)  # by another process, so no sign of a faster pace
    assert plan.stage_seconds == pytest.approx(44)
    clock.now = 20
    plan.advance(3 / 8)
    assert plan.stage_seconds == pytest.approx(10 + 10 * (7 / 8) / (2 / 8))


def test_a_stage_that_the_cache_had_says_nothing_of_the_pace() -> None:
    plan, clock = planned(Stage("cached", 1_000), Stage("a", 1), Stage("b", 1))
    plan.begin("cached")
    clock.now = 0.1
    plan.begin("a")
    assert plan.left is None
    clock.now = 5.1
    plan.advance(0.5)
    assert plan.left == pytest.approx(15)


def test_percent_never_falls_nor_ends_before_the_command_does() -> None:
    plan, clock = planned(Stage("a", 1), Stage("b", 1))
    plan.begin("a")
    seen = []
    for now, fraction in ((1, 0.9), (8, 0.91), (9, 1.0)):
        clock.now = now
        plan.advance(fraction)
        seen.append(plan.percent)
    plan.begin("b")
    clock.now = 100
    plan.advance(1.0)
    assert seen == sorted(seen) and plan.percent == 99


def test_parts_of_a_stage_follow_each_other() -> None:
    plan, clock = planned(Stage("a", 1, parts=(1, 1)))
    plan.begin("a")
    clock.now = 4
    plan.advance(1.0)
    plan.end_part()
    assert plan.left == 4
    clock.now = 6
    plan.advance(0.5)
    assert plan.left == pytest.approx(2)


def test_parts_of_a_stage_may_be_of_different_length() -> None:
    plan, clock = planned(Stage("a", 1, parts=(1, 3)))
    plan.begin("a")
    clock.now = 2
    plan.advance(1.0)
    plan.end_part()
    assert plan.left == pytest.approx(6), "a quarter is done"
    clock.now = 4
    plan.advance(1 / 3)
    assert plan.left == pytest.approx(4)
    plan.advance(1.0)
    plan.end_part()
    plan.advance(0.5)
    assert plan.left == 0, "more parts than were planned"


def test_stages_are_begun_in_order_and_by_name() -> None:
    plan, _ = planned(Stage("a", 1), Stage("b", 1))
    assert plan.begin("b") and not plan.begin("a") and not plan.begin("b") and not plan.begin("c")
    assert plan.title == "stage 2/2 b"


@pytest.mark.parametrize(("seconds", "text"), [(7.4, "0:07"), (80, "1:20"), (59.7, "1:00"), (7_500, "2:05:00")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_between_stages_there_is_no_title_and_time_goes_on() -> None:
    plan, clock = planned(Stage("a", 1), Stage("b", 1))
    plan.begin("a")
    clock.now = 4
    plan.advance(1.0)
    plan.end()
    clock.now = 6
    assert (plan.title, plan.left, plan.line()) == ("", 4, "60 % · 0:04 left")
