"""Suppressions as CSV, in the columns that an import reads back: nothing is lost on the way to another account or system."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from dynamail.accounts.tenancy import account_scope
from dynamail.consent.models import Suppression
from dynamail.consent.suppression_list import SuppressionFilter, list_suppressions
from dynamail.contacts.exporting import BOM, write_rows

BLOCK = 2_000
HEADERS = ("email", "reason", "scope", "since", "expires", "note")


def export_suppressions(account_id: int, wanted: SuppressionFilter, *, now: datetime) -> Iterator[str]:
    """The file in pieces, newest first, from short transactions. Who was erased has no address to write and is left out."""
    yield BOM
    yield from write_rows([HEADERS])
    after = ""
    while True:
        with account_scope(account_id):
            page = list_suppressions(account_id, wanted, now=now, after=after, size=BLOCK)
        yield "".join(write_rows(_write_row(row) for row in page.rows if not row.is_erased))
        if not page.after:
            return
        after = page.after


def _write_row(row: Suppression) -> list[str]:
    ends = _write_moment(row.expires_at) if row.expires_at else ""
    return [row.email, row.reason, row.scope, _write_moment(row.at), ends, row.detail]


def _write_moment(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
