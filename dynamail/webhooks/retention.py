"""What has passed its time goes: deliveries after 30 days, what stays of them after 13 months, removed endpoints when nothing names them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connections
from django.db.models import Exists, OuterRef

from dynamail.lib.personal_data import RETENTION_DAYS, Retention
from dynamail.lib.sql import load_sql
from dynamail.webhooks.models import WebhookDelivery, WebhookDisclosure, WebhookEndpoint

BATCH = 2_000  # rows in a transaction: short locks


@dataclass(frozen=True, slots=True)
class Removed:
    """What one run did."""

    deliveries: int
    disclosures: int
    endpoints: int


def remove_old(*, now: datetime, batch: int = BATCH) -> Removed:
    """Enforce the periods. Safe to repeat and to interrupt."""
    return Removed(
        deliveries=_remove_deliveries(now, batch),
        disclosures=_remove_disclosures(now),
        endpoints=_remove_endpoints(),
    )


def _remove_deliveries(now: datetime, batch: int) -> int:
    before = now - timedelta(days=RETENTION_DAYS[Retention.MESSAGE_BODY] or 0)
    parameters: dict[str, Any] = {"before": before, "batch": batch}
    total = 0
    while True:
        with connections["default"].cursor() as cursor:
            cursor.execute(load_sql("webhooks", "fold_deliveries"), parameters)
            removed = cursor.rowcount
        total += removed
        if removed < batch:
            return total


def _remove_disclosures(now: datetime) -> int:
    before = now - timedelta(days=RETENTION_DAYS[Retention.MESSAGE_LOG] or 0)
    rows = WebhookDisclosure.objects.across_accounts(reason="retention of every account")
    return rows.filter(last_at__lt=before).delete()[0]


def _remove_endpoints() -> int:
    deliveries = WebhookDelivery.objects.across_accounts(reason="retention of every account")
    disclosures = WebhookDisclosure.objects.across_accounts(reason="retention of every account")
    rows = WebhookEndpoint.objects.across_accounts(reason="retention of every account")
    unnamed = (
        rows.filter(removed_at__isnull=False)
        .exclude(Exists(deliveries.filter(account_id=OuterRef("account_id"), endpoint_id=OuterRef("pk"))))
        .exclude(Exists(disclosures.filter(account_id=OuterRef("account_id"), endpoint_id=OuterRef("pk"))))
    )
    return unnamed.delete()[1].get(WebhookEndpoint._meta.label, 0)  # without their authorizations
