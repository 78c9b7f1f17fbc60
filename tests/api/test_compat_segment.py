"""The door in the shape of Segment's libraries; payloads as analytics-python writes them."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from dynamail.accounts.api_keys import Scope
from dynamail.contacts.catalog import create_attribute
from dynamail.contacts.external_ids import list_external_ids
from dynamail.contacts.merging import merge_contacts
from dynamail.contacts.models import Contact
from dynamail.events.models import CustomEvent, EventName
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
    for kind in ("page", "screen", "group"):
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


# ── People by the ids of the sender's system ─────────────────────────────────────────────────────────────────────────
def people_of(shop: Shop) -> dict[str, list[str]]:
    """External ids by addresses."""
    contacts = list(Contact.objects.for_account(shop.account))
    found = list_external_ids(shop.account.pk, [one.id for one in contacts])
    return {one.email: found.get(one.id, []) for one in contacts}


def events_of(shop: Shop) -> list[tuple[str, str]]:
    """Addresses, and what they did; the earliest first."""
    emails = {one.id: one.email for one in Contact.objects.for_account(shop.account)}
    events = CustomEvent.objects.for_account(shop.account).order_by("at")
    names = dict(EventName.objects.for_account(shop.account).values_list("pk", "name"))
    return [(emails[one.contact_id], names[one.name_id]) for one in events]


def in_turn(*calls: dict[str, Any]) -> dict[str, Any]:
    start = utc_now() - timedelta(minutes=10)
    for place, call in enumerate(calls):
        call["timestamp"] = (start + timedelta(seconds=place)).isoformat()
    return {"batch": list(calls)}


def identify(user_id: object, email: str = "", **traits: Any) -> dict[str, Any]:
    return write_call("identify", userId=user_id, traits={"email": email, **traits} if email else traits)


def track(user_id: object, event: str) -> dict[str, Any]:
    return write_call("track", userId=user_id, event=event)


def test_an_id_that_was_identified_names_the_person_from_then_on(filled: Shop) -> None:
    told = take(filled, "track", track("u1", "Too early"))
    assert (told["accepted"], fields_of(told)) == (0, [(0, "userId")])
    assert take(filled, "identify", identify("u1", "ann@mail.example"))["accepted"] == 1
    assert take(filled, "track", track("u1", "Signed Up"))["accepted"] == 1
    assert take(filled, "identify", identify("u1", plan="gold"))["accepted"] == 1
    assert people_of(filled) == {"ann@mail.example": ["u1"]}
    assert events_of(filled) == [("ann@mail.example", "Signed Up")]
    assert Contact.objects.for_account(filled.account).get().attributes == {"1": "gold"}


def test_people_are_identified_and_told_of_in_one_batch(filled: Shop) -> None:
    body = in_turn(
        track(7, "Before"),
        identify(7, "ann@mail.example", plan="gold"),
        track(7, "After"),
        identify("u2", "ANN@mail.example"),
        track("u2", "Same person"),
        identify("u3"),
        track("u3", "Nobody"),
    )
    told = take(filled, "batch", body)
    assert (told["accepted"], fields_of(told)) == (5, [(5, "userId"), (6, "userId")])
    assert people_of(filled) == {"ann@mail.example": ["7", "u2"]}
    assert [name for _email, name in events_of(filled)] == ["Before", "After", "Same person"]
    assert take(filled, "batch", body)["accepted"] == 5
    assert len(events_of(filled)) == 3


def test_another_address_of_the_same_id_is_the_persons_new_one(filled: Shop) -> None:
    take(filled, "identify", identify("u1", "ann@old.example", plan="gold"))
    before = Contact.objects.for_account(filled.account).get()
    assert take(filled, "identify", identify("u1", "ann@new.example"))["accepted"] == 1
    after = Contact.objects.for_account(filled.account).get()
    assert (after.id, after.email, after.attributes) == (before.id, "ann@new.example", {"1": "gold"})


def test_an_address_that_somebody_has_takes_the_id_along(filled: Shop) -> None:
    body = in_turn(
        identify("u1", "ann@mail.example"),
        identify("u2", "bob@mail.example"),
        track("u1", "As Ann"),
        identify("u1", "bob@mail.example"),
        track("u1", "As Bob"),
    )
    assert take(filled, "batch", body)["accepted"] == 5
    assert people_of(filled) == {"ann@mail.example": [], "bob@mail.example": ["u1", "u2"]}
    assert events_of(filled) == [("ann@mail.example", "As Ann"), ("bob@mail.example", "As Bob")]


def test_addresses_go_round_in_one_batch(filled: Shop) -> None:
    take(filled, "batch", in_turn(identify("u1", "a@mail.example"), identify("u2", "b@mail.example")))
    ids = dict(Contact.objects.for_account(filled.account).values_list("email", "id"))
    body = in_turn(
        identify("u1", "c@mail.example"),
        identify("u2", "a@mail.example"),
        identify("u3", "b@mail.example"),
        identify("u4", "d@mail.example"),
        identify("u4", "e@mail.example"),
        track("u4", "Moved"),
    )
    assert take(filled, "batch", body)["accepted"] == 6
    assert people_of(filled) == {
        "c@mail.example": ["u1"],
        "a@mail.example": ["u2"],
        "b@mail.example": ["u3"],
        "e@mail.example": ["u4"],
    }
    after = dict(Contact.objects.for_account(filled.account).values_list("email", "id"))
    assert (after["c@mail.example"], after["a@mail.example"]) == (
        ids["a@mail.example"],
        ids["b@mail.example"],
    )
    assert events_of(filled) == [("e@mail.example", "Moved")]


def test_an_alias_gives_a_person_one_more_id(filled: Shop) -> None:
    body = in_turn(
        identify("u1", "ann@mail.example"),
        identify("u2", "bob@mail.example"),
        write_call("alias", previousId="u1", userId="ann-1"),
        write_call("alias", previousId="ann@mail.example", userId=17),
        write_call("alias", previousId="a-visitor", userId="u2"),
        write_call("alias", previousId="u1", userId="u2"),
        write_call("alias", previousId="u1", userId="x@mail.example"),
        write_call("alias", previousId="u1", userId="x" * 300),
        track("ann-1", "Seen"),
    )
    told = take(filled, "batch", body)
    assert told["accepted"] == 5
    assert fields_of(told) == [(4, "previousId"), (5, "userId"), (6, "userId"), (7, "userId")]
    assert people_of(filled) == {"ann@mail.example": ["17", "ann-1", "u1"], "bob@mail.example": ["u2"]}
    assert events_of(filled) == [("ann@mail.example", "Seen")]
    assert take(filled, "alias", write_call("alias", previousId="u2", userId="u22"))["accepted"] == 1


def test_visitors_without_a_name_are_kept_nowhere(filled: Shop) -> None:
    calls = [
        write_call("identify", anonymousId="visitor-1", userId="u1", traits={"email": "ann@mail.example"}),
        write_call("track", anonymousId="visitor-1", userId=None, event="Seen"),
        write_call("alias", anonymousId="visitor-1", previousId="visitor-1", userId="u1"),
    ]
    told = take(filled, "batch", {"batch": calls})
    assert (told["accepted"], fields_of(told)) == (1, [(1, "userId"), (2, "previousId")])
    assert people_of(filled) == {"ann@mail.example": ["u1"]}


def test_an_id_that_cannot_be_kept_leaves_the_address_to_say_who_it_is(filled: Shop) -> None:
    told = take(filled, "identify", identify("x" * 300, "ann@mail.example"))
    assert (told["accepted"], fields_of(told)) == (1, [(0, "userId")])
    told = take(filled, "track", track("x\x00", "Seen"))
    assert (told["accepted"], fields_of(told)) == (0, [(0, "userId")])
    assert people_of(filled) == {"ann@mail.example": []}


def test_who_asked_to_be_left_alone_keeps_address_and_ids(filled: Shop) -> None:
    take(filled, "batch", in_turn(identify("u1", "ann@mail.example"), identify("u2", "bob@mail.example")))
    Contact.objects.for_account(filled.account).filter(email="ann@mail.example").update(state="restricted")
    body = in_turn(
        identify("u1", "new@mail.example"),
        identify("u2", "ann@mail.example"),
        identify("u1", plan="gold"),
        write_call("alias", previousId="u1", userId="u3"),
        track("u1", "Seen"),
    )
    told = take(filled, "batch", body)
    assert (told["accepted"], [index for index, _field in fields_of(told)]) == (0, [0, 1, 2, 3, 4])
    assert people_of(filled) == {"ann@mail.example": ["u1"], "bob@mail.example": ["u2"]}


def test_an_address_that_was_merged_away_leads_the_id_to_who_is_left(filled: Shop) -> None:
    take(filled, "batch", in_turn(identify("u1", "kept@mail.example"), identify("u2", "gone@mail.example")))
    rows = Contact.objects.for_account(filled.account)
    kept, gone = rows.get(email="kept@mail.example"), rows.get(email="gone@mail.example")
    merge_contacts(filled.account.pk, kept_id=kept.id, gone_id=gone.id, by=filled.owner, now=utc_now())
    body = in_turn(identify("u1", "gone@mail.example", plan="gold"), track("u2", "Seen"))
    assert take(filled, "batch", body)["accepted"] == 2
    assert people_of(filled) == {"kept@mail.example": ["u1", "u2"]}
    assert rows.get().attributes == {"1": "gold"}
    assert events_of(filled) == [("kept@mail.example", "Seen")]


def test_the_same_people_identified_twice_at_once_are_there_once(filled: Shop) -> None:
    calls = [identify(f"u{number}", f"p{number}@mail.example", plan="gold") for number in range(40)]
    calls += [track(f"u{number}", "Seen") for number in range(40)]
    key = filled.key  # made before both ask for it
    with ThreadPoolExecutor(2) as threads:
        asked = [
            threads.submit(ask, filled, "batch", {"batch": body}, key=key)
            for body in (calls, [*reversed(calls)])
        ]
        assert [one.result().status for one in asked] == [200, 200]
    assert people_of(filled) == {f"p{number}@mail.example": [f"u{number}"] for number in range(40)}
    assert CustomEvent.objects.for_account(filled.account).count() == 40
