from __future__ import annotations

from typing import Any

from dynamail.accounts.models import ApiKey, AuditEntry, Member, User
from dynamail.accounts.tenancy import PublicIdModel
from dynamail.lib.clock import utc_now

Actor = User | Member | ApiKey | None


def record_audit(account_id: int, *, by: Actor, action: str, subject: Any = None, **data: Any) -> AuditEntry:
    """Append who did what, in the caller's transaction. `data` holds plain values, never secrets or message content."""
    kind, actor_id, name = _describe(by)
    return AuditEntry.objects.add(
        account_id,
        at=utc_now(),
        action=action,
        actor_kind=kind,
        actor_id=actor_id,
        actor_name=name,
        subject_kind=subject._meta.db_table if subject is not None else "",
        subject_id=_subject_id(subject),
        data=data,
    )


def find_user(by: Actor) -> User | None:
    """The person who acts; none for a program or the service itself."""
    match by:
        case Member():
            return by.user
        case User():
            return by
    return None


def _describe(by: Actor) -> tuple[str, int | None, str]:
    match by:
        case None:
            return "system", None, ""
        case Member():
            return "user", by.user_id, str(by.user)
        case ApiKey():
            return "api_key", by.pk, by.name
        case User():
            return "user", by.pk, str(by)


def _subject_id(subject: Any) -> str:
    if subject is None:
        return ""
    return subject.public_id if isinstance(subject, PublicIdModel) else str(subject.pk)
