"""Giving and withdrawing: the state of now and the record of how it came about, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connections, transaction
from django.db.models import Q

from dynamail.consent.models import ConsentRecord, Subscription
from dynamail.consent.proof import Proof
from dynamail.events.counters import count_for_source
from dynamail.events.kinds import EventKind
from dynamail.events.log import NewEvent, record_event, record_events
from dynamail.lib.ids import new_id
from dynamail.lib.sql import load_sql

Act = ConsentRecord.Act


@dataclass(frozen=True)
class ImportedConsent:
    """What an import's statement of consent came to, in contacts."""

    given: int
    already: int  # subscribed before
    left_alone: int  # they unsubscribed: an import never brings them back


@transaction.atomic
def give_consent(
    account_id: int,
    contact_id: UUID,
    topic_id: int,
    *,
    proof: Proof,
    now: datetime,
    allow_tracking: bool | None = None,
    act: str = Act.GIVEN,
) -> bool:
    """Subscribe a contact to a topic. False when the contact was subscribed already: then nothing is recorded.

    `allow_tracking`: the person's answer about individual tracking, None when they were not asked.
    """
    with connections["default"].cursor() as cursor:
        cursor.execute(
            load_sql("consent", "subscribe_contact"),
            [
                account_id,
                topic_id,
                contact_id,
                proof.basis,
                allow_tracking,
                now,
            ],
        )
        if not cursor.rowcount:
            return False
    _record(account_id, contact_id, topic_id, act, proof, now)
    _tell(account_id, EventKind.CONTACT_SUBSCRIBED, contact_id, topic_id, proof, now)
    return True


@transaction.atomic
def withdraw_consent(
    account_id: int, contact_id: UUID, topic_id: int, *, proof: Proof, now: datetime
) -> bool:
    """Unsubscribe a contact from a topic. False when that stood already: withdrawing twice is withdrawing once.

    Also recorded for a contact who never subscribed: a later import must not subscribe them.
    """
    with connections["default"].cursor() as cursor:
        cursor.execute(
            load_sql("consent", "unsubscribe_contact"), [account_id, topic_id, contact_id, proof.basis, now]
        )
        if not cursor.rowcount:
            return False
    _record(account_id, contact_id, topic_id, Act.WITHDRAWN, proof, now)
    _tell(account_id, EventKind.CONTACT_UNSUBSCRIBED, contact_id, topic_id, proof, now)
    if (source := _source_uuid(proof)) is not None:
        count_for_source(account_id, source, "unsubscribed", now=now)
    return True


@transaction.atomic
def withdraw_consents(
    account_id: int, contact_ids: Sequence[UUID], topic_id: int, *, proof: Proof, now: datetime
) -> int:
    """Like `withdraw_consent` for thousands in a few statements; returns for how many something changed."""
    with connections["default"].cursor() as cursor:
        contacts = sorted(set(contact_ids))  # locks in one order
        cursor.execute(
            load_sql("consent", "unsubscribe_contacts"), [account_id, topic_id, proof.basis, now, contacts]
        )
        left = [row[0] for row in cursor.fetchall()]
        _insert_records(cursor, account_id, left, topic_id, proof, now, act=Act.WITHDRAWN)
    data = {"topic_id": topic_id, "method": proof.method}
    kind, source = EventKind.CONTACT_UNSUBSCRIBED, _source_uuid(proof)
    events = (
        NewEvent(kind, contact_id, source_kind=proof.source_kind, source_id=source, data=data)
        for contact_id in left
    )
    record_events(account_id, events, now=now)
    return len(left)


@transaction.atomic
def choose_tracking(account_id: int, contact_id: UUID, *, allowed: bool, proof: Proof, now: datetime) -> bool:
    """Record whether the person allows that their opens and clicks are tied to them. False when nothing changed."""
    changed = list(
        Subscription.objects.for_account(account_id)
        .filter(contact_id=contact_id)
        .filter(Q(tracking_allowed__isnull=True) | ~Q(tracking_allowed=allowed))
        .values_list("topic_id", flat=True)
    )
    Subscription.objects.for_account(account_id).filter(contact_id=contact_id, topic_id__in=changed).update(
        tracking_allowed=allowed
    )
    act = Act.TRACKING_ALLOWED if allowed else Act.TRACKING_REFUSED
    for topic_id in changed:
        _record(account_id, contact_id, topic_id, act, proof, now)
    return bool(changed)


