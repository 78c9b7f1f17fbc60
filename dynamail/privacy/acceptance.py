"""The gate of P1.3: which policies in force has this user not accepted yet?"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from datetime import datetime

from django.db import connection, transaction

from dynamail.accounts.models import User
from dynamail.accounts.tenancy import account_scope
from dynamail.lib.asking import Ask, Told, run_inquiry
from dynamail.lib.sql import load_sql
from dynamail.privacy.models import PolicyAcceptance, PolicyDocument


def find_policy_in_force(kind: str, *, language: str, now: datetime) -> PolicyDocument | None:
    """The newest published version, in the language if there is one, else in English."""
    published = PolicyDocument.objects.filter(kind=kind, published_at__lte=now)
    newest = published.order_by("-version").values_list("version", flat=True).first()
    if newest is None:
        return None
    in_force = published.filter(version=newest)
    return in_force.filter(language=language).first() or in_force.order_by("language").first()


def find_unaccepted(user: User, *, now: datetime) -> list[PolicyDocument]:
    """Policies whose version in force the user has accepted in no language. Only the privacy policy gates the service."""
    document = find_policy_in_force(PolicyDocument.Kind.PRIVACY, language=user.language, now=now)
    if document is None:
        return []
    accepted = PolicyAcceptance.objects.filter(
        user=user, document__kind=document.kind, document__version=document.version
    ).exists()
    return [] if accepted else [document]


def has_accepted(account_id: int, *, now: datetime) -> bool:
    """The gate of P1.3 for programs: a member of the account has accepted the privacy policy in force."""

    def ask() -> Generator[Sequence[Ask], Sequence[Told], bool]:
        return read_acceptance((yield [ask_acceptance(account_id, now=now)])[0])

    with account_scope(account_id), connection.cursor() as cursor:
        return run_inquiry(ask(), cursor)


def ask_acceptance(account_id: int, *, now: datetime) -> Ask:
    """Like `has_accepted`, for a transaction that sees the rows of the account; `read_acceptance` reads the answer."""
    return Ask(load_sql("privacy", "find_acceptance"), {"account": account_id, "now": now})


def read_acceptance(told: Told) -> bool:
    return bool(told.rows[0][0])


@transaction.atomic
def accept_policy(
    user: User, document: PolicyDocument, *, language: str, now: datetime, method: str = "page"
) -> None:
    """Record the acceptance; accepting twice is once."""
    PolicyAcceptance.objects.get_or_create(
        user=user, document=document, defaults={"at": now, "language": language, "method": method}
    )


def find_last_accepted(user: User, *, kind: str) -> PolicyDocument | None:
    """The newest version that this user has accepted, in the language of that acceptance."""
    return (
        PolicyDocument.objects.filter(kind=kind, acceptances__user=user)
        .order_by("-version", "-acceptances__at")
        .first()
    )
