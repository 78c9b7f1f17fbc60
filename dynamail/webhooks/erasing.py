"""A person who is erased: what was said about them elsewhere cannot be called back, but our copy of it goes, and what waited is not sent."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.apps import apps
from django.db.models import Q

from dynamail.events.kinds import EventKind
from dynamail.webhooks.persons import identify_address


def erase_deliveries(account_id: int, contact_ids: Collection[UUID], addresses: Collection[str] = ()) -> int:
    """Empty payloads and answers about these people, in the caller's transaction; returns how many there were. `addresses` are keys.

    The news of the deletion itself names nobody and stays: partners need it to delete their copies.
    """
    # By their names: these tables themselves call this when a person is erased.
    deliveries, attempts, disclosures = (
        apps.get_model("webhooks", name)
        for name in ("WebhookDelivery", "WebhookAttempt", "WebhookDisclosure")
    )
    people = [*contact_ids, *(identify_address(account_id, key) for key in addresses)]
    rows = deliveries.objects.for_account(account_id)
    rows = rows.filter(Q(contact_id__in=people) | Q(address_id__in=people))
    rows = rows.exclude(kind=EventKind.CONTACT_DELETED)
    waiting = rows.filter(state__in=(deliveries.State.WAITING, deliveries.State.FAILED))
    waiting.update(state=deliveries.State.GIVEN_UP, error="erased", claim=None, next_at=None)
    ids = list(rows.exclude(payload=None, answer="").values_list("id", flat=True))
    attempts.objects.for_account(account_id).filter(delivery_id__in=ids).update(answer="")
    attempts.objects.for_account(account_id).filter(person_id__in=people).update(person_id=None)
    emptied = rows.filter(id__in=ids).update(payload=None, answer="")
    disclosures.objects.for_account(account_id).filter(contact_id__in=people).delete()
    return emptied
