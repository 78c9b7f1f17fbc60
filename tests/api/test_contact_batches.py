"""Many contacts in one request: the same as one by one, and nobody waits crosswise."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from dynamail.consent.models import SuppressionReason
from dynamail.consent.suppressing import suppress_address
from dynamail.contacts.addressing import read_address
from dynamail.contacts.editing import Source
from dynamail.contacts.merging import merge_contacts
from dynamail.contacts.models import Contact, ContactState, Tag
from dynamail.contacts.tags import MAX_TAGS
from dynamail.contacts.upserting import ContactChanges
from dynamail.contacts.upserting_many import Wish, upsert_contacts
from dynamail.events.models import Event
from dynamail.lib.clock import utc_now
from tests.api.conftest import Shop, body_of, database_dsn
from tests.api.test_changes_at_once import is_waited_for

PATH = "/api/v1/contacts"
KNOWN = ("ann", "bob", "cleo", "dan", "kept", "gone", "rita")
ITEMS: list[dict[str, Any]] = [
    {"email": "new@mail.example", "name": " New\t Person ", "attributes": {"city": "Minsk", "age": 33.5}},
    {"email": "Zoe@Mail.example", "tags": ["VIP", "fresh"], "language": "pt-BR", "timezone": "Europe/Minsk"},
    {"email": "zoe@mail.example", "tags": ["vip"], "name": "Zoe"},
    {"email": "ZOE@mail.example"},
    {"email": "info@gmial.com"},
    {"email": "stopped@mail.example", "attributes": {"sizes": ["S", "M"]}},
    {"email": "ANN@mail.example", "name": "Ann Lee", "attributes": {"city": None, "age": 7}, "tags": []},
    {"email": "bob@mail.example", "name": "bob"},
    {"email": "cleo@mail.example", "name": "Cleo"},
    {"email": "cleo@mail.example", "name": "cleo"},
    {"email": "dan@mail.example", "tags": ["fresh", "old"], "timezone": ""},
    {"email": "gone@mail.example", "name": "Still here"},
    {"email": "kept@mail.example", "attributes": {"sizes": []}},
    {"email": "rita@mail.example", "language": "de"},
    {"email": "no address", "tags": ["never made"]},
    {"email": "wrong@mail.example", "attributes": {"citty": 1, "age": "much"}, "language": "??"},
]


def fill(shop: Shop) -> None:
    for label, kind in (("City", "text"), ("Age", "number"), ("Sizes", "list")):
        body_of(shop.ask("POST", "/api/v1/attributes", {"label": label, "type": kind}), 201)
    contacts = [
        {"email": f"{name}@mail.example", "name": name, "tags": ["old"], "attributes": {"city": "Grodno"}}
        for name in KNOWN
    ]
    for contact in contacts:
        body_of(shop.ask("POST", PATH, contact), 201)
    rows = Contact.objects.for_account(shop.account)
    kept, gone = rows.get(email="kept@mail.example"), rows.get(email="gone@mail.example")
    merge_contacts(shop.account.pk, kept_id=kept.id, gone_id=gone.id, by=shop.owner, now=utc_now())
    rows.filter(email="rita@mail.example").update(state=ContactState.RESTRICTED)
    reason = SuppressionReason.MANUAL
    suppress_address(shop.account.pk, "stopped@mail.example", reason=reason, now=utc_now())


def read_rows(shop: Shop) -> dict[str, dict[str, Any]]:
    """Contacts by address, without ids and times; tags by name."""
    names = dict(Tag.objects.for_account(shop.account).values_list("pk", "name"))
    found = {}
    for row in Contact.objects.for_account(shop.account):
        values = {field.attname: getattr(row, field.attname) for field in Contact._meta.concrete_fields}
        for name in ("id", "account_id", "sample", "source_id", "created_at", "updated_at"):
            values.pop(name, None)
        is_known = row.email_key.partition("@")[0] in KNOWN
        values["is_touched"] = is_known and row.updated_at != row.created_at
        found[row.email_key] = values | {"tags": sorted(names[one] for one in row.tags)}
    return found


def read_events(shop: Shop) -> list[tuple[str, str, str, dict[str, Any]]]:
    """Each key writes as itself, so who wrote is left out; a merge names an id."""
    keys = dict(Contact.objects.for_account(shop.account).values_list("id", "email_key"))
    rows = Event.objects.for_account(shop.account).filter(contact_id__in=keys).exclude(kind="contact.merged")
    told = [
        (keys[one.contact_id], one.kind, one.source_kind, one.data | {"by": bool(one.data.get("by"))})
        for one in rows
    ]
    return sorted(told, key=repr)


def write_one_by_one(shop: Shop) -> list[tuple[int, list[str]]]:
    """The status of each, and the fields that it was refused for."""
    found = []
    for item in ITEMS:
        body = {name: value for name, value in item.items() if name != "email"}
        path = quote(item["email"] if "@" in item["email"] else "no address@", safe="@")
        answer = shop.ask("PUT", f"{PATH}/{path}", body)
        errors = body_of(answer, answer.status).get("errors", ())
        found.append((answer.status, [one["field"] for one in errors]))
    return found


def test_a_batch_does_what_its_contacts_would_do_one_by_one(shops: tuple[Shop, Shop]) -> None:
    alice, charlie = shops
    for shop in shops:
        fill(shop)
    statuses = write_one_by_one(alice)
    results = body_of(charlie.ask("POST", f"{PATH}/batch", {"contacts": ITEMS}))["results"]
    fits = {"created": 201, "changed": 200, "unchanged": 200, "refused": 422}
    for (status, fields), result in zip(statuses, results, strict=True):
        assert (status, fields) == (
            fits[result["result"]],
            [one["field"] for one in result.get("errors", ())],
        )
    assert read_rows(alice) == read_rows(charlie)
    assert read_events(alice) == read_events(charlie)
    tags = [sorted(Tag.objects.for_account(shop.account).values_list("name", flat=True)) for shop in shops]
    assert tags[0] == tags[1]
    assert [one["result"] for one in results] == [
        *("created", "created", "changed", "unchanged", "created", "created"),
        *("changed", "unchanged", "changed", "changed", "changed", "changed", "unchanged", "changed"),
        *("refused", "refused"),
    ]


def test_each_contact_that_names_too_many_tags_is_refused_by_itself(shop: Shop) -> None:
    rows = [Tag(account_id=shop.account.pk, name=f"t{number}") for number in range(MAX_TAGS - 1)]
    Tag.objects.for_account(shop.account).bulk_create(rows)
    contacts = [
        {"email": "a@mail.example", "tags": ["t1", "last"]},
        {"email": "b@mail.example", "tags": ["one more"]},
        {"email": "c@mail.example", "tags": ["T2", "LAST"]},
    ]
    answer = body_of(shop.ask("POST", f"{PATH}/batch", {"contacts": contacts}))
    assert [one["result"] for one in answer["results"]] == ["created", "refused", "created"]
    assert answer["results"][1]["errors"][0]["field"] == "tags"


def test_a_batch_takes_as_many_statements_for_many_as_for_few(
    shop: Shop, django_assert_max_num_queries: Any
) -> None:
    people = [read_address(f"p{number}@mail.example") for number in range(200)]
    for name in ("first", "second"):
        wishes = [Wish(person, ContactChanges(name=name)) for person in people]
        with django_assert_max_num_queries(8):
            done = upsert_contacts(
                shop.account.pk, wishes, source=Source("api"), by=shop.owner, now=utc_now()
            )
        assert all(one.is_new or one.changed == ["name"] for one in done)


@pytest.fixture
def other(committed_database: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_dsn(committed_database)) as connection:
        yield connection


def test_a_batch_is_locked_in_the_order_of_the_addresses(shop: Shop, other: psycopg.Connection[Any]) -> None:
    for name in ("bob", "ann"):
        body_of(shop.ask("POST", PATH, {"email": f"{name}@mail.example"}), 201)
    hold = f"SELECT 1 FROM {Contact._meta.db_table} WHERE account_id = %s AND email = %s FOR UPDATE NOWAIT"
    other.execute(hold, [shop.account.pk, "ann@mail.example"])
    contacts = [{"email": f"{name}@mail.example", "name": name} for name in ("new", "bob", "ann")]
    with ThreadPoolExecutor(1) as thread:
        asked = thread.submit(shop.ask, "POST", f"{PATH}/batch", {"contacts": contacts})
        while not is_waited_for(other):
            assert not asked.done(), asked.result().body
        other.execute(hold, [shop.account.pk, "bob@mail.example"])
        other.commit()
        assert body_of(asked.result())["changed"] == 2


def test_whom_another_request_makes_meanwhile_is_changed_instead(
    shop: Shop, other: psycopg.Connection[Any]
) -> None:
    body_of(shop.ask("POST", PATH, {"email": "ann@mail.example", "name": "Ann"}), 201)
    other.execute(
        "INSERT INTO contact (account_id, id, email, email_key, name, attributes, tags, state, language, timezone, lane, sample,"
        " source_kind, source_id, source_label, created_at, updated_at) "
        "SELECT account_id, gen_random_uuid(), 'bob@mail.example', 'bob@mail.example', 'Robert', attributes, tags, state, language,"
        " timezone, lane, sample, source_kind, source_id, source_label, created_at, updated_at FROM contact WHERE account_id = %s",
        [shop.account.pk],
    )
    contacts = [{"email": f"{name}@mail.example", "name": name} for name in ("cleo", "bob", "bob")]
    with ThreadPoolExecutor(1) as thread:
        asked = thread.submit(shop.ask, "POST", f"{PATH}/batch", {"contacts": contacts})
        while not is_waited_for(other):
            assert not asked.done(), asked.result().body
        other.commit()
        answer = body_of(asked.result())
    assert [one["result"] for one in answer["results"]] == ["created", "changed", "unchanged"]


def test_two_batches_with_the_same_people_at_once_both_come_through(shop: Shop) -> None:
    names = [f"p{number:02}" for number in range(60)]
    body_of(
        shop.ask(
            "POST", f"{PATH}/batch", {"contacts": [{"email": f"{one}@mail.example"} for one in names[::2]]}
        )
    )
    with ThreadPoolExecutor(2) as threads:
        asked = [
            threads.submit(
                shop.ask,
                "POST",
                f"{PATH}/batch",
                {
                    "contacts": [
                        {"email": f"{one}@mail.example", "name": who, "tags": [who, one]} for one in order
                    ]
                },
            )
            for who, order in (("a", names), ("b", names[::-1]))
        ]
        answers = [body_of(one.result()) for one in asked]
    assert sum(one["created"] for one in answers) == 30
    assert Contact.objects.for_account(shop.account).count() == 60
