"""How much stands behind the names that the builder offers: contacts with a value, contacts with a tag, events of a name.

Exact for small accounts; beyond that a stable share is looked at and scaled, so that opening the builder costs the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connections

from dynamail.lib.sql import load_sql

LOOKED_AT = 10_000  # contacts; in smaller accounts every one of them
WHOLE = 1_000  # values of contact.sample
EVENTS_COUNTED = 10_000  # of one name, exactly; beyond it the planner's estimate

_COUNT_EVENTS = "SELECT count(*) FROM (SELECT FROM custom_event WHERE account_id = %s AND name_id = %s LIMIT %s) AS counted"
_PLAN_EVENTS = "EXPLAIN (FORMAT JSON) SELECT FROM custom_event WHERE account_id = %s AND name_id = %s"


@dataclass(frozen=True, slots=True)
class ContactCounts:
    """Contacts by attribute number and by tag id."""

    filled: Mapping[int, int]
    tagged: Mapping[int, int]


def count_contacts_behind(account_id: int) -> ContactCounts:
    """How many contacts have which attributes and tags."""
    share = _choose_share(account_id)
    counts: dict[str, dict[int, int]] = {"attribute": {}, "tag": {}}
    with connections["default"].cursor() as cursor:
        cursor.execute(load_sql("segments", "count_catalog"), {"account_id": account_id, "share": share})
        for kind, number, contacts in cursor.fetchall():
            counts[kind][number] = contacts if share == WHOLE else round_sampled(contacts * WHOLE / share)
    return ContactCounts(counts["attribute"], counts["tag"])


def round_sampled(number: float) -> int:
    """To two digits: a share of the contacts says no more, and 1,009,578 of a million contacts would look wrong."""
    return int(float(f"{number:.1e}"))


def count_events(account_id: int, name_ids: Iterable[int]) -> dict[int, int]:
    """How many own events of these names there are."""
    return {name_id: _count_events(account_id, name_id) for name_id in name_ids}


def _choose_share(account_id: int) -> int:
    """Thousandths of the contacts that make up about LOOKED_AT."""
    limited = "SELECT count(*) FROM (SELECT FROM contact WHERE account_id = %s LIMIT %s) AS counted"
    sampled = "SELECT count(*) FROM contact WHERE account_id = %s AND sample < %s"
    if _ask(limited, account_id, LOOKED_AT + 1) <= LOOKED_AT:
        return WHOLE
    total = _ask(sampled, account_id, 10) * 100 or LOOKED_AT
    return max(1, min(WHOLE, LOOKED_AT * WHOLE // total))


def _count_events(account_id: int, name_id: int) -> int:
    counted = _ask(_COUNT_EVENTS, account_id, name_id, EVENTS_COUNTED + 1)
    if counted <= EVENTS_COUNTED:
        return int(counted)
    plan = _ask(_PLAN_EVENTS, account_id, name_id)
    plan = json.loads(plan) if isinstance(plan, str) else plan
    return max(counted, int(plan[0]["Plan"]["Plan Rows"]))


def _ask(statement: str, *parameters: Any) -> Any:
    with connections["default"].cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchone()[0]
