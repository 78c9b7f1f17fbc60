"""Nothing leaves but what the table of fields names, and of that only what an endpoint was given (P7.2)."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamail.accounts.models import Account
from dynamail.contacts.models import Attribute, Tag
from dynamail.events.kinds import EventKind
from dynamail.events.tailing import LoggedEvent
from dynamail.lib.ids import new_id, to_public_id
from dynamail.messages.models import Email, Message
from dynamail.webhooks.facts import Facts, SentCopy, SentEmail, gather_facts
from dynamail.webhooks.kinds import KINDS, TELLINGS, FieldGroup, list_groups, make_example, write_catalog
from dynamail.webhooks.payloads import MOST_BYTES, encode, fit, make_payload, tell
from tests.support.people import make_contact, make_topic
from tests.support.personas import NOW

GUIDE = Path(__file__).resolve().parents[2] / "docs/api/webhooks.md"
SECRET = "canary"
ALL_FIELDS = tuple(FieldGroup.values)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def make_event(kind: str, **values: Any) -> LoggedEvent:
    plain = {
        "contact_id": None,
        "message_id": None,
        "source_kind": "",
        "source_id": None,
        "data": {},
    } | values
    return LoggedEvent(account_id=1, id=new_id(NOW), at=NOW, kind=kind, **plain)


def test_every_kind_of_event_is_told_and_documented() -> None:
    assert set(KINDS) == set(EventKind.values)
    assert write_catalog() in GUIDE.read_text()


@pytest.mark.promise("P7.2")
@pytest.mark.parametrize("kind", TELLINGS)
def test_a_payload_has_only_what_its_kind_names(kind: str) -> None:
    """Every column and every key of the data holds a canary; ids of rows are the only other thing that gets out."""
    key = UUID(int=7)
    keys = {field.name for one in TELLINGS.values() for field in one.fields} | {
        "by",
        "dialog",
        "ip",
        "condition",
    }
    event = make_event(
        kind,
        contact_id=key,
        message_id=key,
        source_kind="campaign",
        source_id=key,
        data={name: f"{SECRET} {name}" for name in keys} | {"topic_id": 1, "tag": 1, "fields": []},
    )
    facts = Facts(
        copies={key: SentCopy(SECRET, SECRET, key)},
        emails={key: SentEmail(SECRET, [SECRET], {SECRET: SECRET}, True)},
        addresses={key: SECRET},
        topics={1: (SECRET, SECRET)},
        tags={1: SECRET},
    )
    payload = make_payload(kind, NOW, tell(event, facts))
    fields = {field.name: field for field in TELLINGS[kind].fields}
    for chosen in ((), ("address",), ALL_FIELDS):
        data = fit(payload, chosen)["data"]
        assert data.keys() <= fields.keys()
        assert all(fields[name].group is None or fields[name].group in chosen for name in data)
        assert set(list_groups(kind, data)) <= set(chosen)


@given(kind=st.sampled_from(KINDS), data=st.dictionaries(st.text(max_size=10), ANYTHING, max_size=6))
def test_whatever_the_log_says_makes_json(kind: str, data: dict[str, Any]) -> None:
    known = {name: value for name, value in data.items() if name not in ("topic_id", "tag", "fields")}
    payload = fit(make_payload(kind, NOW, tell(make_event(kind, data=known), Facts())), ALL_FIELDS)
    assert json.loads(encode(payload))["type"] == kind


@given(size=st.integers(0, 60_000))
def test_a_payload_is_never_larger_than_20_kb(size: int) -> None:
    data = make_example("message.clicked")["data"] | {"metadata": {"k": "ж" * size}, "url": "u" * size}
    payload = fit(make_payload("message.clicked", NOW, data), ALL_FIELDS)
    assert len(encode(payload)) <= MOST_BYTES
    assert ("metadata" in payload["data"]) != ("metadata" in payload["data"].get("left_out", []))
    assert fit(payload, ALL_FIELDS) == payload


def test_taking_a_field_away_takes_it_out_of_what_waits() -> None:
    wide = fit(make_example("message.delivered"), ALL_FIELDS)
    assert wide["data"]["recipient"]
    assert "recipient" not in fit(wide, ("tags",))["data"]


def test_an_event_of_an_email_says_which_email(account: Account) -> None:
    email_id, message_id, contact = new_id(NOW), new_id(NOW), make_contact(account)
    Email.objects.add(
        account,
        id=email_id,
        at=NOW,
        source_kind="api",
        stream="receipts",
        from_email="shop@acme.example",
        subject="Your order",
        recipients=[],
        tags=["order"],
        metadata={"order": "7"},
        is_test=True,
    )
    Message.objects.add(
        account,
        id=message_id,
        at=NOW,
        source_kind="api",
        recipient="ann@mail.example",
        state="delivered",
        email_id=email_id,
        stream="receipts",
    )
    data = {
        "code": 250,
        "reply": "250 Ok",
        "host": "mx.example",
        "ip": "192.0.2.1",
        "dialog": [["EHLO", "250"]],
    }
    event = make_event(
        "message.delivered", contact_id=contact.id, message_id=message_id, source_kind="api", data=data
    )
    payload = fit(make_payload(event.kind, NOW, tell(event, gather_facts(account.pk, [event]))), ALL_FIELDS)
    assert payload == {
        "type": "message.delivered",
        "timestamp": "2026-11-23T10:00:00.000Z",
        "data": {
            "contact_id": contact.public_id,
            "code": 250,
            "reply": "250 Ok",
            "host": "mx.example",
            "message_id": to_public_id("msg", message_id),
            "recipient": "ann@mail.example",
            "stream": "receipts",
            "email_id": to_public_id("eml", email_id),
            "subject": "Your order",
            "tags": ["order"],
            "metadata": {"order": "7"},
            "test": True,
        },
    }
    assert fit(payload, ())["data"].keys() == {
        "contact_id",
        "code",
        "host",
        "message_id",
        "stream",
        "email_id",
        "test",
    }


def test_numbers_of_rows_become_names(account: Account) -> None:
    topic, tag = make_topic(account), Tag.objects.add(account, name="regular")
    Attribute.objects.add(account, number=3, key="city", label="City")
    events = [
        make_event("contact.subscribed", data={"topic_id": topic.pk, "method": "page", "by": "Alice"}),
        make_event("contact.tagged", data={"tag": tag.pk}),
        make_event("contact.updated", data={"fields": ["name", "attribute:3"], "by": "alice@acme.example"}),
    ]
    facts = gather_facts(account.pk, events)
    told = [fit(make_payload(one.kind, NOW, tell(one, facts)), ALL_FIELDS)["data"] for one in events]
    assert told == [
        {"topic_id": topic.public_id, "topic": "Product news", "method": "page"},
        {"tag": "regular"},
        {"fields": ["name", "attributes.city"]},
    ]


def test_a_moment_is_written_in_utc() -> None:
    payload = make_payload("campaign.finished", NOW + timedelta(milliseconds=7), {})
    assert payload["timestamp"] == "2026-11-23T10:00:00.007Z"


def test_the_answer_of_a_server_is_told_with_both_codes() -> None:
    told = tell(make_event("message.bounced", data={"code": 550, "enhanced": "5.1.1"}), Facts())
    assert (told["code"], told["enhanced_code"]) == (550, "5.1.1")
