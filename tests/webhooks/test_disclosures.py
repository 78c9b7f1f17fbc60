"""What was handed to whom about one person, and how long that is known (P7.1)."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from dynamail.accounts.audit import record_audit
from dynamail.accounts.models import Account
from dynamail.contacts.editing import delete_contact
from dynamail.contacts.merging import merge_contacts
from dynamail.contacts.models import Contact
from dynamail.events.log import record_event
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import new_id
from dynamail.messages.models import Message
from dynamail.senders.models import Transport
from dynamail.webhooks.disclosures import Disclosure, list_disclosures
from dynamail.webhooks.endpoints import EndpointSettings, change_endpoint, remove_endpoint
from dynamail.webhooks.files import list_files
from dynamail.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from dynamail.webhooks.persons import describe_address, describe_contact
from dynamail.webhooks.replaying import replay_delivery
from dynamail.webhooks.retention import remove_old
from dynamail.webhooks.sending import LEASE, claim_jobs
from tests.support.people import make_contact
from tests.support.personas import NOW
from tests.support.webhook_sink import Said, WebhookSink
from tests.webhooks.conftest import make_endpoint, owner_of, send_due, spread, the_delivery


def happen(account: Account, contact: Contact, kind: str, **data: Any) -> None:
    spread(account, record_event(account.pk, kind, contact_id=contact.id, now=NOW, data=data))


def list_of(contact: Contact, *, before: UUID | None = None, limit: int = 50) -> list[Disclosure]:
    return list_disclosures(contact.account_id, describe_contact(contact), before=before, limit=limit)


def send_mail(account: Account, number: int, **values: Any) -> UUID:
    at = NOW + timedelta(seconds=number)
    key = new_id(at)
    values = {"state": "delivered", "recipient": "dana@mail.example", "source_kind": "api"} | values
    Message.objects.add(account, id=key, at=at, **values)
    return key


@pytest.mark.promise("P7.1")
def test_the_list_equals_what_the_receivers_got(account: Account, sink: WebhookSink) -> None:
    make_endpoint(account, sink.url("/wide"), fields=("address",))
    make_endpoint(account, sink.url("/narrow"), kinds=("contact.tagged",))
    make_endpoint(account, sink.url("/none"), authorized=False)
    make_endpoint(account, "https://nowhere.invalid/", kinds=("contact.tagged",))  # never reached
    ann, dana = make_contact(account, "ann@mail.example"), make_contact(account)
    for contact in (ann, ann, dana):
        happen(account, contact, "contact.tagged")
    happen(account, ann, "contact.suppressed", reason="manual", scope="all")
    sink.answer = lambda request: Said(500 if request.path == "/narrow" else 200)
    send_due(NOW)
    for seconds in (5, 6, 7):
        send_due(NOW + timedelta(seconds=seconds))
    got: dict[tuple[str, str], int] = {}
    for request in sink.requests:
        event = json.loads(request.body)
        if event["data"]["contact_id"] == ann.public_id:
            key = (sink.url(request.path), event["type"])
            got[key] = got.get(key, 0) + 1
    listed = list_of(ann)
    paths = {row.public_id: urlsplit(row.url).path for row in WebhookEndpoint.objects.for_account(account)}
    assert Counter((sink.url(paths[one.receiver.id]), one.what) for one in listed) == got
    assert {(paths[one.receiver.id], one.fields, one.received) for one in listed} == {
        ("/wide", ("address",), "yes"),
        ("/narrow", (), "refused"),
    }
    assert {one.receiver.host for one in listed} == {sink.host}
    assert {one.authorization and one.authorization.by for one in listed} == {"Alice"}
    assert [one.id for one in listed] == sorted((one.id for one in listed), reverse=True)
    pages = [list_of(ann, limit=2)]
    while pages[-1]:
        pages.append(list_of(ann, before=pages[-1][-1].id, limit=2))
    assert [one for page in pages for one in page] == listed


@pytest.mark.promise("P7.1")
def test_the_list_has_what_was_told_before_a_merge(account: Account, sink: WebhookSink) -> None:
    make_endpoint(account, sink.url())
    ann, old = make_contact(account, "ann@mail.example"), make_contact(account, "old@mail.example")
    for contact in (ann, old):
        happen(account, contact, "contact.tagged")
    send_due(NOW)
    merge_contacts(account.pk, kept_id=ann.id, gone_id=old.id, by=owner_of(account), now=NOW)
    assert [(one.what, one.times) for one in list_of(ann)] == [("contact.tagged", 1)] * 2


def test_deliveries_go_after_thirty_days_and_the_list_stays(account: Account, sink: WebhookSink) -> None:
    endpoint, _keys = make_endpoint(account, sink.url(), fields=("address",))
    contact = make_contact(account)
    happen(account, contact, "contact.tagged")
    happen(account, contact, "contact.tagged")
    send_due(NOW)
    before = list_of(contact)
    remove_endpoint(endpoint, by=owner_of(account), now=NOW)
    assert remove_old(now=NOW + timedelta(days=29)).deliveries == 0
    assert remove_old(now=NOW + timedelta(days=31), batch=1).deliveries == 2
    assert not WebhookDelivery.objects.for_account(account).exists()
    assert not WebhookAttempt.objects.for_account(account).exists()
    (one,) = list_of(contact)
    assert (one.times, one.first_at, one.at, one.received) == (2, NOW, NOW, "yes")
    assert {(each.what, each.fields, each.receiver, each.authorization) for each in before} == {
        (one.what, one.fields, one.receiver, one.authorization)
    }
    assert one.authorization is not None
    assert list_of(contact, before=one.id) == []
    gone = remove_old(now=NOW + timedelta(days=400))
    assert (gone.disclosures, gone.endpoints) == (1, 1)
    assert not WebhookEndpoint.objects.for_account(account).exists()


def test_a_delivery_sent_again_is_listed_again(account: Account, sink: WebhookSink) -> None:
    endpoint, _keys = make_endpoint(account, sink.url())
    contact = make_contact(account)
    happen(account, contact, "contact.tagged")
    send_due(NOW)
    replay_delivery(endpoint, the_delivery(endpoint), by=owner_of(account), now=NOW)
    send_due(NOW + timedelta(seconds=1))
    assert [one.received for one in list_of(contact)] == ["yes", "yes"]


@pytest.mark.promise("P7.1")
def test_each_request_is_listed_with_what_it_had_and_under_which_authorization(
    account: Account, sink: WebhookSink
) -> None:
    endpoint, _keys = make_endpoint(account, sink.url("/first"), fields=("address",))
    contact = make_contact(account)
    happen(account, contact, "contact.tagged")
    sink.answer = lambda _request: Said(500)
    send_due(NOW)
    chosen = EndpointSettings(sink.url("/second").replace("127.0.0.1", "localhost"), ("*",))
    change_endpoint(endpoint, chosen, authorized=True, by=owner_of(account), now=NOW)
    send_due(NOW + timedelta(seconds=5))
    first, second = reversed(list_of(contact))
    assert (first.receiver.host, first.fields, first.received) == ("127.0.0.1", ("address",), "refused")
    assert (second.receiver.host, second.fields) == ("localhost", ())
    assert first.authorization != second.authorization
    fields = [json.loads(one.body)["data"].get("email") for one in sink.requests]
    assert fields[0] == contact.email
    assert fields[1:] in ([], [None])  # localhost may lead elsewhere


@pytest.mark.promise("P7.1")
def test_what_a_killed_worker_had_on_its_way_may_have_arrived(account: Account, sink: WebhookSink) -> None:
    make_endpoint(account, sink.url(), fields=("address",))
    contact = make_contact(account)
    happen(account, contact, "contact.tagged")
    assert len(claim_jobs(now=NOW, room=1)) == 1  # and nobody settles it
    assert list_of(contact) == []
    send_due(NOW + LEASE)
    assert {(one.received, one.fields) for one in list_of(contact)} == {
        ("yes", ("address",)),
        ("unknown", ("address",)),
    }


@pytest.mark.promise("P7.1")
def test_relays_and_providers_that_carried_mail_are_listed(account: Account) -> None:
    user = owner_of(account).user
    relay, provider, direct = (
        Transport.objects.add(
            account, name=kind, kind=kind, host=host, provider=name, authorized_by=user, authorized_at=NOW
        )
        for kind, host, name in (("smtp", "relay.example", ""), ("api", "", "mailgun"), ("mx", "", ""))
    )
    contact = make_contact(account)
    for number, (way, state) in enumerate(
        [
            (relay.pk, "delivered"),
            (provider.pk, "bounced"),
            (relay.pk, "unknown"),
            (direct.pk, "delivered"),
            (None, "delivered"),
            (relay.pk, "suppressed"),
            (2**40, "delivered"),
        ]
    ):
        send_mail(account, number, transport_id=way, state=state, contact_id=contact.id)
    listed = list_of(contact)
    assert [(str(one.receiver.kind), one.receiver.host, str(one.received)) for one in reversed(listed)] == [
        ("relay", "relay.example", "yes"),
        ("provider", "mailgun", "refused"),
        ("relay", "relay.example", "unknown"),
        ("removed", "", "yes"),
    ]
    assert {one.authorization.by for one in listed if one.authorization} == {"Alice"}
    assert {(one.what, one.fields) for one in listed} == {("message", ("address", "content", "subject"))}
    assert list_of(contact, before=listed[1].id, limit=1) == listed[2:3]


@pytest.mark.promise("P7.1")
def test_somebody_who_is_no_contact_is_found_by_their_address(account: Account, sink: WebhookSink) -> None:
    make_endpoint(account, sink.url())
    relay = Transport.objects.add(account, name="Relay", host="relay.example")
    for number, address in enumerate(("Guest@mail.example", "other@mail.example")):
        message_id = send_mail(
            account, number, transport_id=relay.pk, recipient=address, email_id=new_id(NOW)
        )
        event = record_event(
            account.pk, "message.delivered", message_id=message_id, source_kind="api", now=NOW, data={}
        )
        spread(account, event)
    send_due(NOW)
    guest = describe_address(account.pk, " Guest@mail.example")
    assert sorted(one.what for one in list_disclosures(account.pk, guest, limit=9)) == [
        "message",
        "message.delivered",
    ]
    remove_old(now=NOW + timedelta(days=31))
    kept = list_disclosures(account.pk, guest, limit=9)
    assert sorted(one.what for one in kept) == ["message", "message.delivered"]
    contact = make_contact(account, "guest@mail.example")
    assert len(list_of(contact)) >= 1  # the same person, had they become a contact
    delete_contact(contact, by=owner_of(account), now=NOW)
    assert [one.what for one in list_disclosures(account.pk, guest, limit=9)] == ["message"]


def test_a_deleted_person_without_a_contact_leaves_our_copies(account: Account, sink: WebhookSink) -> None:
    make_endpoint(account, sink.url(), fields=("address",))
    message_id = send_mail(account, 1, recipient="guest@mail.example", email_id=new_id(NOW))
    spread(
        account,
        record_event(
            account.pk, "message.delivered", message_id=message_id, source_kind="api", now=NOW, data={}
        ),
    )
    delivery = WebhookDelivery.objects.for_account(account).get()
    assert delivery.payload is not None
    assert delivery.payload["data"]["recipient"] == "guest@mail.example"
    delete_contact(make_contact(account, "guest@mail.example"), by=owner_of(account), now=NOW)
    assert {row.payload and row.kind for row in WebhookDelivery.objects.for_account(account)} <= {
        None,
        "contact.deleted",
    }


def test_files_are_told_without_their_people(account: Account) -> None:
    record_audit(
        account.pk, by=owner_of(account), action="contacts.exported", columns=["email"], segment="seg_1"
    )
    record_audit(account.pk, by=None, action="suppressions.exported", columns=[])
    record_audit(account.pk, by=None, action="contacts.imported")
    files = list_files(account.pk, since=None, limit=9)
    assert [(one.by, one.of_suppressions, one.columns, one.is_narrowed) for one in files] == [
        ("", True, (), False),
        ("Alice", False, ("email",), True),
    ]
    assert list_files(account.pk, since=utc_now() + timedelta(days=1), limit=9) == []
