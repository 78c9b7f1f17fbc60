"""The builder's endpoints: names, words, counts; and documents of foreign hands, each answered with its faults."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dynamail.accounts.models import Account, User
from dynamail.contacts.models import Attribute, Tag
from dynamail.events.models import EventName
from dynamail.segments.saving import create_segment
from dynamail.tracking.models import Link
from dynamail.web.condition_words import list_words
from tests.support.campaigns import make_half_sent_campaign, member_of
from tests.support.conditions import random_garbage
from tests.support.people import make_contact, make_topic
from tests.support.personas import NOW

SignIn = Callable[[User], Client]
POSTS = ("check", "estimate", "count", "people", "overlap")
STRINGS = Path(__file__).resolve().parents[2] / "frontend/src/islands/conditions/strings.ts"


@pytest.fixture
def client(account: Account, bob: User, sign_in: SignIn) -> Client:
    return sign_in(bob)


@pytest.fixture
def people(account: Account) -> Tag:
    """Three from Minsk, of whom two are VIP, and one from Brest."""
    Attribute.objects.add(account, number=1, key="city", label="City")
    vip = Tag.objects.add(account, name="VIP")
    for name, town, tags in (
        ("a", "Minsk", [vip.pk]),
        ("b", "Minsk", [vip.pk]),
        ("c", "Minsk", []),
        ("d", "Brest", []),
    ):
        make_contact(account, f"{name}@mail.example", name=name.upper(), attributes={"1": town}, tags=tags)
    return vip


def post(client: Client, name: str, body: Any, *, raw: bool = False) -> Any:
    data = body if raw else json.dumps(body, default=float)  # decimals as the browser writes them
    return client.post(reverse(f"segment_builder_{name}"), data, content_type="application/json")


def city(town: str) -> dict[str, Any]:
    return {"kind": "attribute", "attribute": "city", "op": "equals", "value": town}


# ── Answers ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_condition_is_said_counted_and_shown(client: Client, people: Tag) -> None:
    condition = {"all": [city("Minsk"), {"kind": "tag", "op": "has_any", "tags": [people.public_id]}]}
    checked = post(client, "check", {"condition": condition}).json()
    assert checked["faults"] == []
    assert "Minsk" in checked["sentence"]
    assert "VIP" in checked["sentence"]
    estimated = post(client, "estimate", {"condition": condition}).json()
    assert (estimated["low"], estimated["number"], estimated["high"]) == (2, 2, 2)
    counted = post(client, "count", {"condition": condition, "salt": "seg_x"}).json()
    assert counted["number"] == 2
    assert counted["ms"] >= 0
    found = post(client, "people", {"condition": condition}).json()["people"]
    assert {one["name"] for one in found} == {"A", "B"}
    assert client.get(found[0]["url"]).status_code == 200


def test_an_overlap_with_another_segment_is_measured(
    client: Client, account: Account, alice: User, people: Tag
) -> None:
    vips = {"kind": "tag", "op": "has_any", "tags": [people.public_id]}
    segment = create_segment(account.pk, name="VIPs", definition=vips, by=member_of(account, alice), now=NOW)
    asked = {"condition": city("Minsk"), "segment": segment.public_id}
    assert post(client, "overlap", asked).json() == {"this": 3, "other": 2, "both": 2}
    assert "problem" in post(client, "overlap", {"condition": city("Minsk"), "segment": "seg_unknown"}).json()
    assert "problem" in post(client, "overlap", {"condition": city("Minsk"), "segment": ["x"]}).json()


def test_names_that_the_account_does_not_have_are_faults_at_their_place(client: Client, people: Tag) -> None:
    condition = {
        "all": [
            city("Minsk"),
            {"any": [{**city("Brest"), "attribute": "town"}, city("Brest")]},
        ]
    }
    answer = post(client, "check", {"condition": condition})
    (fault,) = answer.json()["faults"]
    assert answer.status_code == 200
    assert fault["path"].startswith("/all/1/any/0")
    assert "town" in fault["text"]
    for name in ("estimate", "count", "people", "overlap"):
        assert post(client, name, {"condition": condition}).json()["faults"][0]["path"] == fault["path"]


def test_an_event_that_never_arrived_is_a_note_and_counts_nobody(client: Client, people: Tag) -> None:
    asked = {"all": [{"kind": "event", "event": "order.placed"}]}
    checked = post(client, "check", {"condition": asked}).json()
    assert checked["sentence"] == "Had the event order.placed"
    assert checked["faults"] == []
    assert [(note["path"], note["code"]) for note in checked["notes"]] == [("/all/0/event", "unknown_event")]
    assert post(client, "count", {"condition": asked}).json()["number"] == 0

    never = {"all": [{"kind": "event", "event": "message.mine"}]}
    assert [fault["code"] for fault in post(client, "check", {"condition": never}).json()["faults"]] == [
        "bad_event"
    ]


def test_the_catalog_names_everything_with_how_much_there_is(
    client: Client, account: Account, alice: User, people: Tag
) -> None:
    member = member_of(account, alice)
    segment = create_segment(account.pk, name="Minsk", definition=city("Minsk"), by=member, now=NOW)
    campaign = make_half_sent_campaign(account, alice)
    EventName.objects.add(account, name="order.placed", properties={"total": "number"}, last_at=NOW)
    found = client.get(reverse("segment_builder_catalog")).json()
    assert found["attributes"] == [
        {"key": "city", "label": "City", "type": "text", "choices": [], "uses": 1, "filled": 4}
    ]
    assert found["tags"] == [{"id": people.public_id, "name": "VIP", "contacts": 2}]
    assert [one["id"] for one in found["segments"]] == [segment.public_id]
    (sent,) = found["campaigns"]
    links = Link.objects.for_account(account).filter(source_id=campaign.uid)
    assert sent["id"] == campaign.public_id
    assert [one["number"] for one in sent["links"]] == sorted(link.number for link in links)
    assert found["events"] == [{"name": "order.placed", "count": 0, "properties": {"total": "number"}}]
    assert {"text", "number", "date", "list"} <= found["operators"].keys()
    assert found["words"]["group.all"] == "all of these"


def test_values_that_contacts_have_are_suggested(client: Client, people: Tag) -> None:
    url = reverse("segment_builder_values")
    found = client.get(url, {"attribute": "city", "prefix": "m"}).json()["values"]
    assert [(one["value"], one["contacts"]) for one in found] == [("Minsk", 3)]
    for query in ({}, {"attribute": "nothing"}, {"field": "nothing"}, {"event": "x", "property": "y\x00%_"}):
        assert client.get(url, query).json()["values"] == []


def test_the_words_are_those_of_the_island() -> None:
    """The island's English texts and ours are one list, so that each can be translated."""
    text = STRINGS.read_text(encoding="utf-8")
    body = text[text.index("export const ENGLISH = {") : text.index("} as const")]
    words = {
        key: json.loads(value) for key, value in re.findall(r'^\s*"([^"]+)":\s*(".*"),?$', body, re.MULTILINE)
    }
    assert len(words) > 200
    assert list_words() == words


