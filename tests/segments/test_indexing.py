from __future__ import annotations

from collections.abc import Iterator
from random import Random
from uuid import UUID

import pytest
from django.db import connections

from dynamail.accounts.models import Account
from dynamail.conditions.tree import AttributeTest, Op
from dynamail.contacts.models import Attribute
from dynamail.contacts.queries import ContactFilter, filter_contacts
from dynamail.segments import indexing
from dynamail.segments.compiling import compile_for
from dynamail.segments.compiling_values import HEAD
from dynamail.segments.indexing import AttributeIndex, find_wanted_indexes, maintain_indexes
from dynamail.segments.models import Segment
from tests.support.people import make_contact
from tests.support.personas import NOW, make_account

outside_a_transaction = pytest.mark.django_db(transaction=True)


@pytest.fixture
def large_account(db: None, monkeypatch: pytest.MonkeyPatch) -> Account:
    """Three contacts are many here."""
    monkeypatch.setattr(indexing, "LARGE", 2)
    account = make_account()
    for number, kind in enumerate(("text", "number", "boolean"), start=1):
        Attribute.objects.add(account, number=number, key=f"key_{number}", label="Label", type=kind)
        make_contact(account, f"person{number}@mail.example", attributes={"1": "Minsk", "2": number})
    return account


@pytest.fixture
def owned_table(large_account: Account) -> Iterator[None]:
    """The table is the owner's, as after a migration of an installation."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT tableowner FROM pg_tables WHERE tablename = 'contact'")
        owner = cursor.fetchone()[0]
        cursor.execute("GRANT ALL ON SCHEMA public TO dynamail_owner")
        cursor.execute("ALTER TABLE contact OWNER TO dynamail_owner")
        yield
        Segment.objects.for_account(large_account).delete()
        maintain_indexes()
        cursor.execute(f'ALTER TABLE contact OWNER TO "{owner}"')


def add_segment(account: Account, *keys: str) -> Segment:
    definition = {"all": [{"kind": "attribute", "attribute": key, "op": "filled"} for key in keys]}
    return Segment.objects.add(account, name=",".join(keys), definition=definition, updated_at=NOW)


def list_valid_indexes() -> list[str]:
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE indisvalid"
            " AND relname LIKE 'contact_attribute_%%' ORDER BY 1"
        )
        return [name for (name,) in cursor.fetchall()]


@outside_a_transaction
def test_attributes_of_segments_get_indexes_that_go_with_the_last_segment(
    large_account: Account, owned_table: None
) -> None:
    first = add_segment(large_account, "key_1", "key_2", "key_3")
    assert maintain_indexes() == ["contact_attribute_1_head", "contact_attribute_2_number"]
    assert maintain_indexes() == []
    add_segment(large_account, "key_2")
    first.delete()
    assert maintain_indexes() == ["contact_attribute_1_head"]
    assert list_valid_indexes() == ["contact_attribute_2_number"]


@outside_a_transaction
def test_a_build_that_broke_is_done_again(large_account: Account, owned_table: None) -> None:
    add_segment(large_account, "key_1")
    maintain_indexes()
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'contact_attribute_1_head'::regclass"
        )
    assert maintain_indexes() == ["contact_attribute_1_head", "contact_attribute_1_head"]
    assert list_valid_indexes() == ["contact_attribute_1_head"]


@outside_a_transaction
def test_an_index_takes_texts_of_any_length(large_account: Account, owned_table: None) -> None:
    """PostgreSQL refuses to write a row with a key of more than 2,704 bytes, however it is compressed."""
    add_segment(large_account, "key_1")
    letters = "".join(Random(1).choices("абвгдежзийклмнопрстуфхцчшщъыьэюя", k=2_000))
    before = make_contact(large_account, "before@mail.example", attributes={"1": letters})
    maintain_indexes()
    after = make_contact(large_account, "after@mail.example", attributes={"1": letters})
    assert list_equal(large_account, letters) == {before.id, after.id}


@outside_a_transaction
def test_an_index_of_whole_texts_is_replaced(large_account: Account, owned_table: None) -> None:
    add_segment(large_account, "key_1")
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "CREATE INDEX contact_attribute_1_text ON contact (account_id, (attributes->>'1') COLLATE \"C\")"
        )
    assert maintain_indexes() == ["contact_attribute_1_text", "contact_attribute_1_head"]
    assert list_valid_indexes() == ["contact_attribute_1_head"]


@pytest.mark.parametrize("length", [HEAD - 1, HEAD, HEAD + 1, 3 * HEAD])
def test_texts_that_begin_alike_are_told_apart(account: Account, length: int) -> None:
    Attribute.objects.add(account, number=1, key="key_1", label="Label", type="text")
    start = "я" * (length - 1)
    texts = (start, start + "я", start + "x", start + "яx", "short")
    found = {
        text: make_contact(account, f"p{place}@mail.example", attributes={"1": text})
        for place, text in enumerate(texts)
    }
    for text, contact in found.items():
        assert list_equal(account, text) == {contact.id}
        assert list_equal(account, text, "short") == {contact.id, found["short"].id}
    assert list_equal(account, "я" * 50) == set()


@pytest.mark.parametrize("values", [["Minsk"], ["Minsk", "Brest"], ["x" * 500], ["Minsk", "x" * 500]])
def test_equal_texts_are_asked_of_what_the_index_holds(account: Account, values: list[str]) -> None:
    Attribute.objects.add(account, number=1, key="key_1", label="Label", type="text")
    text = compile_for(account.pk, ask_equal(*values), now=NOW).text
    expression = AttributeIndex(1, indexing.TEXTS).expression.replace("attributes", "contact.attributes")
    assert f"{expression} = {'ANY(%s::text[])' if len(values) > 1 else '%s::text'}" in text


def ask_equal(*values: str) -> AttributeTest:
    return (
        AttributeTest("key_1", Op.IN, values)
        if len(values) > 1
        else AttributeTest("key_1", Op.EQUALS, values[0])
    )


def list_equal(account: Account, *values: str) -> set[UUID]:
    rows = filter_contacts(account.pk, ContactFilter(), compile_for(account.pk, ask_equal(*values), now=NOW))
    return set(rows.values_list("id", flat=True))


def test_small_accounts_and_high_numbers_get_none(
    large_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_segment(large_account, "key_1")
    assert find_wanted_indexes() == {AttributeIndex(1, indexing.TEXTS)}
    Attribute.objects.for_account(large_account).filter(number=1).update(number=25)
    assert find_wanted_indexes() == set()
    Attribute.objects.for_account(large_account).filter(number=25).update(number=1)
    monkeypatch.setattr(indexing, "LARGE", 3)
    assert find_wanted_indexes() == set()


def test_an_unreadable_segment_wants_nothing(large_account: Account) -> None:
    Segment.objects.add(large_account, name="Old", definition={"kind": "gone"}, updated_at=NOW)
    assert find_wanted_indexes() == set()
