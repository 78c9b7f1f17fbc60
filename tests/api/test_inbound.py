from __future__ import annotations

import json
from typing import Any

import pytest

from dynamail.accounts.api_keys import Scope
from dynamail.accounts.tenancy import account_scope
from dynamail.inbound.models import InboundDomain, ReceivedMessage
from dynamail.senders.models import SendingDomain
from tests.api.conftest import Shop
from tests.inbound.letters import LETTER, take
from tests.support.asgi import Answer
from tests.support.dns_server import DnsServer
from tests.support.personas import NOW

PATH = "/api/v1/inbound"


def told(answer: Answer, status: int = 200) -> Any:
    assert answer.status == status, answer.body
    return json.loads(answer.body) if answer.body else None


@pytest.fixture
def letter(shop: Shop, settings: Any) -> ReceivedMessage:
    with DnsServer() as dns:
        settings.DNS_SERVERS = (dns.address,)
        with account_scope(shop.account):
            return take(shop.account.pk)


def test_an_address_is_created_listed_and_removed(shops: tuple[Shop, Shop]) -> None:
    shop, other = shops
    name = f"help-{shop.account.pk}"
    made = told(shop.ask("POST", f"{PATH}/addresses", {"name": name, "note": "Support"}), 201)
    assert made["address"] == f"{name}@inbound.localhost.localdomain"
    assert told(shop.ask("GET", f"{PATH}/addresses"))["data"] == [made]
    assert told(other.ask("GET", f"{PATH}/addresses"))["data"] == []
    taken = told(other.ask("POST", f"{PATH}/addresses", {"name": name}), 409)
    assert (taken["code"], taken["errors"][0]["field"]) == ("name_taken", "name")
    told(other.ask("DELETE", f"{PATH}/addresses/{made['id']}"), 404)
    told(shop.ask("DELETE", f"{PATH}/addresses/{made['id']}"), 204)
    assert told(shop.ask("POST", f"{PATH}/addresses", {}), 201)["address"].startswith("in-")
    assert told(shop.ask("POST", f"{PATH}/addresses", {"name": "a b"}), 422)["errors"][0]["field"] == "name"


def test_a_domain_is_checked_by_its_record(shop: Shop, settings: Any) -> None:
    name = f"in{shop.account.pk}.acme.example"
    made = told(shop.ask("POST", f"{PATH}/domains", {"name": name}), 201)
    assert not made["verified"]
    txt = made["records"][0]
    with DnsServer() as dns:
        settings.DNS_SERVERS = (dns.address,)
        assert not told(shop.ask("POST", f"{PATH}/domains/{made['id']}/check"))["verified"]
        dns.publish(txt["name"], txt["type"], txt["value"])
        assert told(shop.ask("POST", f"{PATH}/domains/{made['id']}/check"))["verified"]
    assert told(shop.ask("POST", f"{PATH}/domains", {"name": name}), 409)["code"] == "domain_exists"
    told(shop.ask("DELETE", f"{PATH}/domains/{made['id']}"), 204)
    assert told(shop.ask("GET", f"{PATH}/domains"))["data"] == []


def test_a_subdomain_of_a_verified_domain_needs_no_record(shop: Shop) -> None:
    parent = f"shop{shop.account.pk}.example"
    SendingDomain.objects.add(shop.account, name=parent, state="verified", verified_at=NOW)
    assert told(shop.ask("POST", f"{PATH}/domains", {"name": f"in.{parent}"}), 201)["verified"]
    assert InboundDomain.objects.for_account(shop.account).get().verified_at


def test_a_message_is_listed_and_read(shops: tuple[Shop, Shop], letter: ReceivedMessage) -> None:
    shop, other = shops
    (row,) = told(shop.ask("GET", f"{PATH}/messages"))["data"]
    assert (row["id"], row["from"], row["subject"]) == (letter.public_id, "jurg@example.com", "Заказ")
    assert row["attachments"] == [
        {"number": 0, "filename": "bill.pdf", "content_type": "application/pdf", "size": 4}
    ]
    read = told(shop.ask("GET", f"{PATH}/messages/{letter.public_id}"))
    assert read["reply"] == "Where is my order?"
    assert "It is on its way" in read["text"]
    assert "<script>" in read["html"]
    assert ["Message-ID", "<m1@example.com>"] in read["headers"]
    assert told(other.ask("GET", f"{PATH}/messages"))["data"] == []
    for path in ("", "/raw", "/attachments/0"):
        told(other.ask("GET", f"{PATH}/messages/{letter.public_id}{path}"), 404)


def test_octets_are_files_that_no_browser_shows(shop: Shop, letter: ReceivedMessage) -> None:
    raw = shop.ask("GET", f"{PATH}/messages/{letter.public_id}/raw")
    assert raw.body == LETTER
    file = shop.ask("GET", f"{PATH}/messages/{letter.public_id}/attachments/0")
    assert file.body == b"%PDF"
    for answer in (raw, file):
        headers = dict(answer.headers)
        assert headers["content-disposition"].startswith("attachment; ")
        assert headers["x-content-type-options"] == "nosniff"
    assert dict(file.headers)["content-disposition"].endswith("''bill.pdf")
    told(shop.ask("GET", f"{PATH}/messages/{letter.public_id}/attachments/1"), 404)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("to=help@inbound.localhost.localdomain", 1),
        ("to=other@inbound.localhost.localdomain", 0),
        ("from=JURG@example.com", 1),
        ("search=%D0%97%D0%B0%D0%BA", 1),
        ("replies_only=true", 0),
        ("email_id=eml_00000000000000000000000000", 0),
    ],
)
def test_messages_are_filtered(shop: Shop, letter: ReceivedMessage, query: str, count: int) -> None:
    assert len(told(shop.ask("GET", f"{PATH}/messages?{query}"))["data"]) == count


def test_a_wrong_query_is_named(shop: Shop) -> None:
    assert told(shop.ask("GET", f"{PATH}/messages?email_id=x"), 422)["errors"][0]["field"] == "email_id"
    told(shop.ask("GET", f"{PATH}/messages/rcv_nonsense"), 404)


def test_contents_that_are_gone_are_null(shop: Shop, letter: ReceivedMessage) -> None:
    ReceivedMessage.objects.for_account(shop.account).update(raw=None)
    assert told(shop.ask("GET", f"{PATH}/messages/{letter.public_id}"))["text"] is None
    told(shop.ask("GET", f"{PATH}/messages/{letter.public_id}/raw"), 404)


def test_scopes_are_asked_for(shop: Shop) -> None:
    reads = shop.make_key(Scope.READ_INBOUND)
    told(shop.ask("GET", f"{PATH}/messages", key=reads))
    assert told(shop.ask("POST", f"{PATH}/addresses", {}, key=reads), 403)["code"] == "missing_scope"
    told(shop.ask("GET", f"{PATH}/messages", key=shop.make_key(Scope.READ_EVENTS)), 403)
