"""What a reply means: for the delivery, for its endpoint, and for its owner."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connections, transaction
from django.db.models import F
from django.db.models.functions import Coalesce, Greatest

from dynamail.lib.ids import new_id
from dynamail.lib.sql import load_sql
from dynamail.webhooks.endpoints import disable_endpoint
from dynamail.webhooks.models import WebhookDelivery, WebhookEndpoint
from dynamail.webhooks.posting import Reply
from dynamail.webhooks.schedule import FAILING_FOR, Chance, find_next_attempt, read_retry_after
from dynamail.webhooks.sending import Claimed, Job
from dynamail.webhooks.telling import tell_owners

State = WebhookDelivery.State
FINAL = frozenset(("restricted", "erased", "gone"))  # no other attempt would go otherwise
SUCCESS_GRAIN = timedelta(minutes=1)  # a busy endpoint's row is written once a minute
UNSENT = frozenset(("restricted", "erased", "keys"))  # nothing left, so there was no attempt
# The connection itself failed, so nothing left in an attempt; what ended behind that may have arrived.
NOT_SENT = frozenset(("url", "port", "name", "address", "tls"))


@dataclass(frozen=True, slots=True)
class Outcome:
    """A job and what came of it."""

    job: Job
    reply: Reply


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What an outcome means for its delivery. `wait` is what the receiver asked for."""

    delivery: Claimed
    reply: Reply
    state: str
    next_at: datetime | None
    wait: timedelta | None

    @property
    def is_about_endpoint(self) -> bool:
        return not self.delivery.is_test and self.reply.error not in ("restricted", "erased")


@transaction.atomic
def settle_jobs(
    outcomes: Sequence[Outcome], *, now: datetime, chance: Chance = random.random
) -> set[tuple[int, UUID]]:
    """Write down how they went, in one statement, and what follows where something failed. Returns account and id of those that were settled:
    of a claim that was lost to another worker, that one's outcome counts.
    """
    verdicts = [_judge(one, now, chance) for one in outcomes]
    rows = [_write(verdict, one.job, now) for verdict, one in zip(verdicts, outcomes, strict=True)]
    parameters: dict[str, Any] = {
        "outcomes": json.dumps(rows),
        "now": now,
        "stale_before": now - SUCCESS_GRAIN,
        "not_sent": sorted(NOT_SENT),
    }
    with connections["default"].cursor() as cursor:
        cursor.execute(load_sql("webhooks", "settle_deliveries"), parameters)
        settled = set(cursor.fetchall())
    failed: dict[int, list[_Verdict]] = defaultdict(list)
    for verdict in verdicts:
        delivery = verdict.delivery
        is_ours = (delivery.account_id, delivery.id) in settled
        if is_ours and verdict.is_about_endpoint and not verdict.reply.is_success:
            failed[delivery.endpoint_id].append(verdict)
    for endpoint_id in sorted(failed):
        _note_failures(endpoint_id, failed[endpoint_id], now)
    return settled


def _judge(outcome: Outcome, now: datetime, chance: Chance) -> _Verdict:
    delivery, reply = outcome.job.delivery, outcome.reply
    wait = read_retry_after(reply.retry_after, now=now) if reply.retry_after else None
    if reply.is_success:
        return _Verdict(delivery, reply, State.DELIVERED, None, wait)
    if delivery.is_test or reply.error in FINAL:
        return _Verdict(delivery, reply, State.GIVEN_UP, None, wait)
    next_at = find_next_attempt(delivery.attempts + 1, now=now, wait=wait, chance=chance)
    return _Verdict(delivery, reply, State.FAILED if next_at else State.GIVEN_UP, next_at, wait)


def _write(verdict: _Verdict, job: Job, now: datetime) -> dict[str, Any]:
    """A row as `settle_deliveries.sql` reads it."""
    delivery, reply = verdict.delivery, verdict.reply
    return {
        "account_id": delivery.account_id,
        "id": str(delivery.id),
        "claim": str(delivery.claim),
        "attempt_id": None if reply.error in UNSENT else str(new_id(now)),
        "state": verdict.state,
        "attempts": delivery.attempts + 1,
        "next_at": verdict.next_at.isoformat() if verdict.next_at else None,
        "status": reply.status,
        "ms": reply.ms,
        "error": reply.error,
        "answer": reply.answer,
        "sent_fields": list(job.sent_fields),
        "authorization_id": job.authorization_id,
        "person_id": str(delivery.person_id) if delivery.person_id and reply.error not in NOT_SENT else None,
        "is_well": verdict.is_about_endpoint and reply.is_success,
    }


def _note_failures(endpoint_id: int, failed: Sequence[_Verdict], now: datetime) -> None:
    """What failed at one endpoint."""
    rows = WebhookEndpoint.objects.for_account(failed[0].delivery.account_id).filter(pk=endpoint_id)
    values: dict[str, Any] = {"failing_since": Coalesce(F("failing_since"), now)}
    if waits := [one.wait for one in failed if one.wait]:
        values["held_until"] = Greatest(F("held_until"), now + max(waits))
    rows.update(**values)
    endpoint = rows.select_related("account").get()
    reasons = [_find_reason_to_stop(endpoint, one.delivery, one.reply, one.state, now) for one in failed]
    why = next(filter(None, reasons), "")
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
