from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID

import pytest

from dynamail.accounts.background import request_cancel
from dynamail.accounts.models import Account
from dynamail.contacts.editing import delete_contact
from dynamail.contacts.merging import merge_contacts
from dynamail.contacts.working import begin_work
from dynamail.events.log import record_event
from dynamail.lib.ids import to_public_id
from dynamail.webhooks.endpoints import (
    EndpointSettings,
    change_endpoint,
    pause_endpoint,
    remove_endpoint,
    resume_endpoint,
)
from dynamail.webhooks.errors import WebhookError
from dynamail.webhooks.models import WebhookDelivery
from dynamail.webhooks.replaying import ReplayRange, replay_delivery, replay_range, run_replay
from tests.support.people import make_contact
from tests.support.personas import NOW
from tests.support.webhook_sink import Said, WebhookSink
from tests.webhooks.conftest import make_endpoint, owner_of, send_due, spread

HOUR = timedelta(hours=1)


def test_a_range_brings_what_failed_and_what_was_missed_and_only_that(
    account: Account, sink: WebhookSink
) -> None:
    owner = owner_of(account)
    endpoint, _keys = make_endpoint(account, sink.url(), kinds=("campaign.finished", "campaign.paused"))
    good = record_event(account.pk, "campaign.finished", now=NOW)
    spread(account, good)
    send_due(NOW)
    sink.answer = lambda _request: Said(500)
    bad = record_event(account.pk, "campaign.finished", now=NOW)
    spread(account, bad)
    send_due(NOW)
    pause_endpoint(endpoint, by=owner, now=NOW)
    missed = record_event(account.pk, "campaign.paused", now=NOW)
    record_event(account.pk, "campaign.launched", now=NOW)  # nobody wants it
    record_event(account.pk, "campaign.finished", now=NOW - 2 * HOUR)  # before the range
    resume_endpoint(endpoint, by=owner, now=NOW)
    sink.requests.clear()
    sink.answer = lambda _request: Said(200)
    work = replay_range(endpoint, ReplayRange(NOW - HOUR, NOW + HOUR), by=owner, now=NOW)
    assert run_replay(work, now=NOW) == 2
    assert send_due(NOW) == 2
    assert {request.headers["webhook-id"] for request in sink.requests} == {name(bad), name(missed)}
    again = ReplayRange(NOW - HOUR, NOW + HOUR, ("campaign.finished",), only_missing=False)
    assert run_replay(replay_range(endpoint, again, by=owner, now=NOW), now=NOW) == 2
    assert send_due(NOW) == 2


def test_a_range_for_a_webhook_that_was_removed_says_so(account: Account, sink: WebhookSink) -> None:
    owner = owner_of(account)
    endpoint, _keys = make_endpoint(account, sink.url())
    work = replay_range(endpoint, ReplayRange(NOW - HOUR, NOW + HOUR), by=owner, now=NOW)
    remove_endpoint(endpoint, by=owner, now=NOW)
    assert run_replay(work, now=NOW) == 0
    work.refresh_from_db()
    assert (work.state, work.message) == ("failed", "This webhook was removed meanwhile.")


def test_a_range_is_canceled_between_two_blocks(account: Account, sink: WebhookSink) -> None:
    owner = owner_of(account)
    endpoint, _keys = make_endpoint(account, sink.url())
    record_event(account.pk, "campaign.finished", now=NOW)
    work = replay_range(endpoint, ReplayRange(NOW - HOUR, NOW + HOUR), by=owner, now=NOW)
    begin_work(work, now=NOW)  # and the worker was killed
    request_cancel(work, now=NOW)
    work.refresh_from_db()
    run_replay(work, now=NOW)
    work.refresh_from_db()
    assert work.state == "canceled"


@pytest.mark.promise("P8.1")
def test_a_range_says_nothing_about_who_was_deleted_since(account: Account, sink: WebhookSink) -> None:
    owner = owner_of(account)
    endpoint, _keys = make_endpoint(account, sink.url(), fields=("address",))
    ann = make_contact(account, "ann@mail.example")
    tagged = record_event(account.pk, "contact.tagged", contact_id=ann.id, now=NOW)
    delete_contact(ann, by=owner, now=NOW)
    assert spread(account, tagged) == 0
    work = replay_range(endpoint, ReplayRange(NOW - HOUR, NOW + HOUR), by=owner, now=NOW)
    run_replay(work, now=NOW)
    send_due(NOW)
    assert [json.loads(one.body)["type"] for one in sink.requests] == ["contact.deleted"]


@pytest.mark.promise("P8.1")
def test_who_is_deleted_takes_along_what_was_said_before_a_merge(account: Account) -> None:
    owner = owner_of(account)
    make_endpoint(account, "https://hooks.example/catch", fields=("address",))
    ann, old = make_contact(account, "ann@mail.example"), make_contact(account, "old@mail.example")
    spread(account, record_event(account.pk, "contact.tagged", contact_id=old.id, now=NOW))
    merge_contacts(account.pk, kept_id=ann.id, gone_id=old.id, by=owner, now=NOW)
    delete_contact(ann, by=owner, now=NOW)
    delivery = WebhookDelivery.objects.for_account(account).get()
    assert (delivery.payload, delivery.state, delivery.error) == (None, "given_up", "erased")


@pytest.mark.promise("P7.1")
def test_another_path_is_another_receiver(account: Account) -> None:
    """Thousands share the host of a service for hooks."""
    endpoint, _keys = make_endpoint(account, "https://hooks.example/catch/1")
    other = EndpointSettings("https://hooks.example/catch/2", ("*",))
    with pytest.raises(WebhookError, match="More would be handed over"):
        change_endpoint(endpoint, other, authorized=False, by=owner_of(account), now=NOW)


@pytest.mark.promise("P7.2")
def test_an_event_that_is_not_chosen_any_more_is_not_told(account: Account, sink: WebhookSink) -> None:
    owner = owner_of(account)
    endpoint, _keys = make_endpoint(account, sink.url(), kinds=("campaign.finished", "campaign.paused"))
    spread(account, record_event(account.pk, "campaign.paused", now=NOW))
    delivery = WebhookDelivery.objects.for_account(account).get()
    fewer = EndpointSettings(sink.url(), ("campaign.finished",))
    change_endpoint(endpoint, fewer, authorized=False, by=owner, now=NOW)
    send_due(NOW)
    with pytest.raises(WebhookError, match=r"not told of campaign\.paused"):
        replay_delivery(endpoint, delivery, by=owner, now=NOW)
    assert not sink.requests


def name(event_id: UUID) -> str:
    return to_public_id("evt", event_id)
