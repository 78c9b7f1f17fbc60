"""A person who is erased: what they wrote goes in the same transaction, whether we knew them by their id or by From alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connections

from dynamail.lib.ids import to_public_id
from dynamail.lib.sql import load_sql


def erase_letters(account_id: int, contact_ids: Sequence[UUID], addresses: Sequence[str]) -> int:
    """Delete their letters, and clear what the log of events says about them; returns how many letters there were."""
    people: dict[str, Any] = {
        "account_id": account_id,
        "contact_ids": list(contact_ids),
        "addresses": list(filter(None, addresses)),
    }
    with connections["default"].cursor() as cursor:
        cursor.execute(load_sql("inbound", "delete_of_people"), people)
        ids = [row[0] for row in cursor.fetchall()]
        if ids:
            named: dict[str, Any] = {
                "account_id": account_id,
                "ids": ids,
                "public_ids": [to_public_id("rcv", one) for one in ids],
            }
            cursor.execute(load_sql("inbound", "clear_events"), named)
    return len(ids)
