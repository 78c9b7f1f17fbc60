"""A person who is erased: what was said about them elsewhere cannot be called back, but our copy of it goes, and what waited is not sent."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from dynamail.events.kinds import EventKind
from dynamail.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookDisclosure

OPEN_STATES = (WebhookDelivery.State.WAITING, WebhookDelivery.State.FAILED)


def erase_deliveries(account_id: int, contact_ids: Collection[UUID]) -> int:
    """Empty payloads and answers about these people, in the caller's transaction; returns how many there were.

    The news of the deletion itself names nobody and stays: partners need it to delete their copies.
    """
    rows = WebhookDelivery.objects.for_account(account_id).filter(contact_id__in=list(contact_ids))
    rows = rows.exclude(kind=EventKind.CONTACT_DELETED)
    waiting = rows.filter(state__in=OPEN_STATES)
    waiting.update(state=WebhookDelivery.State.GIVEN_UP, error="erased", claim=None, next_at=None)
    ids = list(rows.exclude(payload=None, answer="").values_list("id", flat=True))
    WebhookAttempt.objects.for_account(account_id).filter(delivery_id__in=ids).update(answer="")
    emptied = rows.filter(id__in=ids).update(payload=None, answer="")
    WebhookDisclosure.objects.for_account(account_id).filter(contact_id__in=list(contact_ids)).delete()
    return emptied
