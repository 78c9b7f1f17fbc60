from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dynamail.conditions.scoring import find_frequency, find_recency, find_score

NOW = datetime(2026, 6, 15, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ago", "points"),
    [
        (timedelta(0), 60),
        (timedelta(days=7, hours=23), 60),
        (timedelta(days=8), 45),
        (timedelta(days=30), 45),
        (timedelta(days=31), 30),
        (timedelta(days=91), 15),
        (timedelta(days=180), 15),
        (timedelta(days=181), 0),
        (-timedelta(hours=1), 60),
    ],
)
def test_recency_goes_down_in_steps(ago: timedelta, points: int) -> None:
    assert find_recency(NOW - ago, NOW) == points


@pytest.mark.parametrize(
    ("sent", "opened", "clicked", "points"),
    [(0, 5, 5, 0), (10, 0, 0, 0), (10, 5, 0, 20), (10, 3, 1, 20), (3, 1, 0, 13), (1, 9, 9, 40)],
)
def test_frequency_counts_clicks_twice_and_rounds_down(
    sent: int, opened: int, clicked: int, points: int
) -> None:
    assert find_frequency(sent, opened, clicked) == points


def test_the_later_act_counts_and_without_any_there_is_no_recency() -> None:
    none = find_score(last_opened_at=None, last_clicked_at=None, sent=4, opened=1, clicked=0, now=NOW)
    both = find_score(
        last_opened_at=NOW - timedelta(days=100),
        last_clicked_at=NOW - timedelta(days=10),
        sent=4,
        opened=4,
        clicked=4,
        now=NOW,
    )
    assert (none, both) == (10, 85)
