"""Contacts of before: what their addresses look like by the lists of today. No DNS."""

from __future__ import annotations

from uuid import UUID

from django.db import connections

from dynamail.accounts.tenancy import account_scope
from dynamail.contacts.address_checks import ASKED, check_key
from dynamail.contacts.models import Contact
from dynamail.lib.sql import load_sql

BLOCK = 5_000


def refresh_findings(account_id: int) -> int:
    """Check every contact of an account anew, block by block; returns how many marks changed."""
    changed = 0
    after: UUID | None = None
    while True:
        with account_scope(account_id):
            rows = Contact.objects.for_account(account_id).order_by("id")
            if after is not None:
                rows = rows.filter(id__gt=after)
            block = list(rows.values_list("id", "email_key", "findings")[:BLOCK])
            changed += _write_block(account_id, block)
        if len(block) < BLOCK:
            return changed
        after = block[-1][0]


def _write_block(account_id: int, block: list[tuple[UUID, str, int]]) -> int:
    fresh = [(contact_id, check_key(key), findings & ~ASKED) for contact_id, key, findings in block]
    differing = [(contact_id, now) for contact_id, now, before in fresh if now != before]
    if not differing:
        return 0
    ids, findings = map(list, zip(*differing, strict=True))
    with connections["default"].cursor() as cursor:
        cursor.execute(
            load_sql("contacts", "refresh_findings"),
            {"account": account_id, "ids": ids, "findings": findings, "asked": ASKED},
        )
        return int(cursor.rowcount)
