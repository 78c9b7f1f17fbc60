"""Reading the audit log: filters, and pages by key, the latest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any, Self

from django.db.models import QuerySet

from dynamail.accounts.models import AuditEntry

PAGE_LENGTH = 50
CHOICES_MAX = 200  # names offered in a filter


@dataclass(frozen=True)
class AuditFilter:
    """What of the log is wanted. Values that make no sense are left out, never an error."""

    action: str = ""
    actor: str = ""
    since: datetime | None = None
    until: datetime | None = None  # exclusive
    before: int | None = None  # the page's key: entries older than this one
    zone: tzinfo | None = None

    @classmethod
    def read(cls, query: Mapping[str, Any], *, zone: tzinfo) -> Self:
        """From a page's query; days are those of `zone`."""
        before = query.get("before", "")
        until = _read_day(query.get("until", ""), zone)
        return cls(
            action=str(query.get("action", ""))[:60].replace("\0", ""),
            actor=str(query.get("actor", ""))[:254].replace("\0", ""),
            since=_read_day(query.get("since", ""), zone),
            until=until + timedelta(days=1) if until else None,
            before=int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None,
            zone=zone,
        )

    def to_query(self) -> dict[str, str]:
        """The filter without its page, for links."""
        until = self.until - timedelta(days=1) if self.until else None
        pairs = {
            "action": self.action,
            "actor": self.actor,
            "since": self.since.date().isoformat() if self.since else "",
            "until": until.date().isoformat() if until else "",
        }
        return {name: value for name, value in pairs.items() if value}


@dataclass(frozen=True)
class AuditPage:
    entries: list[AuditEntry]
    next_before: str | None


def read_audit_log(account_id: int, wanted: AuditFilter) -> AuditPage:
    """One page, and the key of the next."""
    rows = list(_select(account_id, wanted)[: PAGE_LENGTH + 1])
    more = len(rows) > PAGE_LENGTH
    return AuditPage(rows[:PAGE_LENGTH], str(rows[PAGE_LENGTH - 1].pk) if more else None)


def list_actions(account_id: int) -> list[str]:
    """Every kind of act in the account's log."""
    rows = AuditEntry.objects.for_account(account_id).order_by("action").values_list("action", flat=True)
    return list(rows.distinct()[:CHOICES_MAX])


def list_actors(account_id: int) -> list[str]:
    """Everyone whose name is in the account's log."""
    rows = AuditEntry.objects.for_account(account_id).exclude(actor_name="").order_by("actor_name")
    return list(rows.values_list("actor_name", flat=True).distinct()[:CHOICES_MAX])


def _select(account_id: int, wanted: AuditFilter) -> QuerySet[AuditEntry]:
    rows = AuditEntry.objects.for_account(account_id).order_by("-pk")
    if wanted.action:
        rows = rows.filter(action=wanted.action)
    if wanted.actor:
        rows = rows.filter(actor_name=wanted.actor)
    if wanted.since:
        rows = rows.filter(at__gte=wanted.since)
    if wanted.until:
        rows = rows.filter(at__lt=wanted.until)
    return rows.filter(pk__lt=wanted.before) if wanted.before else rows


def _read_day(text: str, zone: tzinfo) -> datetime | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return datetime.combine(day, time(), zone) if date.min < day < date.max - timedelta(days=2) else None
