"""The door in the shape of Segment's libraries; payloads as analytics-python writes them."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from dynamail.accounts.api_keys import Scope
from dynamail.contacts.catalog import create_attribute
from dynamail.contacts.models import Contact
from dynamail.events.models import CustomEvent
from dynamail.lib.clock import utc_now
from tests.api.conftest import Shop
from tests.support.asgi import Answer

PATH = "/compat/segment/v1"


def write_call(kind: str, **values: Any) -> dict[str, Any]:
    """As the library enriches each call before it puts it into its queue."""
    return {
        "type": kind,
        "userId": "ann@mail.example",
        "anonymousId": None,
        "timestamp": (utc_now() - timedelta(seconds=5)).isoformat(),
        "messageId": str(uuid4()),
        "integrations": {},
        "context": {"library": {"name": "analytics-python", "version": "2.3.2"}},
        **values,
    }


def ask(
    shop: Shop, tail: str, body: object, *, key: str | None = None, headers: dict[str, str] | None = None
) -> Answer:
    credentials = b64encode(f"{key or shop.key}:".encode()).decode()
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    said = {
        "authorization": f"Basic {credentials}",
        "user-agent": "analytics-python/2.3.2",
        **(headers or {}),
    }
    return shop.ask("POST", f"{PATH}/{tail}", raw, key="", headers=said)


def take(shop: Shop, tail: str, body: object, **options: Any) -> dict[str, Any]:
    answer = ask(shop, tail, body, **options)
    assert answer.status == 200, answer.body
    told: dict[str, Any] = json.loads(answer.body)
    assert told["success"] is True
    return told


def refused(answer: Answer, status: int) -> dict[str, Any]:
    """What the libraries read of a refusal."""
    assert answer.status == status, answer.body
    told: dict[str, Any] = json.loads(answer.body)
    assert told["success"] is False
    assert told["code"]
    assert told["message"]
    return told


def fields_of(told: dict[str, Any]) -> list[tuple[int, str]]:
    return [(one["index"], one["field"]) for one in told["ignored"]]


@pytest.fixture
def filled(shop: Shop) -> Shop:
    for label, kind in (("Plan", "text"), ("Total spent", "number"), ("Postal code", "text")):
        create_attribute(shop.account.pk, label=label, type=kind, by=None, now=utc_now())
    return shop


def test_identify_makes_a_contact_and_then_changes_them(filled: Shop) -> None:
    traits = {"firstName": "Ann", "lastName": "Lee", "plan": "gold", "totalSpent": 12.5, "logins": 4}
    told = take(
        filled, "identify", write_call("identify", traits=traits, context={"timezone": "Europe/Minsk"})
    )
    assert (told["accepted"], fields_of(told)) == (1, [(0, "traits.logins")])
    ann = Contact.objects.for_account(filled.account).get()
    assert (ann.email, ann.name, ann.timezone, ann.source_kind) == (
        "ann@mail.example",
        "Ann Lee",
        "Europe/Minsk",
        "api",
    )
    assert ann.attributes == {"1": "gold", "2": 12.5}
    body = write_call("identify", userId=42, traits={"email": "Ann@mail.example", "postalCode": 220000})
    assert take(filled, "identify", body)["accepted"] == 1
    ann = Contact.objects.for_account(filled.account).get()
    assert ann.attributes == {"1": "gold", "2": 12.5, "3": "220000"}
    assert ann.name == "Ann Lee"


def test_a_batch_is_taken_packed_or_plain_and_once(filled: Shop) -> None:
    calls = [
        write_call("track", event="Order Completed", properties={"total": 25, "items": [{"sku": "a"}]}),
        write_call("identify", traits={"plan": "silver"}),
        write_call("page", name="Home"),
        write_call("track", event="Signed Up", userId="bob@mail.example"),
    ]
    body = json.dumps({"batch": calls, "sentAt": utc_now().isoformat(), "writeKey": filled.key}).encode()
    told = take(filled, "batch", gzip.compress(body), headers={"content-encoding": "gzip"})
    assert (told["accepted"], fields_of(told)) == (3, [(2, "type")])
    assert take(filled, "batch", body)["accepted"] == 3  # the library tries again when it heard no answer
    events = CustomEvent.objects.for_account(filled.account)
    assert events.count() == 2
    assert {"total": 25, "items": [{"sku": "a"}]} in [event.properties for event in events]
    contacts = Contact.objects.for_account(filled.account)
    assert sorted(contacts.values_list("email", flat=True)) == ["ann@mail.example", "bob@mail.example"]


def test_calls_that_have_no_use_are_answered(filled: Shop) -> None:
    for kind in ("page", "screen", "group", "alias"):
        told = take(filled, kind, write_call(kind))
        assert (told["accepted"], fields_of(told)) == (0, [(0, "type")])


def test_what_cannot_be_used_is_told_and_keeps_nothing_else_out(filled: Shop) -> None:
    calls = [
        write_call("track", event="X", userId="42"),
        write_call("track", event=""),
        write_call("track", event="contact.created"),
        write_call("track", event="X", timestamp="yesterday"),
        write_call("track", event="X", timestamp="2001-01-01T00:00:00Z"),
        write_call("track", event="X", properties={"x": "y" * 9_000}),
        write_call("identify", traits={"totalSpent": "lots"}),
        write_call("identify", userId=None, anonymousId="a"),
        write_call("dance"),
        write_call("track", event="X", properties={"x": "y" * 33_000}),
        {"type": "track", "event": 7},
        5,
        write_call("track", event="Fine"),
    ]
    told = take(filled, "batch", {"batch": calls})
    assert told["accepted"] == 2
    places = fields_of(told)
    assert [index for index, _field in places] == list(range(12))
    assert {
        0: "userId",
        1: "event",
        3: "timestamp",
        6: "traits.totalSpent",
        8: "type",
        9: "call",
    }.items() <= dict(places).items()
    assert told["ignored"][0]["messageId"] == calls[0]["messageId"]


def test_who_asked_to_be_left_alone_is(filled: Shop) -> None:
    take(filled, "identify", write_call("identify", traits={"plan": "gold"}))
    Contact.objects.for_account(filled.account).update(state="restricted")
    calls = [write_call("identify", traits={"plan": "iron"}), write_call("track", event="X")]
    assert take(filled, "batch", {"batch": calls})["accepted"] == 0
    assert Contact.objects.for_account(filled.account).get().attributes == {"1": "gold"}


def test_refusals_are_told_as_the_libraries_read_them(filled: Shop) -> None:
    call = write_call("track", event="X")
    refused(ask(filled, "track", call, key="dm_live_x"), 401)
    refused(ask(filled, "track", call, key=filled.make_key(Scope.WRITE_EVENTS)), 403)
    refused(ask(filled, "track", b"{"), 400)
    refused(ask(filled, "batch", []), 422)
    refused(ask(filled, "batch", {"batch": 1}), 422)
    refused(ask(filled, "track", call | {"properties": {"x": "y" * 33_000}}), 413)
    refused(ask(filled, "nothing", call), 404)
    gz = {"content-encoding": "gzip"}
    bomb = gzip.compress(b'{"batch":[' + b" " * 2**24 + b"]}")
    refused(ask(filled, "batch", bomb, headers=gz), 413)
    refused(ask(filled, "batch", b"no gzip", headers=gz), 400)
    refused(ask(filled, "batch", gzip.compress(b'{"batch":[]}')[:-9], headers=gz), 400)
    refused(ask(filled, "batch", b"{}", headers={"content-encoding": "br"}), 415)
    assert not Contact.objects.for_account(filled.account).exists()
