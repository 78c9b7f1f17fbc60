"""What a reply means: for the delivery, for its endpoint, and for its owner."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce, Greatest

from dynamail.lib.ids import new_id
from dynamail.webhooks.endpoints import disable_endpoint
from dynamail.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from dynamail.webhooks.posting import Reply
from dynamail.webhooks.schedule import FAILING_FOR, Chance, find_next_attempt, read_retry_after
from dynamail.webhooks.sending import Claimed, Job
from dynamail.webhooks.telling import tell_owners

State = WebhookDelivery.State
FINAL = frozenset(("restricted", "erased", "gone"))  # no other attempt would go otherwise
SUCCESS_GRAIN = timedelta(minutes=1)  # a busy endpoint's row is written once a minute
UNSENT = frozenset(("restricted", "erased", "keys"))  # nothing left, so there was no attempt


@transaction.atomic
def settle_job(job: Job, reply: Reply, *, now: datetime, chance: Chance = random.random) -> bool:
    """Write down how it went. False when the claim was lost to another worker, whose outcome counts."""
    if reply.error not in UNSENT:
        _add_attempt(job.delivery, reply, now)
    wait = read_retry_after(reply.retry_after, now=now) if reply.retry_after else None
    values = _find_values(job, reply, wait, now, chance)
    if not _mine(job.delivery).update(**values):
        return False
    if not job.delivery.is_test and reply.error not in ("restricted", "erased"):
        _tell_endpoint(job.delivery, reply, wait, values["state"], now)
    return True


def _add_attempt(delivery: Claimed, reply: Reply, now: datetime) -> None:
    WebhookAttempt.objects.add(
        delivery.account_id,
        id=new_id(now),
        at=now,
        delivery_id=delivery.id,
        status=reply.status,
        ms=reply.ms,
        error=reply.error,
        answer=reply.answer,
    )


def _find_values(
    job: Job, reply: Reply, wait: timedelta | None, now: datetime, chance: Chance
) -> dict[str, Any]:
    attempts = job.delivery.attempts + 1
    values: dict[str, Any] = {
        "attempts": attempts,
        "claim": None,
        "status": reply.status,
        "ms": reply.ms,
        "error": reply.error,
        "answer": reply.answer,
        "next_at": None,
        "sent_fields": list(job.sent_fields),
    }
    if reply.is_success:
        return values | {"state": State.DELIVERED, "delivered_at": now}
    if job.delivery.is_test or reply.error in FINAL:
        return values | {"state": State.GIVEN_UP}
    next_at = find_next_attempt(attempts, now=now, wait=wait, chance=chance)
    return values | {"state": State.FAILED if next_at else State.GIVEN_UP, "next_at": next_at}


def _tell_endpoint(
    delivery: Claimed, reply: Reply, wait: timedelta | None, state: str, now: datetime
) -> None:
    rows = WebhookEndpoint.objects.for_account(delivery.account_id).filter(pk=delivery.endpoint_id)
    if reply.is_success:
        stale = Q(succeeded_at=None) | Q(succeeded_at__lt=now - SUCCESS_GRAIN)
        due = rows.filter(stale | Q(failing_since__isnull=False))
        due.update(failing_since=None, held_until=None, succeeded_at=now)
        return
    values: dict[str, Any] = {"failing_since": Coalesce(F("failing_since"), now)}
    if wait:
        values["held_until"] = Greatest(F("held_until"), now + wait)
    rows.update(**values)
    endpoint = rows.select_related("account").get()
    why = _find_reason_to_stop(endpoint, delivery, reply, state, now)
    if why and disable_endpoint(endpoint, why, now=now):
        tell_owners(endpoint, now=now)


def _find_reason_to_stop(
    endpoint: WebhookEndpoint, delivery: Claimed, reply: Reply, state: str, now: datetime
) -> str:
    """Gone at once; or nothing has succeeded for days, or since before a delivery came up whose last attempt failed too."""
    if reply.error == "gone":
        return "gone"
    since = endpoint.failing_since
    if since is None:
        return ""
    is_spent = state == State.GIVEN_UP and (
        endpoint.succeeded_at is None or endpoint.succeeded_at < delivery.created_at
    )
    return "failing" if is_spent or since <= now - FAILING_FOR else ""


def _mine(delivery: Claimed) -> QuerySet[WebhookDelivery]:
    rows = WebhookDelivery.objects.for_account(delivery.account_id)
    return rows.filter(id=delivery.id, claim=delivery.claim)
