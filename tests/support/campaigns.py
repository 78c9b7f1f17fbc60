"""Plain functions that put a campaign where a test needs it."""

from __future__ import annotations

from datetime import timedelta

from dynamail.accounts.models import Account, Member, User
from dynamail.campaigns.drafting import create_campaign
from dynamail.campaigns.launching import launch_campaign
from dynamail.campaigns.models import Campaign
from dynamail.contacts.models import Contact
from dynamail.events.counters import count_for_source
from dynamail.lib.ids import derived_id
from dynamail.messages.models import Chunk, Message
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


def make_half_sent_campaign(account: Account, owner: User) -> Campaign:
    """Three recipients: one delivered, one bounced, one still to come."""
    member = member_of(account, owner)
    campaign = make_ready_campaign(account, member)
    launch_campaign(campaign, by=member, now=NOW)
    chunk = Chunk.objects.for_account(account).get(source_id=campaign.uid)
    people = {contact.id: contact for contact in Contact.objects.for_account(account)}
    first, second = (people[contact_id] for contact_id in chunk.contact_ids[:2])
    Chunk.objects.for_account(account).update(done=2, started=2)
    outcomes = [(first, "delivered", 250, ""), (second, "bounced", 550, "invalid_recipient")]
    for contact, state, code, bounce_class in outcomes:
        Message.objects.add(
            account,
            id=derived_id(NOW, campaign.uid, contact.id),
            at=NOW + timedelta(hours=1),
            source_kind="campaign",
            source_id=campaign.uid,
            contact_id=contact.id,
            recipient=contact.email,
            domain="mail.example",
            state=state,
            smtp_code=code,
            bounce_class=bounce_class,
            reply=f"{code} said the server",
        )
        count_for_source(account.pk, campaign.uid, state, now=NOW)
    campaign.refresh_from_db()
    return campaign
