"""Plain functions that put contacts and topics where a test needs them."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from dynamail.accounts.models import Account
from dynamail.consent.models import Topic
from dynamail.consent.proof import Proof
from dynamail.consent.recording import give_consent
from dynamail.contacts.models import Contact
from dynamail.lib.ids import new_id
from tests.support.personas import NOW

EARLIER = NOW - timedelta(hours=1)


def make_topic(account: Account, name: str = "Product news", **values: object) -> Topic:
    return Topic.objects.add(account, name=name, **values)


def make_contact(account: Account, email: str = "dana@mail.example", **values: object) -> Contact:
    return Contact.objects.add(
        account,
        id=new_id(NOW),
        email=email,
        email_key=email.lower(),
        created_at=NOW,
        updated_at=NOW,
        **values,
    )


def subscribe(
    contact: Contact, topic: Topic, *, allow_tracking: bool | None = True, now: datetime = EARLIER
) -> UUID:
    proof = Proof(method="page", text="Yes, write to me.")
    give_consent(
        contact.account_id, contact.id, topic.pk, proof=proof, now=now, allow_tracking=allow_tracking
    )
    return contact.id
