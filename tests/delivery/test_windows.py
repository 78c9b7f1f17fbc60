from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dynamail.delivery.records import DELIVERED, RETURNED, Result
from dynamail.delivery.windows import FIRST_WIDTH, Width, Window

OK, BACK = Result(DELIVERED), Result(RETURNED)


def declared(size: int, width: int) -> Window:
    window = Window(size=size, done=0, width=width)
    window.advance(0, window.next_started(0))
    return window


def test_outcomes_are_recorded_in_order_whatever_order_they_come_in() -> None:
    window = declared(10, 4)
    window.take(1, OK)
    window.take(2, OK)
    assert not window.has_due
    window.take(0, OK)
    assert [position for position, _ in window.find_due()] == [0, 1, 2]


def test_most_of_a_window_is_worth_a_commit() -> None:
    window = declared(20, 10)
    for position in range(7):
        window.take(position, OK)
    assert not window.is_worth_committing
    window.take(7, OK)
    assert window.is_worth_committing


def test_the_last_outcome_is_worth_a_commit() -> None:
    window = declared(3, 50)
    for position in (0, 1):
        window.take(position, OK)
    assert not window.is_worth_committing
    window.take(2, OK)
    assert window.is_worth_committing


def test_what_came_back_untouched_at_the_end_was_never_declared() -> None:
    window = declared(10, 5)
    for position, result in enumerate((OK, BACK, OK, BACK, BACK)):
        window.take(position, result)
    rows, end = window.find_ending()
    assert end == 3
    assert [result for _, result in rows] == [OK, BACK, OK]


@given(size=st.integers(1, 60), width=st.integers(1, 12), data=st.data())
def test_everybody_is_recorded_exactly_once_and_never_more_than_a_window_is_open(
    size: int, width: int, data: st.DataObject
) -> None:
    window, recorded = declared(size, width), []
    open_positions = list(range(window.started))
    while not window.is_finished:
        assert window.started - window.done <= width
        position = data.draw(st.sampled_from(open_positions))
        open_positions.remove(position)
        window.take(position, OK)
        if window.has_due and (window.is_worth_committing or data.draw(st.booleans())):
            due = window.find_due()
            done, before = window.done + len(due), window.started
            started = window.next_started(done)
            window.advance(done, started)
            recorded += [position for position, _ in due]
            open_positions += range(before, started)
    assert recorded == list(range(size))


def test_the_width_grows_while_windows_are_settled_at_once_and_shrinks_where_servers_are_slow() -> None:
    width = Width(250)
    assert width.now == FIRST_WIDTH
    for _ in range(5):
        width.note_commit(recorded=width.now, seconds=0.02)
    assert width.now == 250
    width.note_commit(recorded=10, seconds=0.5)
    assert width.now == 250, "neither quick nor slow"
    for _ in range(5):
        width.note_commit(recorded=10, seconds=3)
    assert width.now == FIRST_WIDTH


def test_a_few_quick_outcomes_are_no_reason_to_declare_more() -> None:
    width = Width(250)
    width.note_commit(recorded=FIRST_WIDTH // 2, seconds=0.01)
    assert width.now == FIRST_WIDTH


def test_a_small_limit_is_kept_from_the_beginning() -> None:
    width = Width(20)
    width.note_commit(recorded=20, seconds=0.01)
    assert width.now == 20
