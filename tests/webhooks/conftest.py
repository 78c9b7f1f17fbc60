from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from dynamail.accounts.models import Account, Member
from dynamail.events.models import Event
from dynamail.webhooks.endpoints import EndpointSettings, create_endpoint
from dynamail.webhooks.keys import Keys
from dynamail.webhooks.models import WebhookDelivery, WebhookEndpoint
from dynamail.webhooks.outcomes import Outcome, settle_jobs
from dynamail.webhooks.posters import run_job
from dynamail.webhooks.replaying import _read_event
from dynamail.webhooks.sending import claim_jobs
from dynamail.webhooks.spreading import make_deliveries
from tests.support.personas import NOW
from tests.support.webhook_sink import WebhookSink


@pytest.fixture
def sink(settings: Any) -> Iterator[WebhookSink]:
    with WebhookSink() as server:
        settings.EGRESS_ALLOWED = ((server.host, server.port),)
        yield server


def owner_of(account: Account) -> Member:
    return Member.objects.for_account(account).select_related("user").get(role="owner")


def make_endpoint(
    account: Account,
    url: str,
    *,
    kinds: tuple[str, ...] = ("*",),
    fields: tuple[str, ...] = (),
    authorized: bool = True,
) -> tuple[WebhookEndpoint, Keys]:
    chosen = EndpointSettings(url, kinds, fields)
    return create_endpoint(account.pk, chosen, authorized=authorized, by=owner_of(account), now=NOW)


def spread(account: Account, *event_ids: UUID, now: datetime = NOW) -> int:
    """What the reader of the log would do; in the transaction of a test it sees nothing."""
    rows = WebhookEndpoint.objects.for_account(account).filter(
        state="active", authorized_at__isnull=False, removed_at=None
    )
    events = Event.objects.for_account(account).filter(id__in=event_ids).order_by("id")
    return make_deliveries(account.pk, list(rows), [_read_event(row) for row in events], now=now)


def send_due(now: datetime, *, room: int = 50) -> int:
    """Claim, post and settle, one behind the other, without chance."""
    jobs = claim_jobs(now=now, room=room)
    for job in jobs:
        settle_jobs([Outcome(job, run_job(job))], now=now, chance=lambda: 0.0)
    return len(jobs)


def the_delivery(endpoint: WebhookEndpoint) -> WebhookDelivery:
    return WebhookDelivery.objects.for_account(endpoint.account_id).get(endpoint_id=endpoint.pk)
