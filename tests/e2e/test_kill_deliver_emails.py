"""The delivery process is killed while single emails leave: none is lost, and none arrives twice but those that are marked as in doubt."""

from __future__ import annotations

from collections import Counter

import psycopg
import pytest

from dynamail.lib.clock import utc_now
from tests.support.delivering import Order, open_workplace, start_logged_sink
from tests.support.single_emails import Letter, post

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]

EMAILS, CONNECTIONS = 400, 10
KILLED_AT = (20, 120, 260)  # arrivals


def test_kills_lose_no_email_and_double_none_unnoticed() -> None:
    with (
        open_workplace(DYNAMAIL_DELIVER_CONNECTIONS=str(CONNECTIONS)) as place,
        start_logged_sink(place.home) as sink,
        psycopg.connect(place.dsn, options="-c role=dynamail_work", autocommit=True) as connection,
    ):
        shop = place.prepare(Order(generate=1, relay=sink.address, connections=CONNECTIONS))
        with connection.transaction():
            for number in range(EMAILS):
                to = ((f"p{number}@mail.example", "to"), (f"q{number}@mail.example", "cc"))
                post(connection, shop.account_id, Letter(to=to), utc_now())
        for moment in KILLED_AT:
            worker = place.start_worker(ready=False)
            place.wait_until(lambda moment=moment: sink.count_new() >= moment)  # type: ignore[misc]
            worker.kill()
        with place.start_worker():
            place.wait_until(lambda: place.fetch("SELECT count(*) FROM outbox WHERE NOT in_doubt")[0][0] == 0)
            doubtful = {one for (one,) in place.fetch("SELECT recipient FROM outbox WHERE in_doubt")}
            place.hurry()
            place.wait_until(lambda: place.fetch("SELECT count(*) FROM outbox")[0][0] == 0)
        arrived = Counter(recipient for _, recipient in sink.list_arrivals())
        assert len(arrived) == 2 * EMAILS
        assert {one for one, times in arrived.items() if times > 1} <= doubtful
        assert len(doubtful) <= len(KILLED_AT) * CONNECTIONS
        assert place.fetch("SELECT state, count(*) FROM message GROUP BY 1") == [("delivered", 2 * EMAILS)]
        assert place.fetch(
            "SELECT count(*), count(DISTINCT message_id) FROM event WHERE kind = 'message.delivered'"
        ) == [(2 * EMAILS, 2 * EMAILS)]
