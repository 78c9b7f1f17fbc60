"""What happens in the demo account, told with the product's own verbs."""

from __future__ import annotations

import csv
import io
import random
import re
import time
import urllib.error
import urllib.request
from datetime import datetime, timedelta
from typing import Any

from allauth.account.models import EmailAddress
from django.db import close_old_connections, transaction

from dynamail.accounts.creating import create_account
from dynamail.accounts.models import Account, Member, User
from dynamail.accounts.tenancy import account_scope
from dynamail.campaigns.drafting import create_campaign
from dynamail.campaigns.launching import launch_campaign
from dynamail.campaigns.models import Campaign
from dynamail.cli.demo_data import CATEGORIES, CITIES, DOMAINS, FIRST, LAST, PLANS, SEGMENTS
from dynamail.cli.demo_emails import send_demo_emails
from dynamail.consent.models import Topic
from dynamail.consent.proof import Proof
from dynamail.consent.recording import choose_tracking
from dynamail.consent.topics import create_topic
from dynamail.contacts.importing.statement import Options, Statement
from dynamail.contacts.importing.steps import set_mapping, start_check, start_import, upload_file
from dynamail.contacts.models import Contact, ContactImport
from dynamail.contacts.own_events import MAX_AT_ONCE, NewOwnEvent, record_own_events
from dynamail.content.gallery import get_gallery_template
from dynamail.lib.clock import utc_now
from dynamail.privacy.acceptance import accept_policy, find_unaccepted
from dynamail.segments.saving import create_segment
from dynamail.senders.identities import add_sender
from dynamail.senders.mailbox import read_captured
from dynamail.senders.models import CapturedMessage, Sender

CONTACTS = 420
LOOK_AGAIN_SECONDS = 0.3
SHARE_BUYERS = 0.6
SHARE_TRACKED, SHARE_OPENED, SHARE_CLICKED = (
    0.8,
    0.46,
    0.35,
)  # of contacts, of the tracked, of those who opened
READER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def make_demo_account(email: str, password: str) -> Campaign:
    """A user who operates this installation, an account with contacts, and a campaign on its way."""
    now = utc_now()
    member = _make_people(email, password, now)
    account = member.account
    with account_scope(account, user_id=member.user_id):
        topic = create_topic(
            account,
            name="Product news",
            description="What is new in the shop, twice a month",
            tracking=Topic.Tracking.INDIVIDUAL,
            by=member.user,
            now=now,
        )
        create_topic(
            account, name="Events", description="Invitations to our workshops", by=member.user, now=now
        )
        sender = add_sender(
            account, email="anna@acme.example", name="Anna from Acme", by=member, now=now, is_verified=True
        )
    _import_people(account, member, topic)
    _allow_tracking(account, topic)
    with account_scope(account):
        _record_orders(account, member)
        _save_segments(account, member)
        _draft_next_one(account, member, topic, sender)
        send_demo_emails(account, sender=f"{sender.name} <{sender.email}>")
        return _launch_first_one(account, member, topic, sender)


def play_readers(campaign: Campaign, *, deadline: float) -> None:
    """When the mail has arrived, some open it and some click, over HTTP like anybody."""
    if not _wait_for(lambda: _is_finished(campaign), deadline):
        return
    dice = random.Random(campaign.pk)  # noqa: S311 - a demo that is alike each time, not a secret
    with account_scope(campaign.account_id):
        tracked = _tracked_addresses(campaign)
        captured = list(
            CapturedMessage.objects.for_account(campaign.account_id).filter(envelope_to__in=tracked)
        )
    for message in captured:
        if dice.random() < SHARE_OPENED:
            _read(read_captured(message).html, dice)


def _make_people(email: str, password: str, now: datetime) -> Member:
    with transaction.atomic():
        user = User.objects.create_user(email, password, name="Demo", is_staff=True)
        EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
        account = create_account(user, name="Acme store", now=now)
        Account.objects.filter(pk=account.pk).update(
            postal_address="Acme store, Sovetskaya 1, 230023 Grodno, Belarus"
        )
        for document in find_unaccepted(user, now=now):
            accept_policy(user, document, language="en", now=now, method="demo")
    with account_scope(account, user_id=user.pk):
        return Member.objects.for_account(account).select_related("account", "user").get(user=user)


def _import_people(account: Account, member: Member, topic: Topic) -> None:
    """Through the same steps as an upload; the worker process does the work."""
    with account_scope(account):
        row = upload_file(
            account.pk, [_write_file()], file_name="customers.csv", by=member.user, now=utc_now()
        )
        set_mapping(row, row.mapping, by=member.user, now=utc_now())
        statement = Statement(topic.pk, text="Ticked “Product news” at checkout in the Acme shop")
        options = Options(tags=["Customers"], statement=statement)
        start_check(row, options, by=member.user, now=utc_now())
    _wait_for_import(row, ContactImport.State.CHECKED)
    with account_scope(account):
        row.refresh_from_db()
        start_import(row, by=member.user, now=utc_now())
    _wait_for_import(row, ContactImport.State.FINISHED)


