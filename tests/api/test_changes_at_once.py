"""Two who change different fields of one thing at once: both changes stay."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from dynamail.consent.models import Topic
from dynamail.contacts.models import Attribute, Contact
from dynamail.senders.models import Stream
from dynamail.webhooks.models import WebhookEndpoint
from tests.api.conftest import Shop, body_of, database_dsn

API = "/api/v1"


@pytest.fixture
def other(committed_database: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_dsn(committed_database)) as connection:
        yield connection


def change_while(
    shop: Shop,
    other: psycopg.Connection[Any],
    table: str,
    path: str,
    body: dict[str, Any],
    said: dict[str, Any],
) -> Any:
    """Ask for a change while somebody else, who has not committed yet, sets the columns in `said`."""
    found = body_of(shop.ask("GET", path))
    columns = ", ".join(f"{name} = %s" for name in said)
    owner = next(name for name in ("name", "label", "url") if name in found)
    statement = f"UPDATE {table} SET {columns} WHERE account_id = %s AND {owner} = %s"
    assert other.execute(statement, [*said.values(), shop.account.pk, found[owner]]).rowcount == 1
    with ThreadPoolExecutor(1) as thread:
        asked = thread.submit(shop.ask, "PATCH", path, body)
        while not is_waited_for(other):
            assert not asked.done(), asked.result().body
        other.commit()
        return body_of(asked.result())


def is_waited_for(connection: psycopg.Connection[Any]) -> bool:
    question = (
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    )
    (count,) = connection.execute(question).fetchone() or (0,)
    return bool(count)


def test_a_batch_of_identities_is_locked_in_the_order_of_the_addresses(
    shop: Shop, other: psycopg.Connection[Any]
) -> None:
    for name in ("ann", "bob"):
        body_of(shop.ask("POST", f"{API}/contacts", {"email": f"{name}@mail.example"}), 201)
    hold = f"SELECT 1 FROM {Contact._meta.db_table} WHERE account_id = %s AND email = %s FOR UPDATE NOWAIT"
    other.execute(hold, [shop.account.pk, "ann@mail.example"])
    calls = [
        {"type": "identify", "userId": f"{name}@mail.example", "traits": {"name": name}}
        for name in ("bob", "ann")
    ]
    with ThreadPoolExecutor(1) as thread:
        asked = thread.submit(shop.ask, "POST", "/compat/segment/v1/batch", {"batch": calls})
        while not is_waited_for(other):
            assert not asked.done(), asked.result().body
        other.execute(hold, [shop.account.pk, "bob@mail.example"])
        other.commit()
        assert body_of(asked.result())["accepted"] == 2


def test_a_stream_keeps_what_another_changed(shop: Shop, other: psycopg.Connection[Any]) -> None:
    made = body_of(shop.ask("POST", f"{API}/streams", {"name": "Resets"}), 201)
    path = f"{API}/streams/{made['id']}"
    changed = change_while(shop, other, Stream._meta.db_table, path, {"body_days": 3}, {"log_days": 5})
    assert (changed["body_days"], changed["log_days"]) == (3, 5)


def test_a_topic_keeps_what_another_changed(shop: Shop, other: psycopg.Connection[Any]) -> None:
    made = body_of(shop.ask("POST", f"{API}/topics", {"name": "News"}), 201)
    path = f"{API}/topics/{made['id']}"
    table = Topic._meta.db_table
    changed = change_while(shop, other, table, path, {"description": "Weekly"}, {"is_public": False})
    assert (changed["description"], changed["is_public"]) == ("Weekly", False)


def test_an_attribute_keeps_what_another_changed(shop: Shop, other: psycopg.Connection[Any]) -> None:
    body = {"label": "Size", "type": "choice", "choices": ["S"]}
    made = body_of(shop.ask("POST", f"{API}/attributes", body), 201)
    path = f"{API}/attributes/{made['id']}"
    said = {"choices": '["S", "M"]'}
    changed = change_while(shop, other, Attribute._meta.db_table, path, {"label": "Shirt"}, said)
    assert (changed["label"], changed["choices"]) == ("Shirt", ["S", "M"])


@pytest.mark.promise("P7.2")
def test_a_webhook_does_not_get_back_the_fields_that_another_took_away(
    shop: Shop, other: psycopg.Connection[Any]
) -> None:
    body = {"url": "https://hooks.example/a", "events": ["*"], "fields": ["address"], "authorized": True}
    made = body_of(shop.ask("POST", f"{API}/webhooks", body), 201)
    path = f"{API}/webhooks/{made['id']}"
    table = WebhookEndpoint._meta.db_table
    changed = change_while(shop, other, table, path, {"description": "Shop"}, {"fields": []})
    assert (changed["description"], changed["fields"]) == ("Shop", [])