# ── Foreign hands ────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "null",
        "{",
        '{"condition"',
        '{"condition": NaN}',
        "\x00",
        '{"condition": ' + "[" * 30_000 + "]" * 30_000 + "}",
        '{"condition": ' + '{"not":' * 5_000 + "{}" + "}" * 5_000 + "}",
        '{"condition": ' + '{"all":[' * 1_000 + "]}" * 1_000 + "}",
        '{"condition": {"kind": "field", "field": "name", "op": "equals", "value": "'
        + "x" * 1_000_000
        + '"}}',
        '{"condition": {"kind": "field", "field": "name", "op": "equals", "value": ' + "9" * 5_000 + "}}",
        '{"condition": {"kind": "field", "field": "name", "op": "equals", "value": "\\u0000"}}',
        '{"condition": {"kind": "field", "field": "name", "op": "equals", "value": "\\ud800"}}',
        '{"condition": {"kind": "attribute", "attribute": "__class__", "op": "equals", "value": "x"}}',
        '{"condition": {"kind": "attribute", "attribute": "a\\"); DROP TABLE contact; --", "op": "equals", "value": "x"}}',
    ],
)
@pytest.mark.parametrize("name", POSTS)
def test_a_hostile_document_is_answered_with_its_faults(client: Client, name: str, body: str) -> None:
    answer = post(client, name, body, raw=True)
    assert answer.status_code in (200, 400)
    faults = answer.json()["faults"]
    assert faults
    assert all(isinstance(one["path"], str) and one["text"] for one in faults)


def is_tower(document: Any) -> bool:
    try:
        return not json.dumps(document, default=float)
    except RecursionError:
        return True


def test_no_document_makes_the_server_fail(client: Client, people: Tag) -> None:
    """Valid conditions of names that this account lacks, broken ones, and what never was one."""
    random, answered = Random(20_261), {200: 0, 400: 0}
    for _ in range(100):
        document = random_garbage(random)
        if is_tower(document):
            continue  # Python's own writer gives up; towers are sent as text above
        answer = post(client, "count", {"condition": document})
        answered[answer.status_code] += 1
        if answer.status_code == 400:
            faults = answer.json()["faults"]
            assert faults
            assert all(one["path"] == "" or one["path"].startswith("/") for one in faults)
            assert post(client, "check", {"condition": document}).json()["faults"] == faults
    assert answered[400] > 40


# ── Who may ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_another_accounts_names_are_unknown(
    account: Account, other_account: Account, charlie: User, people: Tag, sign_in: SignIn
) -> None:
    make_topic(other_account)
    client = sign_in(charlie)
    condition = {"kind": "tag", "op": "has_any", "tags": [people.public_id]}
    assert post(client, "count", {"condition": condition}).json()["faults"]
    assert post(client, "count", {"condition": {}}).json()["number"] == 0
    assert client.get(reverse("segment_builder_catalog")).json()["tags"] == []


def test_nothing_is_answered_without_a_token(account: Account, bob: User, sign_in: SignIn) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = sign_in(bob).cookies
    assert post(strict, "count", {"condition": {}}).status_code == 403
    assert Client().get(reverse("segment_builder_catalog")).status_code == 302
