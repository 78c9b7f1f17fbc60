"""What the API answers about webhooks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from dynamail.lib.sealing import CannotOpen
from dynamail.webhooks.keys import Keys, open_keys
from dynamail.webhooks.models import WebhookAttempt, WebhookAuthorization, WebhookDelivery, WebhookEndpoint


class AuthorizationBody(msgspec.Struct, frozen=True):
    """Who allowed the transfer, when, and in which words."""

    by: str
    at: datetime
    text: str


class WebhookAuthorizationBody(AuthorizationBody, frozen=True, kw_only=True):
    """One of those that were ever given. `end` is empty while it holds, else withdrawn, replaced (by the next one) or removed (with the webhook)."""

    id: str
    url: str
    events: list[str]
    fields: list[str]
    end: str
    ended_at: datetime | None
    ended_by: str


class WebhookBody(msgspec.Struct, frozen=True):
    """One webhook. `authorization` is null while nothing may be sent; `reason` says why it was switched off."""

    id: str
    url: str
    description: str
    events: list[str]
    fields: list[str]
    state: str
    reason: str
    authorization: AuthorizationBody | None
    public_key: str
    version: str
    failing_since: datetime | None
    last_success_at: datetime | None
    old_keys_until: datetime | None
    created_at: datetime


class NewWebhookBody(WebhookBody, frozen=True, kw_only=True):
    """With the secret, which is shown this once."""

    secret: str


class WebhookDeliveryBody(msgspec.Struct, frozen=True):
    """One event for one webhook. `message_id` is the `webhook-id` of every attempt."""

    id: str
    message_id: str
    event: str
    state: str
    attempts: int
    status: int | None
    error: str
    duration_ms: int
    created_at: datetime
    delivered_at: datetime | None
    next_attempt_at: datetime | None


class WebhookAttemptBody(msgspec.Struct, frozen=True):
    at: datetime
    status: int | None
    error: str
    duration_ms: int
    answer: str


class WebhookDeliveryDetailBody(WebhookDeliveryBody, frozen=True, kw_only=True):
    """`payload` is null when the person it was about was erased."""

    payload: Any
    log: list[WebhookAttemptBody]


class WebhookReplayBody(msgspec.Struct, frozen=True):
    """It goes on in the background: `GET /api/v1/work/{id}` says how far it is and how it ended."""

    work: str


# ── From rows ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def describe_webhook(row: WebhookEndpoint) -> WebhookBody:
    authorization = None
    if row.authorized_at is not None:
        authorization = AuthorizationBody(row.authorized_name, row.authorized_at, row.authorized_text)
    return WebhookBody(
        id=row.public_id,
        url=row.url,
        description=row.description,
        events=list(row.kinds),
        fields=list(row.fields),
        state=row.state,
        reason=row.why,
        authorization=authorization,
        public_key=_find_public_key(row),
        version=row.version,
        failing_since=row.failing_since,
        last_success_at=row.succeeded_at,
        old_keys_until=row.old_keys_until,
        created_at=row.created_at,
    )


def describe_authorization(row: WebhookAuthorization) -> WebhookAuthorizationBody:
    return WebhookAuthorizationBody(
        row.name,
        row.created_at,
        row.text,
        id=row.public_id,
        url=row.url,
        events=list(row.kinds),
        fields=list(row.fields),
        end=row.end,
        ended_at=row.ended_at,
        ended_by=row.ended_name,
    )


def _find_public_key(row: WebhookEndpoint) -> str:
    try:
        return open_keys(row).public_key
    except CannotOpen:
        return ""


def describe_new(row: WebhookEndpoint, keys: Keys) -> NewWebhookBody:
    return NewWebhookBody(**msgspec.structs.asdict(describe_webhook(row)), secret=keys.secret)


def describe_delivery(row: WebhookDelivery) -> WebhookDeliveryBody:
    return WebhookDeliveryBody(
        id=row.public_id,
        message_id=row.message_id,
        event=row.kind,
        state=row.state,
        attempts=row.attempts,
        status=row.status or None,
        error=row.error,
        duration_ms=row.ms,
        created_at=row.created_at,
        delivered_at=row.delivered_at,
        next_attempt_at=None if row.is_over else row.next_at,
    )


def describe_attempt(row: WebhookAttempt) -> WebhookAttemptBody:
    return WebhookAttemptBody(row.at, row.status or None, row.error, row.ms, row.answer)