def import_consent(
    cursor: Any,
    account_id: int,
    contact_ids: Sequence[UUID],
    topic_id: int,
    *,
    proof: Proof,
    now: datetime,
) -> ImportedConsent:
    """State for thousands of contacts that they consented; two statements, in the caller's transaction.

    Somebody who unsubscribed stays unsubscribed. `proof.source_id` names the import. No event a contact: the import is one fact.
    """
    contacts = list(dict.fromkeys(contact_ids))
    cursor.execute(
        load_sql("consent", "subscribe_contacts"), [account_id, topic_id, proof.basis, now, contacts]
    )
    given = [row[0] for row in cursor.fetchall()]
    cursor.execute(
        "SELECT count(*) FROM subscription WHERE account_id = %s AND topic_id = %s AND contact_id = ANY(%s) "
        "AND state = 'unsubscribed'",
        [account_id, topic_id, contacts],
    )
    left_alone = cursor.fetchone()[0]
    _insert_records(cursor, account_id, given, topic_id, proof, now)
    return ImportedConsent(len(given), len(contacts) - len(given) - left_alone, left_alone)


def find_subscriptions(account_id: int, contact_id: UUID) -> dict[int, Subscription]:
    """Where a contact stands, by topic id; a topic without a row was never asked about."""
    rows = Subscription.objects.for_account(account_id).filter(contact_id=contact_id)
    return {row.topic_id: row for row in rows}


def find_consent_records(account_id: int, contact_id: UUID) -> list[ConsentRecord]:
    """The proof, newest first."""
    return list(
        ConsentRecord.objects.for_account(account_id).filter(contact_id=contact_id).order_by("-at", "-id")
    )


def count_subscribed(account_id: int) -> dict[int, int]:
    """Subscribed contacts by topic id."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT topic_id, count(*) FROM subscription WHERE account_id = %s AND state = 'subscribed' GROUP BY topic_id",
            [account_id],
        )
        return dict(cursor.fetchall())


def _record(account_id: int, contact_id: UUID, topic_id: int, act: str, proof: Proof, now: datetime) -> None:
    ConsentRecord.objects.add(
        account_id,
        id=new_id(now),
        contact_id=contact_id,
        topic_id=topic_id,
        act=act,
        basis=proof.basis,
        method=proof.method,
        text=proof.text,
        since=proof.since,
        at=now,
        source_kind=proof.source_kind,
        source_id=proof.source_id,
        actor=proof.actor,
        evidence=proof.evidence,
    )


def _insert_records(
    cursor: Any,
    account_id: int,
    contact_ids: Sequence[UUID],
    topic_id: int,
    proof: Proof,
    now: datetime,
    *,
    act: str = Act.IMPORTED,
) -> None:
    if contact_ids:
        values = (act, proof.basis, proof.method, proof.text, proof.since, now)
        origin = (proof.source_kind, proof.source_id, proof.actor, json.dumps(proof.evidence, default=str))
        ids = [new_id(now) for _ in contact_ids]
        cursor.execute(
            load_sql("consent", "insert_consent_records"),
            [account_id, topic_id, *values, *origin, ids, list(contact_ids)],
        )


def _tell(account_id: int, kind: str, contact_id: UUID, topic_id: int, proof: Proof, now: datetime) -> None:
    record_event(
        account_id,
        kind,
        contact_id=contact_id,
        source_kind=proof.source_kind,
        source_id=_source_uuid(proof),
        data={"topic_id": topic_id, "method": proof.method},
        now=now,
    )


def _source_uuid(proof: Proof) -> UUID | None:
    try:
        return UUID(proof.source_id)
    except ValueError:
        return None  # an import's public id, or none
