"""Two accounts: every page and every id of one, asked for by the owner of the other.

The second run takes the filters out of the managers, so that row-level security stands alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, models
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from dynamail.accounts.api_keys import create_api_key
from dynamail.accounts.models import Account, ApiRequest, BackgroundWork, Invitation, Member, User
from dynamail.accounts.row_security import tenant_models
from dynamail.accounts.tenancy import TenantManager
from dynamail.campaigns.models import Campaign
from dynamail.consent.address_hash import hash_address
from dynamail.consent.models import Subscription, Suppression, Topic
from dynamail.contacts.models import Attribute, Contact, ContactImport, ImportSource, Tag
from dynamail.content.models import Template
from dynamail.events.models import EventName
from dynamail.feedback.models import FeedbackReport, ReportMailbox
from dynamail.inbound.models import InboundAddress, InboundDomain, ReceivedMessage
from dynamail.lib.ids import new_id, to_public_id
from dynamail.segments.models import Segment
from dynamail.senders.models import Pool, PoolMember, RoutingRule, Sender, SendingDomain, Stream, Transport
from dynamail.web.access import find_access
from dynamail.webhooks.models import WebhookEndpoint
from tests.senders.test_mailbox import capture
from tests.support.single_mail import Copy, add_email

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
CANARY = "canary-of-alice"
ACTIONS = (
    "remove",
    "up",
    "off",
    "use",
    "check",
    "default",
    "resend",
    "pause",
    "cancel",
    "visit",
    "rotate",
    "0",
)
# A word in the address that is no id of a row: nothing of an account is behind it.
PLAIN_PARAMETERS = {"version", "language", "slug", "code", "step", "card", "kind"}
# What a parameter names, by the beginning of its ids; one of another kind is asked for as well, for the mistaken look-up.
PREFIXES = {
    "key_id": "key",
    "email_id": "eml",
    "request_id": "req",
    "stream_id": "str",
    "member_id": "mem",
    "invitation_id": "inv",
    "contact_id": "con",
    "import_id": "imp",
    "source_id": "ims",
    "event": "evn",
    "attribute_id": "att",
    "tag_id": "tag",
    "topic_id": "top",
    "template": "tpl",
    "campaign": "cmp",
    "sender": "snd",
    "domain": "dom",
    "transport": "trn",
    "pool": "pool",
    "routing_rule": "rule",
    "report": "rep",
    "segment": "seg",
    "suppression": "sup",
    "mailbox": "rbx",
    "message": "cap",
    "work_id": "wrk",
    "webhook": "whk",
    "received": "rcv",
    "inbound_address": "iba",
    "inbound_domain": "ibd",
}
FOREIGN = "acc"


@pytest.fixture
def alices_ids(account: Account, alice: User) -> list[str]:
    """One of everything that an account can own, each with the canary in it; returns their public ids."""
    member = Member.objects.for_account(account).get(user=alice)
    topic = Topic.objects.add(account, name=CANARY)
    tag = Tag.objects.add(account, name=CANARY)
    attribute = Attribute.objects.add(account, number=1, key="canary", label=CANARY)
    contact = Contact.objects.add(
        account,
        id=new_id(NOW),
        email=f"{CANARY}@mail.example",
        email_key=f"{CANARY}@mail.example",
        name=CANARY,
        attributes={str(attribute.number): CANARY},
        tags=[tag.pk],
        created_at=NOW,
        updated_at=NOW,
    )
    Subscription.objects.add(
        account, topic_id=topic.pk, contact_id=contact.id, state="subscribed", changed_at=NOW
    )
    sender = Sender.objects.add(account, email=f"{CANARY}@acme.example", name=CANARY, verified_at=NOW)
    relay = Transport.objects.add(account, name=CANARY, host=f"{CANARY}.example")
    pool = Pool.objects.add(account, name=CANARY)
    PoolMember.objects.add(account, pool=pool, transport=relay)
    routing_rule = RoutingRule.objects.add(account, sender_domain=f"{CANARY}.example", pool=pool)
    domain = SendingDomain.objects.add(account, name=f"{CANARY}.example")
    draft = Campaign.objects.add(
        account,
        name=CANARY,
        subject=CANARY,
        body=f"<p>{CANARY}</p>",
        kind="html",
        topic=topic,
        sender=sender,
        updated_at=NOW,
    )
    sent = Campaign.objects.add(
        account,
        name=CANARY,
        subject=CANARY,
        body=CANARY,
        kind="text",
        topic=topic,
        sender=sender,
        state="finished",
        launched_at=NOW,
        finished_at=NOW,
        frozen=1,
        updated_at=NOW,
    )
    segment = Segment.objects.add(
        account,
        name=CANARY,
        definition={"all": [{"kind": "field", "field": "name", "op": "equals", "value": CANARY}]},
        updated_at=NOW,
    )
    template = Template.objects.add(
        account, name=CANARY, kind="html", source=CANARY, created_at=NOW, updated_at=NOW
    )
    upload = ContactImport.objects.add(
        account,
        file_name=CANARY,
        file_path="none",
        file_sha256="0" * 64,
        file_bytes=1,
        format="csv",
        columns=[CANARY],
    )
    import_source = ImportSource.objects.add(
        account,
        name=CANARY,
        kind="url",
        address=f"https://{CANARY}.example/",
        mapping={"columns": [CANARY], "targets": ["email"]},
    )
    suppressions = ContactImport.objects.add(
        account,
        subject=ContactImport.Subject.SUPPRESSIONS,
        file_name=CANARY,
        file_path="none",
        file_sha256="0" * 64,
        file_bytes=1,
        format="csv",
        columns=[CANARY],
    )
    events = ContactImport.objects.add(
        account,
        subject=ContactImport.Subject.EVENTS,
        file_name=CANARY,
        file_path="none",
        file_sha256="0" * 64,
        file_bytes=1,
        format="csv",
        columns=[CANARY],
    )
    event_name = EventName.objects.add(account, name=CANARY, properties={CANARY: "text"})
    suppressed = Suppression.objects.add(
        account,
        address_hash=hash_address(account.pk, f"{CANARY}@mail.example"),
        email=f"{CANARY}@mail.example",
        reason="manual",
        detail=CANARY,
        at=NOW,
    )
    work = BackgroundWork.objects.add(
        account, kind="contacts.import", title=CANARY, state="running", created_by=alice
    )
    invitation = Invitation.objects.add(
        account, email=f"{CANARY}@friend.example", role="admin", expires_at=NOW + timedelta(days=9000)
    )
    key, _secret = create_api_key(account, name=CANARY, scopes=[], expires_at=None, by=member, now=NOW)
    captured = capture(account.pk, subject=CANARY)
    report = FeedbackReport.objects.add(
        account,
        id=new_id(NOW),
        at=NOW,
        kind="bounce",
        source="smtp",
        message_id=new_id(NOW),
        recipient=f"{CANARY}@mail.example",
        raw=CANARY.encode(),
    )
    body = {"html": CANARY, "text": CANARY}
    email = add_email(account.pk, Copy(f"{CANARY}@mail.example"), at=NOW, subject=CANARY, body=body)
    request = ApiRequest.objects.add(account, id=new_id(NOW), at=NOW, path=f"/api/v1/{CANARY}", status=422)
    stream = Stream.objects.add(account, key=CANARY, name=CANARY)
    report_mailbox = ReportMailbox.objects.add(account, host=f"{CANARY}.example", username=CANARY)
    webhook = WebhookEndpoint.objects.add(
        account,
        url=f"https://{CANARY}.example/",
        description=CANARY,
        kinds=["*"],
        version="2026-11-23",
        state_at=NOW,
        updated_at=NOW,
    )
    received = ReceivedMessage.objects.add(
        account,
        id=new_id(NOW),
        at=NOW,
        fingerprint=CANARY.encode(),
        envelope_to=f"{CANARY}@inbound.example",
        subject=CANARY,
        size_bytes=len(CANARY),
        attachments=[{"filename": CANARY, "content_type": "text/plain", "size": 1}],
        raw=f"Subject: {CANARY}\r\n\r\n{CANARY}".encode(),
    )
    inbound_address = InboundAddress.objects.add(account, local=CANARY.lower(), note=CANARY)
    inbound_domain = InboundDomain.objects.add(account, name=f"{CANARY}.inbound.example")
    rows = [
        webhook,
        received,
        inbound_address,
        inbound_domain,
        topic,
        tag,
        attribute,
        sender,
        domain,
        relay,
        pool,
        routing_rule,
        draft,
        sent,
        segment,
        template,
        upload,
        import_source,
        suppressions,
        events,
        event_name,
        suppressed,
        work,
        invitation,
        key,
        account,
        captured,
        report,
        report_mailbox,
        contact,
        email,
        request,
        stream,
    ]
    return [row.public_id for row in rows] + [to_public_id("mem", member.uid)]


def test_the_other_account_finds_nothing(
    account: Account,
    other_account: Account,
    charlie: User,
    alices_ids: list[str],
    sign_in: Callable[[User], Client],
) -> None:
    before = take_snapshot(account)
    crawl(sign_in(charlie), alices_ids)
    assert take_snapshot(account) == before


def test_row_level_security_alone_keeps_the_accounts_apart(
    account: Account,
    other_account: Account,
    charlie: User,
    alices_ids: list[str],
    sign_in: Callable[[User], Client],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = sign_in(charlie)
    before = take_snapshot(account)
    monkeypatch.setattr(TenantManager, "for_account", lambda self, _: models.Manager.get_queryset(self))
    assert Contact.objects.for_account(other_account).exists(), "outside of a page the filter is really gone"
    crawl(client, alices_ids)
    monkeypatch.undo()
    assert take_snapshot(account) == before


def test_the_crawler_finds_what_is_there(
    account: Account, alice: User, alices_ids: list[str], sign_in: Callable[[User], Client]
) -> None:
    """The check can fail: Alice herself meets the canary on her pages."""
    client = sign_in(alice)
    seen = [url for url, _has_id in iter_addresses(alices_ids) if CANARY in read(client.get(url))]
    assert len(seen) > 10


def crawl(client: Client, ids: list[str]) -> None:
    for url, has_id in iter_addresses(ids):
        for answer in (client.get(url), *([client.post(url)] if has_id else [])):
            assert CANARY not in read(answer), url
            if has_id:
                assert answer.status_code in (403, 404, 405), (url, answer.status_code)


def iter_addresses(ids: list[str]) -> Iterator[tuple[str, bool]]:
    """Every member page; where it takes an id, with every id of the account. The flag says whether it does."""
    for pattern in iter_patterns(get_resolver().url_patterns):
        access = find_access(pattern.callback)
        if access is None or access.kind != "member" or not pattern.name:
            continue
        names = list(pattern.pattern.regex.groupindex)
        if not names:
            yield reverse(pattern.name), False
        elif not set(names) & PLAIN_PARAMETERS:
            found = [*iter_reversed(pattern.name, names, ids)]
            assert found, f"no id of an account fits {pattern.name}"
            yield from ((url, True) for url in found)


def iter_reversed(name: str, parameters: list[str], ids: list[str]) -> Iterator[str]:
    wanted = (PREFIXES.get(parameters[0], ""), FOREIGN)
    fitting = [one for one in ids if one.startswith(wanted)]
    choices = [fitting if index == 0 else ACTIONS for index in range(len(parameters))]
    for values in itertools.product(*choices):
        with suppress(NoReverseMatch):  # an id of another kind than the address takes
            yield reverse(name, kwargs=dict(zip(parameters, values, strict=True)))


def iter_patterns(patterns: Any) -> Iterator[URLPattern]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from iter_patterns(pattern.url_patterns)
        else:
            yield pattern


def read(answer: Any) -> str:
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return content.decode("utf-8", "replace")


def take_snapshot(account: Account) -> dict[str, str]:
    """A digest of every row that the account owns, by table."""
    digests = {}
    with connection.cursor() as cursor:
        for model in tenant_models():
            table = model._meta.db_table
            cursor.execute(
                f"SELECT md5(coalesce(string_agg(t::text, '' ORDER BY t::text), '')) FROM {table} AS t WHERE account_id = %s",
                [account.pk],
            )
            digests[table] = cursor.fetchone()[0]
    return digests
