"""Everything that conditions may ask of some contacts, as the records of `conditions.person`.

For scenarios and simulations, which ask one person many times; whole populations are asked by `compiling`. Run inside the scope of
the account. Numbers come as Decimal: what the database compares is exact.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from django.db import connections

from dynamail.accounts.models import Account
from dynamail.conditions.person import (
    ActivityRow,
    Context,
    EngagementRow,
    FeedbackRow,
    Launch,
    MessageRow,
    OwnEventRow,
    Person,
    SuppressionRow,
    TopicStanding,
)
from dynamail.lib.sql import load_sql
from dynamail.segments.cataloging import load_catalog

Row = TypeVar("Row")
Grouped = dict[UUID, list[tuple[Any, ...]]]


def load_people(account_id: int, ids: Sequence[UUID]) -> list[Person]:
    """In no particular order; ids without a contact are left out. A handful of statements, whatever the number of people."""
    topics = _select(account_id, ids, "select_standings")
    suppressions = _select(account_id, ids, "select_suppressions")
    engagement = _select(account_id, ids, "select_engagement")
    activity = _select(account_id, ids, "select_activity")
    messages = _select(account_id, ids, "select_messages")
    feedback = _select(account_id, ids, "select_feedback")
    events = _select(account_id, ids, "select_own_events")
    people = []
    for uid, rows in _select(account_id, ids, "select_people").items():
        email_key, created, name, language, zone, state, attributes, tags, kind, source, findings = rows[0]
        people.append(
            Person(
                id=uid,
                email_key=email_key,
                created_at=created,
                name=name,
                language=language,
                timezone=zone,
                state=state,
                attributes=_decode(attributes),
                tags=frozenset(tags),
                topics={topic: TopicStanding(*standing) for topic, *standing in topics[uid]},
                source_kind=kind,
                source_id=source,
                findings=findings,
                suppressions=tuple(SuppressionRow(*row) for row in suppressions[uid]),
                engagement=EngagementRow(*engagement[uid][0]) if engagement[uid] else EngagementRow(),
                activity=tuple(ActivityRow(*row) for row in activity[uid]),
                messages=tuple(MessageRow(*row) for row in messages[uid]),
                feedback=tuple(FeedbackRow(*row) for row in feedback[uid]),
                events=tuple(
                    OwnEventRow(event, name, at, _decode(text)) for event, name, at, text in events[uid]
                ),
            )
        )
    return people


def load_context(account_id: int, *, now: datetime, salt: str = "") -> Context:
    """What evaluating needs besides the people: the account's catalog, zone and launched campaigns."""
    zone = Account.objects.values_list("timezone", flat=True).get(pk=account_id)
    with connections["default"].cursor() as cursor:
        cursor.execute(load_sql("segments", "select_launches"), {"account_id": account_id})
        launches = tuple(Launch(*row) for row in cursor.fetchall())
    return Context(now=now, zone=zone, catalog=load_catalog(account_id), salt=salt, launches=launches)


def _select(account_id: int, ids: Sequence[UUID], name: str) -> Grouped:
    """Rows by the contact in their first column."""
    found: Grouped = defaultdict(list)
    with connections["default"].cursor() as cursor:
        cursor.execute(load_sql("segments", name), {"account_id": account_id, "ids": list(ids)})
        for uid, *row in cursor.fetchall():
            found[uid].append(tuple(row))
    return found


def _decode(text: str) -> dict[str, Any]:
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)
