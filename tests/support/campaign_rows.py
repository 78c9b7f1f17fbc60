"""A launched campaign, put into a database by plain SQL: for drills and benchmarks that care about its delivery alone."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg

from dynamail.lib.ids import derived_id, new_id
from dynamail.lib.sql import load_sql
from dynamail.messages.freezing import CHUNK_SIZE, FrozenSender, FrozenSettings, FrozenSource
from dynamail.messages.shards import find_shard

Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class LaunchedCampaign:
    """What a drill asks about afterwards."""

    account_id: int
    source_id: UUID
    topic_id: int
    launched_at: datetime
    contact_ids: list[UUID]

    def message_id(self, contact_id: UUID) -> UUID:
        return derived_id(self.launched_at, self.source_id, contact_id)


def add_account(
    connection: Connection, now: datetime, *, relay_port: int | None = None, relay_connections: int = 10
) -> int:
    """An account; with a port, its mail goes to a relay on loopback in the clear."""
    account_id = _insert(
        connection,
        "account",
        uid=new_id(now),
        created_at=now,
        name="Roastery",
        postal_address="Main street 1, Grodno",
        website="",
        timezone="UTC",
        language="en",
        state="active",
        tracking="individual",
        from_name="",
    )
    if relay_port is not None:
        add_relay(connection, account_id, relay_port, now, connections=relay_connections)
    return account_id


def add_relay(
    connection: Connection,
    account_id: int,
    port: int,
    now: datetime,
    *,
    connections: int = 10,
    rate: int | None = None,
    kind: str = "smtp",
    is_default: bool = True,
) -> int:
    return _insert(
        connection,
        "transport",
        uid=new_id(now),
        created_at=now,
        account_id=account_id,
        name="Relay",
        kind=kind,
        host="127.0.0.1",
        port=port,
        security="none",
        verify_certificate=False,
        username="",
        connections=connections,
        rate_per_second=rate,
        is_default=is_default,
        is_enabled=True,
        provider="",
        helo_name="",
        warmup_plan="[]",
        check_result="{}",
    )


def add_contacts(
    connection: Connection, account_id: int, topic_id: int, emails: list[str], now: datetime
) -> list[UUID]:
    """Subscribed contacts with names and attributes, by COPY."""
    ids = sorted(new_id(now) for _ in emails)
    attributes = {name: number for number, name in enumerate(("city", "card", "points"), start=1)}
    for name, number in attributes.items():
        _add_attribute(connection, account_id, number, name, now)
    with connection.cursor().copy(
        "COPY contact (account_id, id, email, email_key, name, attributes, tags, state, language, timezone, lane, sample, source_kind,"
        " source_id, source_label, created_at, updated_at) FROM STDIN"
    ) as copy:
        for number, (contact_id, email) in enumerate(zip(ids, emails, strict=True)):
            values = {
                attributes["city"]: "Grodno",
                attributes["card"]: f"{number:08d}",
                attributes["points"]: number,
            }
            copy.write_row(
                (account_id, contact_id, email, email.lower(), f"Person {number}", json.dumps(values), "{}", "active", "", "", 0, 0,
                 "demo", "", "", now, now)
            )  # fmt: skip
    with connection.cursor().copy(
        "COPY subscription (account_id, topic_id, contact_id, state, basis, tracking_allowed, changed_at) FROM STDIN"
    ) as copy:
        for contact_id in ids:
            copy.write_row((account_id, topic_id, contact_id, "subscribed", "consent", True, now))
    connection.execute("ANALYZE contact, subscription")
    return ids


def add_topic(connection: Connection, account_id: int, now: datetime, *, name: str = "Product news") -> int:
    return _insert(
        connection,
        "topic",
        uid=new_id(now),
        created_at=now,
        account_id=account_id,
        name=name,
        description="",
        is_public=True,
        tracking="individual",
        position=0,
    )


def launch(
    connection: Connection,
    account_id: int,
    topic_id: int,
    contact_ids: list[UUID],
    now: datetime,
    *,
    source: FrozenSource,
    settings: FrozenSettings,
    chunk_size: int = CHUNK_SIZE,
) -> LaunchedCampaign:
    """Everybody of the topic, frozen by the product's own statement."""
    source_id = new_id(now)
    _insert(
        connection,
        "campaign",
        uid=source_id,
        created_at=now,
        account_id=account_id,
        name="November",
        state="running",
        topic_id=topic_id,
        include_tags="{}",
        exclude_tags="{}",
        subject=source.subject,
        preheader="",
        kind=source.kind,
        body=source.body,
        text="",
        utm="{}",
        version=1,
        launched_at=now,
        updated_at=now,
        frozen=len(contact_ids),
        problem="",
    )
    _insert(
        connection,
        "frozen_content",
        returning="account_id",
        account_id=account_id,
        id=source_id,
        kind=source.kind,
        source=json.dumps({"subject": source.subject, "preheader": "", "body": source.body, "text": ""}),
        sender=json.dumps(asdict(FrozenSender("news@roastery.example", "The Roastery"))),
        settings=json.dumps(asdict(settings)),
        created_at=now,
    )
    statement = load_sql("messages", "freeze_audience").replace(
        "/* select_audience */", load_sql("messages", "select_audience")
    )
    connection.execute(
        statement,  # type: ignore[arg-type]  # two files of our own
        {
            "account_id": account_id,
            "topic_id": topic_id,
            "include_tags": [],
            "exclude_tags": [],
            "now": now,
            "shard": find_shard(account_id),
            "source_id": source_id,
            "priority": 2,
            "base": 0.0,
            "chunk_size": chunk_size,
        },
    )
    return LaunchedCampaign(account_id, source_id, topic_id, now, contact_ids)


def _add_attribute(connection: Connection, account_id: int, number: int, key: str, now: datetime) -> None:
    _insert(
        connection,
        "attribute",
        uid=new_id(now),
        created_at=now,
        account_id=account_id,
        number=number,
        key=key,
        label=key.title(),
        type="text",
        choices="[]",
        position=0,
    )


def _insert(connection: Connection, table: str, *, returning: str = "id", **values: Any) -> Any:
    columns = ", ".join(f'"{column}"' for column in values)
    places = ", ".join(f"%({column})s" for column in values)
    statement = f'INSERT INTO "{table}" ({columns}) VALUES ({places}) RETURNING {returning}'
    row = connection.execute(statement, values).fetchone()  # type: ignore[arg-type]  # names of our own tables
    assert row is not None
    return row[0]
