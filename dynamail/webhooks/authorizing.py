"""Authorizations of transfers: who agreed to what, in which words, and until when. Each is a row of its own, and none is changed but ended (P7.1)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dynamail.accounts.audit import Actor
from dynamail.accounts.models import ApiKey, Member, User
from dynamail.webhooks.errors import WebhookError
from dynamail.webhooks.kinds import ALL, KINDS, FieldGroup
from dynamail.webhooks.models import WebhookAuthorization, WebhookEndpoint

STATEMENT = gettext_lazy(
    "We authorize DynaMail to hand the chosen events and fields to this address. We are responsible for the agreement with whoever "
    "runs it, and for telling the people concerned."
)
NOT_AUTHORIZED: dict[str, Any] = {
    "authorized_by": None,
    "authorized_name": "",
    "authorized_at": None,
    "authorized_text": "",
    "authorization_id": None,
}  # of an endpoint


class Transfer(Protocol):
    """What is agreed to."""

    @property
    def url(self) -> str: ...
    @property
    def kinds(self) -> tuple[str, ...]: ...
    @property
    def fields(self) -> tuple[str, ...]: ...


def authorize(endpoint: WebhookEndpoint, chosen: Transfer, *, by: Actor, now: datetime) -> dict[str, Any]:
    """Note it; the one before it ends. Returns what the endpoint says of it from now on."""
    end_authorization(endpoint, WebhookAuthorization.End.REPLACED, by=by, now=now)
    user, name = _describe(by)
    row = WebhookAuthorization.objects.add(
        endpoint.account_id,
        endpoint=endpoint,
        created_at=now,
        url=chosen.url,
        kinds=sort_kinds(chosen.kinds),
        fields=sorted(set(chosen.fields)),
        text=write_authorization(chosen),
        by=user,
        name=name,
    )
    return {
        "authorized_by": user,
        "authorized_name": name,
        "authorized_at": now,
        "authorized_text": row.text,
        "authorization_id": row.pk,
    }


def end_authorization(endpoint: WebhookEndpoint, end: str, *, by: Actor, now: datetime) -> None:
    """The present one, if there is one."""
    rows = WebhookAuthorization.objects.for_account(endpoint.account_id).filter(endpoint=endpoint)
    rows.filter(ended_at=None).update(ended_at=now, ended_name=_describe(by)[1], end=end)


def list_authorizations(
    endpoint: WebhookEndpoint, *, before: UUID | None = None, limit: int
) -> list[WebhookAuthorization]:
    """The latest first; `before` is the uid of the last one seen."""
    rows = WebhookAuthorization.objects.for_account(endpoint.account_id).filter(endpoint=endpoint)
    if before is not None:
        rows = rows.filter(pk__lt=rows.filter(uid=before).values("pk"))
    return list(rows.order_by("-pk")[:limit])


def write_authorization(chosen: Transfer) -> str:
    """What is agreed to, in the words of the page, with what it is about."""
    labels = [str(FieldGroup(one).label) for one in chosen.fields]
    kinds = _("all events") if ALL in chosen.kinds else ", ".join(chosen.kinds)
    return "\n".join(
        [
            str(STATEMENT),
            f"{_('Address')}: {chosen.url}",
            f"{_('Events')}: {kinds}",
            f"{_('Besides ids and codes')}: {', '.join(labels) or '—'}",
        ]
    )


def sort_kinds(kinds: Collection[str]) -> list[str]:
    return [ALL] if ALL in kinds else [kind for kind in KINDS if kind in kinds]


def _describe(by: Actor) -> tuple[User | None, str]:
    match by:
        case Member():
            return by.user, str(by.user)
        case User():
            return by, str(by)
        case ApiKey():
            return by.created_by, by.name
    raise WebhookError("not_authorized", _("A transfer is authorized by a person or a key of theirs."))
