"""What became of deliveries, for pages and the API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, QuerySet

from dynamail.lib.ids import UnknownId, from_public_id
from dynamail.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Empty is all of them."""

    state: str = ""
    kind: str = ""


def list_deliveries(
    endpoint: WebhookEndpoint,
    wanted: DeliveryFilter | None = None,
    *,
    before: UUID | None = None,
    limit: int,
) -> list[WebhookDelivery]:
    """The latest first, without their answers and payloads; `before` is the id of the last one seen."""
    wanted = wanted or DeliveryFilter()
    rows = _rows(endpoint)
    if wanted.state:
        rows = rows.filter(state=wanted.state)
    if wanted.kind:
        rows = rows.filter(kind=wanted.kind)
    if before is not None:
        rows = rows.filter(id__lt=before)
    return list(rows.defer("payload").order_by("-id")[:limit])


def find_delivery(endpoint: WebhookEndpoint, public_id: str) -> WebhookDelivery | None:
    try:
        return _rows(endpoint).filter(id=from_public_id("whd", public_id)).first()
    except UnknownId:
        return None


def list_attempts(delivery: WebhookDelivery) -> list[WebhookAttempt]:
    """The first one first, over all rounds."""
    rows = WebhookAttempt.objects.for_account(delivery.account_id).filter(delivery_id=delivery.id)
    return list(rows.order_by("id"))


def count_waiting(endpoints: Sequence[WebhookEndpoint]) -> dict[int, int]:
    """By endpoint: deliveries that are still to succeed."""
    if not endpoints:
        return {}
    rows = WebhookDelivery.objects.for_account(endpoints[0].account_id).filter(
        endpoint_id__in=[one.pk for one in endpoints],
        state__in=[WebhookDelivery.State.WAITING, WebhookDelivery.State.FAILED],
    )
    return dict(rows.values_list("endpoint_id").annotate(n=Count("id")))


def _rows(endpoint: WebhookEndpoint) -> QuerySet[WebhookDelivery]:
    return WebhookDelivery.objects.for_account(endpoint.account_id).filter(endpoint_id=endpoint.pk)
