"""Contacts with standing consent, made in bulk by SQL: tests of the fan-out need many and care for few of their columns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connections

from dynamail.accounts.models import Account
from dynamail.consent.models import Topic
from dynamail.lib.ids import new_id
from tests.support.personas import NOW


@dataclass(frozen=True)
class Audience:
    """A topic and those who subscribed to it, in the order of their ids."""

    account_id: int
    topic: Topic
    contact_ids: list[UUID]


def make_audience(
    account: Account,
    emails: list[str],
    *,
    name: str = "",
    attributes: str = "{}",
    tags: str = "{}",
    now: datetime = NOW,
) -> Audience:
    """One subscribed contact for each address."""
    topic = Topic.objects.add(account, name=f"Product news {new_id()}")
    ids = sorted(new_id(now) for _ in emails)
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "INSERT INTO contact (account_id, id, email, email_key, name, attributes, tags, state, language, timezone, lane, sample,"
            " source_kind, source_id, source_label, created_at, updated_at)"
            " SELECT %s, person.id, person.email, lower(person.email), %s, %s::jsonb, %s::bigint[], 'active', '', '', 0, 0, 'form', '', '',"
            " %s, %s FROM unnest(%s::uuid[], %s::text[]) AS person (id, email)",
            [account.pk, name, attributes, tags, now, now, ids, emails],
        )
        cursor.execute(
            "INSERT INTO subscription (account_id, topic_id, contact_id, state, basis, tracking_allowed, changed_at)"
            " SELECT %s, %s, unnest(%s::uuid[]), 'subscribed', 'consent', true, %s",
            [account.pk, topic.pk, ids, now],
        )
    return Audience(account.pk, topic, ids)


def make_addresses(count: int) -> list[str]:
    return [f"person{number}@example.com" for number in range(count)]


def set_contact(account: Account, contact_id: UUID, column: str, value: object) -> None:
    """Change one column of one contact."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            f'UPDATE contact SET "{column}" = %s WHERE account_id = %s AND id = %s',
            [value, account.pk, contact_id],
        )
