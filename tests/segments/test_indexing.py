from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connections

from dynamail.accounts.models import Account
from dynamail.contacts.models import Attribute
from dynamail.segments import indexing
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
    assert maintain_indexes() == ["contact_attribute_1_text", "contact_attribute_2_number"]
    assert maintain_indexes() == []
    add_segment(large_account, "key_2")
    first.delete()
    assert maintain_indexes() == ["contact_attribute_1_text"]
    assert list_valid_indexes() == ["contact_attribute_2_number"]


@outside_a_transaction
def test_a_build_that_broke_is_done_again(large_account: Account, owned_table: None) -> None:
    add_segment(large_account, "key_1")
    maintain_indexes()
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'contact_attribute_1_text'::regclass"
        )
    assert maintain_indexes() == ["contact_attribute_1_text", "contact_attribute_1_text"]
    assert list_valid_indexes() == ["contact_attribute_1_text"]


def test_small_accounts_and_high_numbers_get_none(
    large_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_segment(large_account, "key_1")
    assert find_wanted_indexes() == {AttributeIndex(1, "text")}
    Attribute.objects.for_account(large_account).filter(number=1).update(number=25)
    assert find_wanted_indexes() == set()
    Attribute.objects.for_account(large_account).filter(number=25).update(number=1)
    monkeypatch.setattr(indexing, "LARGE", 3)
    assert find_wanted_indexes() == set()


def test_an_unreadable_segment_wants_nothing(large_account: Account) -> None:
    Segment.objects.add(large_account, name="Old", definition={"kind": "gone"}, updated_at=NOW)
    assert find_wanted_indexes() == set()
