"""Files of contacts that left. A file keeps its condition and columns, not its people: who was in it is not known (P7.1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dynamail.accounts.models import AuditEntry

EXPORTED = ("contacts.exported", "suppressions.exported")


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """Who asked for it, and which columns it had; none: all there were then. `is_narrowed`: not everybody was in it."""

    at: datetime
    by: str
    of_suppressions: bool
    columns: tuple[str, ...]
    is_narrowed: bool


def list_files(account_id: int, *, since: datetime | None, limit: int) -> list[ExportedFile]:
    """Of the audit log, the latest first; `since` is when the person was added."""
    rows = AuditEntry.objects.for_account(account_id).filter(action__in=EXPORTED)
    if since is not None:
        rows = rows.filter(at__gte=since)
    return [_tell(row) for row in rows.order_by("-id")[:limit]]


def _tell(row: AuditEntry) -> ExportedFile:
    data = row.data
    narrowed = any(data.get(name) for name in ("condition", "segment", "chosen", "filter"))
    columns = tuple(str(one) for one in data.get("columns") or ())
    return ExportedFile(row.at, row.actor_name, row.action == EXPORTED[1], columns, narrowed)
