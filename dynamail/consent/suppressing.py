from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import connections, transaction
from django.db.models import Q

from dynamail.accounts.audit import Actor, record_audit
from dynamail.consent.address_hash import hash_address
from dynamail.consent.models import Suppression, SuppressionReason
from dynamail.events.kinds import EventKind
from dynamail.events.log import record_event

ALL, MARKETING, TRANSACTIONAL = "all", "marketing", "transactional"
MAX_DETAIL = 500  # characters


@transaction.atomic
def suppress_address(
    account_id: int,
    email_key: str,
    *,
    reason: SuppressionReason,
    now: datetime,
    scope: str = ALL,
    detail: str = "",
    source: tuple[str, str] = ("", ""),
    expires_at: datetime | None = None,
    by: Actor = None,
) -> bool:
    """Never mail this address again: everything (`all`), mail on topics and of marketing streams
    (`marketing`), or other mail (`transactional`). False when that stood already.

    The first reason stays: a complaint is not overwritten by a later bounce. With `expires_at` it ends by itself.
    """
    row = Suppression(
        account_id=account_id,
        address_hash=hash_address(account_id, email_key),
        scope=scope,
        email=email_key,
        reason=reason,
        detail=detail[:MAX_DETAIL],
        at=now,
        source_kind=source[0],
        source_id=source[1],
        expires_at=expires_at,
    )
    if not _insert_or_renew(row):
        return False
    contact_id = mirror_on_contact(account_id, email_key, scope, now)
    record_event(
        account_id,
        EventKind.CONTACT_SUPPRESSED,
        contact_id=contact_id,
        data={"reason": reason, "scope": scope},
        now=now,
    )
    if by is not None:
        record_audit(account_id, by=by, action="address.suppressed", reason=reason, scope=scope)
    return True


@transaction.atomic
def lift_suppression(
    account_id: int, email_key: str, *, now: datetime, scope: str = ALL, reason: str = "", by: Actor = None
) -> bool:
    """Allow mail again, as far as this suppression forbade it. False when there was none, or none for this reason."""
    rows = Suppression.objects.for_account(account_id).filter(
        address_hash=hash_address(account_id, email_key), scope=scope
    )
    deleted, _ = (rows.filter(reason=reason) if reason else rows).delete()
    if not deleted:
        return False
    if scope == ALL:
        with connections["default"].cursor() as cursor:
            cursor.execute(
                "UPDATE contact SET state = 'active', updated_at = %s "
                "WHERE account_id = %s AND email_key = %s AND state = 'suppressed'",
                [now, account_id, email_key],
            )
    if by is not None:
        record_audit(account_id, by=by, action="suppression.lifted", scope=scope, reason=reason)
    return True


def find_suppression(
    account_id: int, email_key: str, *, now: datetime, scopes: tuple[str, ...] = (ALL, MARKETING)
) -> Suppression | None:
    """The suppression in force for an address, the widest scope first."""
    return (
        Suppression.objects.for_account(account_id)
        .filter(address_hash=hash_address(account_id, email_key), scope__in=scopes)
        .filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now))
        .order_by("scope")  # "all" comes before "marketing"
        .first()
    )


def _insert_or_renew(row: Suppression) -> bool:
    """Insert; a suppression that ran out is replaced, one in force stays as it is."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "INSERT INTO suppression AS old (account_id, address_hash, scope, email, reason, detail, at, source_kind, source_id,"
            " expires_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (account_id, address_hash, scope) DO UPDATE SET"
            " email = excluded.email, reason = excluded.reason, detail = excluded.detail, at = excluded.at,"
            " source_kind = excluded.source_kind, source_id = excluded.source_id, expires_at = excluded.expires_at"
            " WHERE old.expires_at <= excluded.at",
            [
                row.account_id,
                bytes(row.address_hash),
                row.scope,
                row.email,
                row.reason,
                row.detail,
                row.at,
                row.source_kind,
                row.source_id,
                row.expires_at,
            ],
        )
        return cursor.rowcount == 1


def mirror_on_contact(account_id: int, email_key: str, scope: str, now: datetime) -> UUID | None:
    """Copy the state to the contact, where lists and the fan-out read it. By SQL: contacts are a layer above."""
    with connections["default"].cursor() as cursor:
        if scope == ALL:
            cursor.execute(
                "UPDATE contact SET state = 'suppressed', updated_at = %s "
                "WHERE account_id = %s AND email_key = %s AND state = 'active'",
                [now, account_id, email_key],
            )
        cursor.execute(
            "SELECT id FROM contact WHERE account_id = %s AND email_key = %s", [account_id, email_key]
        )
        found = cursor.fetchone()
    return found[0] if found else None
