from __future__ import annotations

import pytest

from dynamail.messages.guard_rails import Cause, Level, Tally, judge, make_tally


def test_nothing_is_judged_before_there_is_enough_to_judge() -> None:
    assert judge(Tally(attempted=199, delivered=0, hard=199)).level is Level.OK
    assert judge(Tally(attempted=999, delivered=999, complained=999)).level is Level.OK


@pytest.mark.parametrize(
    ("hard", "level"),
    [(19, Level.OK), (20, Level.WARN), (49, Level.WARN), (50, Level.STOP), (1000, Level.STOP)],
)
def test_hard_bounces_warn_from_two_percent_and_stop_at_five(hard: int, level: Level) -> None:
    verdict = judge(Tally(attempted=1_000, delivered=1_000 - hard, hard=hard))
    assert verdict.level is level
    assert verdict.cause == ("" if level is Level.OK else Cause.BOUNCES)


@pytest.mark.parametrize(
    ("complained", "level"), [(9, Level.OK), (10, Level.WARN), (29, Level.WARN), (30, Level.STOP)]
)
def test_complaints_warn_from_a_thousandth_and_stop_at_three(complained: int, level: Level) -> None:
    assert judge(Tally(10_000, 10_000, 0, complained)).level is level


def test_two_complaints_are_no_pattern_however_small_the_campaign() -> None:
    assert judge(Tally(1_000, 1_000, 0, 2)).level is Level.OK


def test_the_graver_of_two_causes_is_told() -> None:
    verdict = judge(Tally(attempted=10_000, delivered=9_700, hard=300, complained=100))
    assert (verdict.level, verdict.cause, verdict.count, verdict.of) == (
        Level.STOP,
        Cause.COMPLAINTS,
        100,
        9_700,
    )


def test_after_a_resume_only_what_is_new_counts() -> None:
    before = Tally(1_000, 900, 100, 0)
    now = Tally(2_000, 1_895, 105, 0)
    assert judge(now).level is Level.STOP
    assert judge(now.since(before)).level is Level.OK


def test_a_message_that_came_back_later_was_attempted_once() -> None:
    tally = make_tally({"delivered": 90, "bounced": 10, "hard_bounced": 7, "returned": 5, "returned_hard": 3})
    assert tally == Tally(attempted=100, delivered=90, hard=10)
