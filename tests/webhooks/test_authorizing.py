"""Who allowed a transfer, until when, and that nothing leaves after it was taken back (P7.1)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dynamail.accounts.models import Account
from dynamail.events.log import record_event
from dynamail.events.models import Event
from dynamail.webhooks.authorizing import list_authorizations
from dynamail.webhooks.disclosures import list_disclosures
from dynamail.webhooks.endpoints import (
    EndpointSettings,
    change_endpoint,
    remove_endpoint,
    withdraw_authorization,
)
from dynamail.webhooks.errors import WebhookError
from dynamail.webhooks.models import WebhookAttempt, WebhookDelivery
from dynamail.webhooks.outcomes import Outcome, settle_jobs
from dynamail.webhooks.persons import describe_contact
from dynamail.webhooks.posting import Reply
from dynamail.webhooks.replaying import _read_event, replay_delivery, send_test
from dynamail.webhooks.sending import LEASE, claim_jobs
from dynamail.webhooks.spreading import make_deliveries
from tests.support.people import make_contact
from tests.support.personas import NOW
from tests.support.webhook_sink import Said, WebhookSink
from tests.webhooks.conftest import make_endpoint, owner_of, send_due, spread


@pytest.mark.promise("P7.1")
def test_a_withdrawn_authorization_stops_what_waits_and_what_was_to_be_tried_again(
    account: Account, sink: WebhookSink
) -> None:
    endpoint, _keys = make_endpoint(account, sink.url())
    happened = [record_event(account.pk, "campaign.launched", now=NOW, data={}) for _number in range(3)]
    spread(account, happened[0])
    sink.answer = lambda _request: Said(500)
    send_due(NOW)  # is to be tried again
    spread(account, happened[1])  # waits
    assert withdraw_authorization(endpoint, by=owner_of(account), now=NOW)
    assert not withdraw_authorization(endpoint, by=owner_of(account), now=NOW)
    assert spread(account, happened[2]) == 0
    assert send_due(NOW + timedelta(days=1)) == 0
    assert len(sink.requests) == 1
    rows = WebhookDelivery.objects.for_account(account)
    assert set(rows.values_list("state", "error", "next_at")) == {("given_up", "withdrawn", None)}
    for verb in (
        lambda: send_test(endpoint, by=owner_of(account), now=NOW),
        lambda: replay_delivery(endpoint, rows[0], by=owner_of(account), now=NOW),
    ):
        with pytest.raises(WebhookError, match="authorize the transfer first"):
            verb()


@pytest.mark.promise("P7.1")
def test_a_request_under_way_when_it_is_withdrawn_is_not_repeated(
    account: Account, sink: WebhookSink
) -> None:
    endpoint, _keys = make_endpoint(account, sink.url())
    spread(account, record_event(account.pk, "campaign.launched", now=NOW, data={}))
    (job,) = claim_jobs(now=NOW, room=1)
    withdraw_authorization(endpoint, by=owner_of(account), now=NOW)
    assert settle_jobs([Outcome(job, Reply("timeout"))], now=NOW) == set()
    assert send_due(NOW + timedelta(days=1)) == 0
    assert WebhookAttempt.objects.for_account(account).count() == 1  # and it is told that it left


@pytest.mark.promise("P7.1")
def test_every_authorization_is_kept_with_its_end(account: Account) -> None:
    endpoint, _keys = make_endpoint(account, "https://shop.example/")
    owner = owner_of(account)
    wider = EndpointSettings("https://shop.example/", ("*",), ("address",))
    change_endpoint(endpoint, wider, authorized=True, by=owner, now=NOW)
    narrower = EndpointSettings("https://shop.example/", ("*",), ())
    change_endpoint(endpoint, narrower, authorized=False, by=owner, now=NOW)
    withdraw_authorization(endpoint, by=owner, now=NOW)
    change_endpoint(endpoint, narrower, authorized=True, by=owner, now=NOW)
    remove_endpoint(endpoint, by=owner, now=NOW)
    kept = list_authorizations(endpoint, limit=9)
    assert [(one.end, one.fields, one.name, one.ended_name) for one in kept] == [
        ("removed", [], "Alice", "Alice"),
        ("withdrawn", ["address"], "Alice", "Alice"),
        ("replaced", [], "Alice", "Alice"),
    ]
    assert all("https://shop.example/" in one.text for one in kept)


def test_what_was_noted_while_it_was_taken_back_is_not_sent_later(
    account: Account, sink: WebhookSink
) -> None:
    endpoint, _keys = make_endpoint(account, sink.url())
    withdraw_authorization(endpoint, by=owner_of(account), now=NOW)
    late = record_event(account.pk, "campaign.launched", now=NOW, data={})
    events = Event.objects.for_account(account).filter(id=late)
    make_deliveries(account.pk, [endpoint], [_read_event(row) for row in events], now=NOW)  # as in a race
    chosen = EndpointSettings(sink.url(), ("*",))
    change_endpoint(endpoint, chosen, authorized=True, by=owner_of(account), now=NOW)
    assert send_due(NOW) == 0


@pytest.mark.promise("P7.1")
def test_what_a_dead_worker_had_claimed_before_the_end_may_have_arrived(account: Account) -> None:
    endpoint, _keys = make_endpoint(account, "https://shop.example/", fields=("address",))
    contact = make_contact(account)
    spread(account, record_event(account.pk, "contact.tagged", contact_id=contact.id, now=NOW, data={}))
    claim_jobs(now=NOW, room=1)  # and nobody settles it
    withdraw_authorization(endpoint, by=owner_of(account), now=NOW + LEASE)
    (one,) = list_disclosures(account.pk, describe_contact(contact), limit=9)
    assert (one.received, one.fields, one.authorization and one.authorization.by) == (
        "unknown",
        ("address",),
        "Alice",
    )