def _write_file() -> bytes:
    dice = random.Random(7)  # noqa: S311
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["Email", "Name", "City", "Plan", "Orders", "Birthday"])
    for number in range(CONTACTS):
        first, last = dice.choice(FIRST), dice.choice(LAST)
        address = f"reader{number + 1}@{dice.choice(DOMAINS)}"
        birthday = f"{dice.randint(1960, 2004)}-{dice.randint(1, 12):02}-{dice.randint(1, 28):02}"
        plan = "" if dice.random() < 0.08 else dice.choice(PLANS)
        writer.writerow(
            [address, f"{first} {last}", dice.choice(CITIES), plan, dice.randint(0, 40), birthday]
        )
    return text.getvalue().encode()


def _allow_tracking(account: Account, topic: Topic) -> None:
    """Most of the demo's readers said yes when the preference page asked them."""
    proof = Proof(method="demo", text="Yes, you may see what I open and click")
    with account_scope(account):
        for contact in Contact.objects.for_account(account).filter(sample__lt=int(SHARE_TRACKED * 1000)):
            choose_tracking(account.pk, contact.id, allowed=True, proof=proof, now=utc_now())


def _record_orders(account: Account, member: Member) -> None:
    """What the shop would tell us of: a year of orders, more of them lately."""
    dice = random.Random(11)  # noqa: S311
    now = utc_now()
    buyers = [*Contact.objects.for_account(account).filter(sample__lt=int(SHARE_BUYERS * 1000))]
    orders = [
        NewOwnEvent(
            name="order.placed",
            contact_id=contact.id,
            at=now - timedelta(minutes=int(525_600 * dice.random() ** 2)),
            properties={"category": dice.choice(CATEGORIES), "total": round(dice.uniform(9, 240), 2)},
            event_id=f"{contact.id}-{number}",
        )
        for contact in buyers
        for number in range(dice.randint(1, 6))
    ]
    for start in range(0, len(orders), MAX_AT_ONCE):
        record_own_events(
            account.pk, orders[start : start + MAX_AT_ONCE], source_kind="demo", by=member.user, now=now
        )


def _save_segments(account: Account, member: Member) -> None:
    for name, description, definition in SEGMENTS:
        create_segment(
            account.pk,
            name=name,
            description=description,
            definition=definition,
            by=member.user,
            now=utc_now(),
        )


def _launch_first_one(account: Account, member: Member, topic: Topic, sender: Sender) -> Campaign:
    campaign = create_campaign(
        account, name="Autumn arrivals", by=member, now=utc_now(), **_content("product-news", topic, sender)
    )
    launch_campaign(campaign, by=member, now=utc_now())
    return campaign


def _draft_next_one(account: Account, member: Member, topic: Topic, sender: Sender) -> None:
    create_campaign(account, name="Winter sale", by=member, now=utc_now(), **_content("sale", topic, sender))


def _content(slug: str, topic: Topic, sender: Sender) -> dict[str, Any]:
    email = get_gallery_template(slug).as_email()
    return {
        "topic_id": topic.pk,
        "sender_id": sender.pk,
        "subject": email.subject,
        "preheader": email.preheader,
        "kind": email.kind,
        "body": email.body,
    }


def _tracked_addresses(campaign: Campaign) -> list[str]:
    rows = Contact.objects.for_account(campaign.account_id).filter(sample__lt=int(SHARE_TRACKED * 1000))
    return list(rows.values_list("email", flat=True))


def _read(html: str, dice: random.Random) -> None:
    if pixel := re.search(r'src="(http[^"]+/t/o/[^"]+)"', html):
        _visit(pixel[1])
    if dice.random() < SHARE_CLICKED and (links := re.findall(r'href="(http[^"]+/t/c/[^"]+)"', html)):
        _visit(dice.choice(links))


def _visit(url: str) -> None:
    """Ask for the address and go no further: where a link leads is another host's business."""

    class StayHere(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: Any, **__: Any) -> None:
            return None

    request = urllib.request.Request(url.replace("&amp;", "&"), headers={"User-Agent": READER})  # noqa: S310
    try:
        urllib.request.build_opener(StayHere).open(request, timeout=10).close()
    except urllib.error.HTTPError:
        return  # the redirect that was not followed
    except OSError:
        return


def _wait_for_import(row: ContactImport, state: str) -> None:
    def has_come() -> bool:
        with account_scope(row.account_id):
            row.refresh_from_db()
        if row.state in (ContactImport.State.FAILED, ContactImport.State.CANCELED):
            raise RuntimeError(f"the demo's import ended: {row.problem}")
        return row.state == state

    if not _wait_for(has_come, time.monotonic() + 120):
        raise RuntimeError("the demo's import was not done in time; is `dynamail work` running?")


def _is_finished(campaign: Campaign) -> bool:
    with account_scope(campaign.account_id):
        campaign.refresh_from_db()
    return campaign.state == Campaign.State.FINISHED


def _wait_for(fact: Any, deadline: float) -> bool:
    while time.monotonic() < deadline:
        if fact():
            return True
        close_old_connections()
        time.sleep(LOOK_AGAIN_SECONDS)
    return False
