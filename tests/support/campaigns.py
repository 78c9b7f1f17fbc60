"""Plain functions that put a campaign where a test needs it."""

from __future__ import annotations

from dynamail.accounts.models import Account, Member
from dynamail.campaigns.drafting import create_campaign
from dynamail.campaigns.models import Campaign
from dynamail.senders.models import Sender
from tests.support.people import make_contact, make_topic, subscribe
from tests.support.personas import NOW

BODY = (
    '<p>Hello {{ contact.first_name | default: "there" }}, <a href="https://shop.acme.by/new">look</a>.</p>'
)


def member_of(account: Account, user: object) -> Member:
    return Member.objects.for_account(account).get(user=user)


def make_sender(account: Account, email: str = "news@acme.example", **values: object) -> Sender:
    values.setdefault("verified_at", NOW)
    return Sender.objects.add(account, email=email, name="Acme", **values)


def make_draft(account: Account, by: Member, **values: object) -> Campaign:
    """A draft with a name alone, and whatever else is given."""
    return create_campaign(account, by=by, now=NOW, **{"name": "Spring news", **values})


def make_ready_campaign(account: Account, by: Member, *, people: int = 3, **values: object) -> Campaign:
    """A campaign that can be launched to some subscribers."""
    topic = make_topic(account)
    for number in range(people):
        subscribe(make_contact(account, f"person{number}@mail.example", name=f"Person {number}"), topic)
    ready = {
        "topic_id": topic.pk,
        "sender_id": make_sender(account).pk,
        "subject": "New things",
        "preheader": "Look inside",
        "kind": "html",
        "body": BODY,
    }
    return make_draft(account, by, **{**ready, **values})
