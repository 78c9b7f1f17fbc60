"""The statement itself, where a repetition finds the world changed."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from dynamail.delivery.recording import encode_rows, make_window_outcome, start_of_hour
from dynamail.delivery.records import DEFERRED, Parcel, Result
from dynamail.lib.clock import utc_now
from dynamail.lib.sql import load_sql
from tests.delivery.stage import Stage, addresses


def test_a_commit_that_is_repeated_puts_nobody_into_the_outbox_again(stage: Stage) -> None:
    campaign = stage.campaign(stage.account(), addresses(3))
    worker, now = uuid4(), utc_now()
    shard, chunk_id = stage.rows(
        "UPDATE chunk SET state = 1, worker = %s, started = 3 RETURNING shard, id", worker
    )[0]
    contact_id = campaign.contact_ids[0]
    parcel = Parcel(
        None, campaign.account_id, campaign.message_id(contact_id), "p0@example.com", None, contact_id
    )  # type: ignore[arg-type]
    outcome = make_window_outcome(parcel, Result(DEFERRED, code=451), transport_id=None, now=now)
    parameters = {
        "shard": shard,
        "id": chunk_id,
        "worker": worker,
        "epoch": 0,
        "done": 1,
        "started": 3,
        "ending": "",
        "lease_until": now + timedelta(minutes=2),
        "run_at": None,
        "now": now,
        "hour": start_of_hour(now),
        "counter_shard": 0,
        "moment": "019000000000",
        "outcomes": encode_rows([outcome]),
    }
    statement = load_sql("delivery", "commit_window")
    assert len(stage.connection.execute(statement, parameters).fetchall()) == 1
    assert [row[0] for row in stage.outbox()] == ["p0@example.com"]
    stage.change("DELETE FROM outbox")  # another worker has sent it meanwhile
    assert len(stage.connection.execute(statement, parameters).fetchall()) == 1
    assert stage.outbox() == []
    assert stage.rows("SELECT done, started FROM chunk") == [(1, 3)]
