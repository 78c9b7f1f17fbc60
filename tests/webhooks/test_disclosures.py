"""What was handed to whom about one person, and how long that is known (P7.1)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from dynamail.accounts.models import Account
from dynamail.contacts.merging import merge_contacts
from dynamail.contacts.models import Contact
from dynamail.events.log import record_event
from dynamail.webhooks.disclosures import list_disclosures
from dynamail.webhooks.endpoints import remove_endpoint
from dynamail.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from dynamail.webhooks.replaying import replay_delivery
from dynamail.webhooks.retention import remove_old
from tests.support.people import make_contact
from tests.support.personas import NOW
from tests.support.webhook_sink import Said, WebhookSink
from tests.webhooks.conftest import make_endpoint, owner_of, send_due, spread, the_delivery


def happen(account: Account, contact: Contact, kind: str, **data: Any) -> None:
    spread(account, record_event(account.pk, kind, contact_id=contact.id, now=NOW, data=data))


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
    listed = list_disclosures(account.pk, ann.id)
    assert {(one.url, one.kind): one.times for one in listed} == got
    assert {(one.url, one.fields) for one in listed} == {
        (sink.url("/wide"), ("address",)),
        (sink.url("/narrow"), ()),
    }
    assert {one.authorized_by for one in listed} == {"Alice"}


@pytest.mark.promise("P7.1")
def test_the_list_has_what_was_told_before_a_merge(account: Account, sink: WebhookSink) -> None:
    make_endpoint(account, sink.url())
    ann, old = make_contact(account, "ann@mail.example"), make_contact(account, "old@mail.example")
    for contact in (ann, old):
        happen(account, contact, "contact.tagged")
    send_due(NOW)
    merge_contacts(account.pk, kept_id=ann.id, gone_id=old.id, by=owner_of(account), now=NOW)
    assert [(one.kind, one.times) for one in list_disclosures(account.pk, ann.id)] == [("contact.tagged", 2)]


def test_deliveries_go_after_thirty_days_and_the_list_stays(account: Account, sink: WebhookSink) -> None:
    endpoint, _keys = make_endpoint(account, sink.url(), fields=("address",))
    contact = make_contact(account)
    happen(account, contact, "contact.tagged")
    happen(account, contact, "contact.tagged")
    send_due(NOW)
    before = list_disclosures(account.pk, contact.id)
    remove_endpoint(endpoint, by=owner_of(account), now=NOW)
    assert remove_old(now=NOW + timedelta(days=29)).deliveries == 0
    assert remove_old(now=NOW + timedelta(days=31), batch=1).deliveries == 2
    assert not WebhookDelivery.objects.for_account(account).exists()
    assert not WebhookAttempt.objects.for_account(account).exists()
    assert list_disclosures(account.pk, contact.id) == before
    assert before[0].times == 2
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
    (one,) = list_disclosures(account.pk, contact.id)
    assert (one.times, one.doubtful) == (2, 0)
