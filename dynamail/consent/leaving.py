"""A person leaves everything, or comes back. One topic at a time is `recording.withdraw_consent` and `give_consent`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from dynamail.consent.models import ConsentRecord, ConsentState, Subscription, SuppressionReason
from dynamail.consent.proof import Proof
from dynamail.consent.recording import give_consent, withdraw_consent
from dynamail.consent.suppressing import MARKETING, find_suppression, lift_suppression, suppress_address


@dataclass(frozen=True)
class Person:
    """Whom a signed link speaks for."""

    account_id: int
    contact_id: UUID
    email_key: str


@transaction.atomic
def leave_everything(person: Person, *, proof: Proof, now: datetime) -> bool:
    """Withdraw from every topic, and from those that the account makes later: a marketing suppression stands for them.

    Transactional mail still arrives. False when that stood already.
    """
    left = [
        withdraw_consent(person.account_id, person.contact_id, topic_id, proof=proof, now=now)
        for topic_id in _find_open_topics(person)
    ]
    suppressed = suppress_address(
        person.account_id,
        person.email_key,
        reason=SuppressionReason.UNSUBSCRIBE,
        scope=MARKETING,
        source=(proof.source_kind, proof.source_id),
        now=now,
    )
    return suppressed or any(left)


@transaction.atomic
def undo_leaving_everything(person: Person, *, proof: Proof, now: datetime) -> list[int]:
    """Back to the topics that were left in the same moment; returns them. Does nothing when the person had not left everything."""
    suppression = find_suppression(person.account_id, person.email_key, now=now, scopes=(MARKETING,))
    if suppression is None or suppression.reason != SuppressionReason.UNSUBSCRIBE:
        return []
    together = ConsentRecord.objects.for_account(person.account_id).filter(
        contact_id=person.contact_id, act=ConsentRecord.Act.WITHDRAWN, at=suppression.at
    )
    topics = sorted(set(together.values_list("topic_id", flat=True)))
    return_to_topics(person, topics, proof=proof, now=now)
    return topics


@transaction.atomic
def return_to_topics(person: Person, topic_ids: Iterable[int], *, proof: Proof, now: datetime) -> None:
    """The person's own act: subscribe to these topics, and take back "unsubscribed from everything" if they had said so.

    A suppression for another reason (a bounce, a complaint, erasure) stays.
    """
    suppression = find_suppression(person.account_id, person.email_key, now=now, scopes=(MARKETING,))
    if suppression is not None and suppression.reason == SuppressionReason.UNSUBSCRIBE:
        lift_suppression(person.account_id, person.email_key, scope=MARKETING, now=now)
    for topic_id in topic_ids:
        give_consent(person.account_id, person.contact_id, topic_id, proof=proof, now=now)


def has_left_everything(person: Person, *, now: datetime) -> bool:
    suppression = find_suppression(person.account_id, person.email_key, now=now, scopes=(MARKETING,))
    return suppression is not None and suppression.reason == SuppressionReason.UNSUBSCRIBE


def _find_open_topics(person: Person) -> list[int]:
    rows = Subscription.objects.for_account(person.account_id).filter(contact_id=person.contact_id)
    return list(
        rows.exclude(state=ConsentState.UNSUBSCRIBED).order_by("topic_id").values_list("topic_id", flat=True)
    )
