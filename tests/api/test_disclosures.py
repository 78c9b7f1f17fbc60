"""To whom one person's data was handed over, through the API."""

from __future__ import annotations

from typing import Any

import pytest

from dynamail.accounts.api_keys import Scope
from dynamail.events.log import record_event
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import new_id
from dynamail.messages.models import Message
from dynamail.senders.models import Transport
from dynamail.webhooks.models import WebhookDelivery
from tests.api.conftest import Shop, body_of, problem_of
from tests.support.people import make_contact
from tests.support.webhook_sink import Said, WebhookSink
from tests.webhooks.conftest import make_endpoint, send_due, sink, spread  # noqa: F401 — a fixture

PATH = "/api/v1/contacts"


@pytest.fixture(autouse=True)
def empty_queue(shops: tuple[Shop, Shop]) -> None:
    """What other tests queued stays committed; none of it is due in this one."""
    WebhookDelivery.objects.across_accounts(reason="the queue is one").delete()


def send_mail(shop: Shop, address: str, **values: Any) -> str:
    way = Transport.objects.add(shop.account, name="Relay", host="relay.example", authorized_at=utc_now())
    now = utc_now()
    row = Message.objects.add(
        shop.account,
        id=new_id(now),
        at=now,
        source_kind="api",
        state="delivered",
        recipient=address,
        transport_id=way.pk,
        **values,
    )
    return str(row.public_id)


@pytest.mark.promise("P7.1")
def test_each_handing_over_is_listed_with_its_authorization(shop: Shop, sink: WebhookSink) -> None:  # noqa: F811
    make_endpoint(shop.account, sink.url("/secret-path"), fields=("address",))
    contact, now = make_contact(shop.account), utc_now()
    for _number in range(2):
        event = record_event(shop.account.pk, "contact.tagged", contact_id=contact.id, now=now, data={})
        spread(shop.account, event, now=now)
    sink.answer = lambda _request: Said(500)
    send_due(now)
    send_mail(shop, contact.email, contact_id=contact.id)
    address = f"{PATH}/{contact.public_id}/disclosures"
    whole = body_of(shop.ask("GET", address))["data"]
    first = body_of(shop.ask("GET", f"{address}?limit=2"))
    second = body_of(shop.ask("GET", f"{address}?limit=2&after={first['next']}"))
    assert first["data"] + second["data"] == whole
    assert (len(first["data"]), second["has_more"]) == (2, False)
    assert {(one["to"]["kind"], one["to"]["host"], one["event"], one["received"]) for one in whole} == {
        ("webhook", "127.0.0.1", "contact.tagged", "refused"),
        ("relay", "relay.example", "message", "yes"),
    }
    hooks = [one for one in whole if one["to"]["kind"] == "webhook"]
    assert {tuple(one["fields"]) for one in hooks} == {("address",)}
    assert "secret-path" not in str(whole)
    hook = hooks[0]["to"]["id"]
    (kept,) = body_of(shop.ask("GET", f"/api/v1/webhooks/{hook}/authorizations"))["data"]
    assert hooks[0]["authorization"] == {"id": kept["id"], "at": kept["at"], "by": kept["by"]}


def test_an_address_that_is_nobodys_contact_is_asked_for_as_well(shop: Shop) -> None:
    send_mail(shop, "guest@mail.example", email_id=new_id())
    (one,) = body_of(shop.ask("GET", f"{PATH}/guest@mail.example/disclosures"))["data"]
    assert one["event"] == "message"
    nobody = body_of(shop.ask("GET", f"{PATH}/nobody@mail.example/disclosures"))
    assert nobody == {"data": [], "has_more": False, "next": None}
    assert (
        problem_of(shop.ask("GET", f"{PATH}/no@body@x/disclosures"), 422)["errors"][0]["field"] == "contact"
    )


def test_who_may_read_contacts_may_read_it(shops: tuple[Shop, Shop]) -> None:
    alice, charlie = shops
    contact = make_contact(alice.account)
    address = f"{PATH}/{contact.public_id}/disclosures"
    assert alice.ask("GET", address, key=alice.make_key(Scope.READ_CONTACTS)).status == 200
    problem_of(alice.ask("GET", address, key=alice.make_key(Scope.READ_WEBHOOKS)), 403)
    problem_of(charlie.ask("GET", address), 404)
    assert problem_of(alice.ask("GET", f"{address}?after=nonsense"), 422)["code"] == "invalid"
