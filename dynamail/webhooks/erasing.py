"""A person who is erased: what was said about them elsewhere cannot be called back, but our copy of it goes, and what waited is not sent."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.apps import apps

from dynamail.events.kinds import EventKind


def erase_deliveries(account_id: int, contact_ids: Collection[UUID]) -> int:
    """Empty payloads and answers about these people, in the caller's transaction; returns how many there were.

    The news of the deletion itself names nobody and stays: partners need it to delete their copies.
    """
    # By their names: these tables themselves call this when a person is erased.
    deliveries, attempts, disclosures = (
        apps.get_model("webhooks", name)
        for name in ("WebhookDelivery", "WebhookAttempt", "WebhookDisclosure")
    )
    rows = deliveries.objects.for_account(account_id).filter(contact_id__in=list(contact_ids))
    rows = rows.exclude(kind=EventKind.CONTACT_DELETED)
    waiting = rows.filter(state__in=(deliveries.State.WAITING, deliveries.State.FAILED))
    waiting.update(state=deliveries.State.GIVEN_UP, error="erased", claim=None, next_at=None)
    ids = list(rows.exclude(payload=None, answer="").values_list("id", flat=True))
    attempts.objects.for_account(account_id).filter(delivery_id__in=ids).update(answer="")
    emptied = rows.filter(id__in=ids).update(payload=None, answer="")
    disclosures.objects.for_account(account_id).filter(contact_id__in=list(contact_ids)).delete()
    return emptied
