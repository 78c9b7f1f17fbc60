"""What replies teach about the pace, by a clock that only goes on when told to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from dynamail.delivery.throttles.learning import (
    BLOCKED_PAUSE,
    BLOCKS_THAT_CLOSE,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    RAISE_PAUSE,
    REFUSALS_THAT_CLOSE,
    SMALLEST_FACTOR,
    Change,
    Learned,
    LearnedRow,
)

WALL = datetime(2026, 3, 10, tzinfo=UTC)
REASON = "421 4.7.0 too many connections"


def refuse_in_a_row(learned: Learned, now: float, count: int = REFUSALS_THAT_CLOSE) -> None:
    for _ in range(count):
        learned.note_too_much(REASON, now)


def test_too_much_halves_the_factor_once_for_all_that_was_under_way() -> None:
    learned = Learned()
    for _ in range(5):
        learned.note_too_much(REASON, 100.0)
    assert learned.factor == 0.5
    assert (learned.reason, learned.change) == (REASON, Change.WORSE)
    learned.note_too_much(REASON, 103.0)
    assert learned.factor == 0.25
    assert learned.closed_until == 0.0


def test_a_destination_that_refuses_all_is_closed_and_each_time_for_longer() -> None:
    learned, now, pauses = Learned(), 100.0, []
    for _ in range(7):
        refuse_in_a_row(learned, now)
        pauses.append(learned.closed_until - now)
        now = learned.closed_until
    assert pauses == [60, 120, 240, 480, 960, LONGEST_PAUSE, LONGEST_PAUSE]
    assert learned.factor == SMALLEST_FACTOR, "one connection tries when the pause is over"


def test_replies_that_come_after_the_end_change_nothing() -> None:
    learned = Learned()
    refuse_in_a_row(learned, 100.0, 3 * REFUSALS_THAT_CLOSE)
    assert learned.closed_until == 100.0 + FIRST_PAUSE


def test_a_success_in_between_keeps_it_open() -> None:
    learned = Learned()
    for _ in range(10):
        refuse_in_a_row(learned, 100.0, REFUSALS_THAT_CLOSE - 1)
        learned.note_accepted(100.0, cohort=10)
    assert learned.closed_until == 0.0


def test_one_odd_reply_about_a_block_stops_nobody_but_several_do() -> None:
    learned = Learned()
    learned.note_block("550 blocked", 100.0)
    learned.note_accepted(100.0, cohort=1)
    for _ in range(BLOCKS_THAT_CLOSE - 1):
        learned.note_block("550 blocked", 100.0)
    assert learned.closed_until == 0.0
    learned.note_block("550 blocked", 100.0)
    assert learned.closed_until == 100.0 + BLOCKED_PAUSE


def test_accepted_messages_raise_it_again_slowly() -> None:
    learned, now, factors = Learned(), 100.0, [1.0]
    learned.note_too_much(REASON, now)
    while learned.factor < 1:
        for _ in range(50):
            learned.note_accepted(now, cohort=5)
        factors.append(round(learned.factor, 3))
        now += RAISE_PAUSE
    assert factors == [1.0, 0.5, 0.6, 0.72, 0.864, 1.0]
    assert learned.reason == ""


def test_a_cohort_must_be_accepted_before_it_grows() -> None:
    learned = Learned()
    learned.note_too_much(REASON, 100.0)
    for _ in range(4):
        learned.note_accepted(200.0, cohort=5)
    assert learned.factor == 0.5
    learned.note_accepted(200.0, cohort=5)
    assert learned.factor == 0.6


def test_a_recovered_destination_begins_with_short_pauses_again() -> None:
    learned = Learned()
    refuse_in_a_row(learned, 100.0)
    now = learned.closed_until
    while learned.factor < 1:
        learned.note_accepted(now, cohort=1)
        now += RAISE_PAUSE
    refuse_in_a_row(learned, now)
    assert learned.closed_until == now + FIRST_PAUSE


def test_another_worker_takes_over_what_was_learned() -> None:
    teacher, pupil = Learned(), Learned()
    refuse_in_a_row(teacher, 100.0)
    pupil.adopt(teacher.as_row(100.0, WALL), 5_000.0, WALL + timedelta(seconds=1))
    assert pupil.closed_until == 5_000.0 + FIRST_PAUSE - 1
    assert (pupil.factor, pupil.reason, pupil.change) == (SMALLEST_FACTOR, REASON, None)
    refuse_in_a_row(pupil, pupil.closed_until)
    assert pupil.as_row(pupil.closed_until - 120, WALL).until == WALL + timedelta(seconds=120), "pauses go on"


def test_what_somebody_cleared_is_forgotten() -> None:
    learned = Learned()
    learned.adopt(LearnedRow(WALL + timedelta(hours=1), 0.1, REASON, WALL), 100.0, WALL)
    assert learned.closed_until == 3_700.0
    learned.adopt(None, 101.0, WALL)
    assert (learned.closed_until, learned.factor, learned.reason) == (0.0, 1.0, "")


def test_a_lesson_that_was_not_shared_yet_is_not_overwritten() -> None:
    learned = Learned()
    refuse_in_a_row(learned, 100.0)
    learned.adopt(None, 101.0, WALL)
    learned.adopt(LearnedRow(None, 0.9, "older", WALL), 101.0, WALL)
    assert learned.closed_until == 100.0 + FIRST_PAUSE


def test_a_clock_that_jumped_closes_nothing_for_long() -> None:
    learned = Learned()
    learned.adopt(LearnedRow(WALL + timedelta(days=300), 0.1, REASON, WALL), 100.0, WALL)
    assert learned.closed_until == 100.0 + 86_400
